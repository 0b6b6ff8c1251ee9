//! WebSocket frames as a client sees them: found by their header, and looked into only by who wants to.

/// A text frame without continuation: all that the servers here send, apart from pings.
const TEXT: u8 = 0x81;

/// Takes a stream of bytes apart. Copies only a frame that did not come in one piece.
#[derive(Debug, Default)]
pub struct Frames {
    begun: Vec<u8>,
}

impl Frames {
    /// Calls `heard` with the payload of each text frame that is now complete.
    pub fn feed(&mut self, bytes: &[u8], mut heard: impl FnMut(&[u8])) {
        if self.begun.is_empty() {
            let used = whole_frames(bytes, &mut heard);
            self.begun.extend_from_slice(&bytes[used..]);
        } else {
            self.begun.extend_from_slice(bytes);
            let used = whole_frames(&self.begun, &mut heard);
            self.begun.drain(..used);
        }
        if self.begun.is_empty() && self.begun.capacity() > 0 {
            // Thousands of clients: none of them keeps a buffer while it waits.
            self.begun = Vec::new();
        }
    }
}

/// How many bytes were whole frames.
fn whole_frames(bytes: &[u8], heard: &mut impl FnMut(&[u8])) -> usize {
    let mut used = 0;
    while let Some((header, payload)) = lengths(&bytes[used..]) {
        let end = used + header + payload;
        if end > bytes.len() {
            break;
        }
        if bytes[used] == TEXT {
            heard(&bytes[used + header..end]);
        }
        used = end;
    }
    used
}

/// Of the header and of the payload, once the header is there. Servers do not mask (RFC 6455, 5.1).
fn lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    let extended = match bytes.get(1)? & 0x7f {
        126 => 2,
        127 => 8,
        length => return Some((2, usize::from(length))),
    };
    let digits = bytes.get(2..2 + extended)?;
    let length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
    Some((2 + extended, length))
}

/// A text frame as a server sends it.
pub fn text(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![TEXT];
    match payload.len() {
        length @ ..126 => frame.push(length as u8),
        length @ ..0x1_0000 => {
            frame.push(126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(pieces: &[&[u8]]) -> Vec<usize> {
        let (mut frames, mut heard) = (Frames::default(), Vec::new());
        for piece in pieces {
            frames.feed(piece, |payload| heard.push(payload.len()));
        }
        assert!(frames.begun.is_empty(), "nothing is left over");
        heard
    }

    #[test]
    fn frames_of_every_length_are_recognised() {
        let stream: Vec<u8> =
            [0, 125, 126, 65_535, 65_536].iter().flat_map(|length| text(&vec![b'x'; *length])).collect();
        assert_eq!(heard(&[&stream]), [0, 125, 126, 65_535, 65_536]);
    }

    #[test]
    fn a_frame_may_come_byte_by_byte() {
        let stream = [text(b"one"), text(&[b'2'; 300])].concat();
        let pieces: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(heard(&pieces), [3, 300]);
    }

    #[test]
    fn pings_are_skipped() {
        let stream = [vec![0x89, 1, b'p'], text(b"news")].concat();
        assert_eq!(heard(&[&stream]), [4]);
    }
}
