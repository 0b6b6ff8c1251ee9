//! WebSocket frames (RFC 6455), written and read. Pure: bytes in, bytes or messages out.
//!
//! Frames of a server carry no mask, so header and payload lie in one `Bytes` that all clients share.

use bytes::{BufMut, Bytes, BytesMut};

/// Clients have nothing long to say; a longer message closes the connection with 1009.
pub const MESSAGE_BYTES: usize = 4 * 1024;

/// RFC 6455, 5.5: payload of a ping, pong or close.
const CONTROL_BYTES: usize = 125;

/// Why a connection ends, as the client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseCode(pub u16);

impl CloseCode {
    pub const NORMAL: CloseCode = CloseCode(1000);
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    pub const PROTOCOL: CloseCode = CloseCode(1002);
    pub const TOO_BIG: CloseCode = CloseCode(1009);
    /// The token expired or was revoked, or the one sent in band is bad.
    pub const EXPIRED: CloseCode = CloseCode(4401);
    /// The token sent in band is of another subject, or its role may not view.
    pub const FORBIDDEN: CloseCode = CloseCode(4403);
    /// No progress in writing for too long.
    pub const TOO_SLOW: CloseCode = CloseCode(4408);
}

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
const FIN: u8 = 0x80;

pub fn text(payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    frame.put_u8(FIN | TEXT);
    match payload.len() {
        short @ 0..=125 => frame.put_u8(short as u8),
        middle @ 126..=0xFFFF => {
            frame.put_u8(126);
            frame.put_u16(middle as u16);
        }
        long => {
            frame.put_u8(127);
            frame.put_u64(long as u64);
        }
    }
    frame.extend_from_slice(payload);
    frame.freeze()
}

pub fn pong(payload: &[u8]) -> Bytes {
    control(PONG, payload)
}

pub fn close(code: CloseCode) -> Bytes {
    control(CLOSE, &code.0.to_be_bytes())
}

fn control(opcode: u8, payload: &[u8]) -> Bytes {
    debug_assert!(payload.len() <= CONTROL_BYTES);
    let mut frame = BytesMut::with_capacity(payload.len() + 2);
    frame.put_u8(FIN | opcode);
    frame.put_u8(payload.len() as u8);
    frame.extend_from_slice(payload);
    frame.freeze()
}

/// What a client said.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    Text(Vec<u8>),
    Binary,
    Ping(Vec<u8>),
    Pong,
    Close(CloseCode),
}

/// Puts messages together from whatever pieces arrive. Holds no buffer between messages.
#[derive(Debug, Default)]
pub struct Parser {
    head: [u8; 14],
    head_len: u8,
    /// The frame whose payload is being read.
    frame: Option<Frame>,
    payload: Vec<u8>,
    /// The data message whose fragments are being read, and its opcode.
    message: Option<(u8, Vec<u8>)>,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    fin: bool,
    opcode: u8,
    mask: [u8; 4],
    length: usize,
}

impl Parser {
    /// Reads `input` and hands each complete message to `take`; after an error the connection has to close.
    pub fn feed(&mut self, mut input: &[u8], mut take: impl FnMut(Incoming)) -> Result<(), CloseCode> {
        loop {
            let frame = match self.frame {
                Some(frame) => frame,
                None => {
                    let Some(frame) = self.read_head(&mut input)? else { return Ok(()) };
                    self.frame = Some(frame);
                    frame
                }
            };
            let missing = frame.length - self.payload.len();
            let (here, rest) = input.split_at(missing.min(input.len()));
            self.payload.extend_from_slice(here);
            input = rest;
            if self.payload.len() < frame.length {
                return Ok(());
            }
            self.frame = None;
            let mut payload = std::mem::take(&mut self.payload);
            payload.iter_mut().zip(frame.mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
            if let Some(incoming) = self.finish(frame, payload)? {
                take(incoming);
            }
        }
    }

    /// Takes bytes until the head is complete. Everything that can be refused is refused before the payload.
    fn read_head(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, CloseCode> {
        while let Some((byte, rest)) = input.split_first() {
            self.head[usize::from(self.head_len)] = *byte;
            self.head_len += 1;
            *input = rest;
            if let Some(frame) = self.parse_head()? {
                self.head_len = 0;
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    fn parse_head(&self) -> Result<Option<Frame>, CloseCode> {
        let head = &self.head[..usize::from(self.head_len)];
        let &[first, ref rest @ ..] = head else { return Ok(None) };
        let (fin, opcode) = (first & FIN != 0, first & 0x0F);
        let control = opcode >= CLOSE;
        let known = matches!(opcode, 0 | TEXT | BINARY | CLOSE | PING | PONG);
        // No extension was agreed on, so the reserved bits are zero; control frames come in one piece.
        if first & 0x70 != 0 || !known || (control && !fin) {
            return Err(CloseCode::PROTOCOL);
        }
        if !control && (opcode == 0) != self.message.is_some() {
            return Err(CloseCode::PROTOCOL);
        }
        let &[second, ref rest @ ..] = rest else { return Ok(None) };
        let short = usize::from(second & 0x7F);
        if second & 0x80 == 0 || (control && short > CONTROL_BYTES) {
            return Err(CloseCode::PROTOCOL);
        }
        let (length, rest) = match (short, rest) {
            (126, &[a, b, ref rest @ ..]) => (u64::from(u16::from_be_bytes([a, b])), rest),
            (127, &[a, b, c, d, e, f, g, h, ref rest @ ..]) => {
                (u64::from_be_bytes([a, b, c, d, e, f, g, h]), rest)
            }
            (126 | 127, _) => return Ok(None),
            (short, rest) => (short as u64, rest),
        };
        let so_far = self.message.as_ref().map_or(0, |(_, bytes)| bytes.len());
        if !control && length.saturating_add(so_far as u64) > MESSAGE_BYTES as u64 {
            return Err(CloseCode::TOO_BIG);
        }
        let &[a, b, c, d] = rest else { return Ok(None) };
        Ok(Some(Frame { fin, opcode, mask: [a, b, c, d], length: length as usize }))
    }

    fn finish(&mut self, frame: Frame, payload: Vec<u8>) -> Result<Option<Incoming>, CloseCode> {
        match frame.opcode {
            PING => Ok(Some(Incoming::Ping(payload))),
            PONG => Ok(Some(Incoming::Pong)),
            CLOSE => Ok(Some(Incoming::Close(close_code(&payload)?))),
            opcode => {
                let (opcode, message) = match self.message.take() {
                    Some((opcode, mut message)) => {
                        message.extend_from_slice(&payload);
                        (opcode, message)
                    }
                    None => (opcode, payload),
                };
                if !frame.fin {
                    self.message = Some((opcode, message));
                    return Ok(None);
                }
                Ok(Some(if opcode == TEXT { Incoming::Text(message) } else { Incoming::Binary }))
            }
        }
    }
}

fn close_code(payload: &[u8]) -> Result<CloseCode, CloseCode> {
    match payload {
        [] => Ok(CloseCode::NORMAL),
        [a, b, reason @ ..] => {
            let code = u16::from_be_bytes([*a, *b]);
            let sendable = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            if sendable && std::str::from_utf8(reason).is_ok() {
                Ok(CloseCode(code))
            } else {
                Err(CloseCode::PROTOCOL)
            }
        }
        [_] => Err(CloseCode::PROTOCOL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A client's frame, masked.
    fn client(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [7, 1, 200, 33];
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..=125 => frame.push(0x80 | short as u8),
            middle => {
                frame.push(0x80 | 126);
                frame.extend((middle as u16).to_be_bytes());
            }
        }
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    fn read(pieces: &[&[u8]]) -> Result<Vec<Incoming>, CloseCode> {
        let (mut parser, mut got) = (Parser::default(), Vec::new());
        for piece in pieces {
            parser.feed(piece, |incoming| got.push(incoming))?;
        }
        Ok(got)
    }

    #[test]
    fn messages_are_read_whole_and_byte_by_byte() {
        let mut bytes = client(FIN | TEXT, b"hola");
        bytes.extend(client(TEXT, &[b'a'; 300]));
        bytes.extend(client(FIN | PING, b"still there?"));
        bytes.extend(client(FIN, b"b"));
        bytes.extend(client(FIN | CLOSE, &1001_u16.to_be_bytes()));
        let mut long = vec![b'a'; 300];
        long.push(b'b');
        let expected = || {
            vec![
                Incoming::Text(b"hola".to_vec()),
                Incoming::Ping(b"still there?".to_vec()),
                Incoming::Text(long.clone()),
                Incoming::Close(CloseCode::GOING_AWAY),
            ]
        };
        assert_eq!(read(&[&bytes]), Ok(expected()));
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&single), Ok(expected()));
    }

    fn refused(bytes: &[u8], code: CloseCode) {
        assert_eq!(read(&[bytes]), Err(code), "{bytes:x?}");
    }

    #[test]
    fn what_breaks_the_protocol_is_refused() {
        refused(&[FIN | TEXT, 1, b'x'], CloseCode::PROTOCOL); // not masked
        refused(&client(FIN | 0x40 | TEXT, b""), CloseCode::PROTOCOL); // a reserved bit
        refused(&client(FIN | 0x3, b""), CloseCode::PROTOCOL); // an unknown opcode
        refused(&client(PING, b""), CloseCode::PROTOCOL); // a fragmented ping
        refused(&client(FIN | PING, &[0; 126]), CloseCode::PROTOCOL); // a long ping
        refused(&client(FIN, b"x"), CloseCode::PROTOCOL); // nothing to continue
        refused(&[client(TEXT, b"x"), client(FIN | TEXT, b"y")].concat(), CloseCode::PROTOCOL);
        refused(&client(FIN | CLOSE, &[3]), CloseCode::PROTOCOL);
        refused(&client(FIN | CLOSE, &1005_u16.to_be_bytes()), CloseCode::PROTOCOL);
    }

    #[test]
    fn a_long_message_is_refused_before_its_payload_is_read() {
        refused(&client(FIN | TEXT, &[0; MESSAGE_BYTES + 1])[..4], CloseCode::TOO_BIG);
        refused(&[FIN | BINARY, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], CloseCode::TOO_BIG);
        refused(&[client(TEXT, &[0; 4000]), client(FIN, &[0; 97])].concat(), CloseCode::TOO_BIG);
        assert!(read(&[&client(FIN | TEXT, &[0; MESSAGE_BYTES])]).is_ok());
    }

    #[test]
    fn what_is_written_has_the_right_head() {
        assert_eq!(&text(b"{}")[..], b"\x81\x02{}");
        assert_eq!(&text(&[b'x'; 126])[..4], &[0x81, 126, 0, 126]);
        assert_eq!(&text(&[b'x'; 70_000])[..10], &[0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
        assert_eq!(&close(CloseCode::TOO_SLOW)[..], &[0x88, 2, 0x11, 0x38]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 1_usize..50) {
            let pieces: Vec<&[u8]> = bytes.chunks(cut).collect();
            prop_assert_eq!(read(&pieces), read(&[&bytes]));
        }
    }
}
