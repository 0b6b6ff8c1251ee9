//! Posts to a server over one connection, as a shop backend does.

use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A server that takes longer to answer a notification has failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

pub struct Notifier {
    server: SocketAddr,
    stream: Option<TcpStream>,
}

impl Notifier {
    pub fn new(server: SocketAddr) -> Notifier {
        Notifier { server, stream: None }
    }

    /// Sends, and does not wait for the answer: the broadcast may come before it.
    pub fn send(&mut self, body: &[u8]) -> Result<()> {
        let head = format!(
            "POST /notify HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.server,
            body.len()
        );
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect_timeout(&self.server, ANSWER_WITHIN).context("connect")?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(ANSWER_WITHIN))?;
                none.insert(stream)
            }
        };
        stream.write_all(&[head.as_bytes(), body].concat()).context("a notification")
    }

    /// Takes the answer to what was sent.
    pub fn answered(&mut self) -> Result<()> {
        let stream = self.stream.as_mut().context("nothing was sent")?;
        let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            if let Some((status, last)) = whole(&answer) {
                if last {
                    self.stream = None;
                }
                if !(200..300).contains(&status) {
                    bail!("the notification was answered with {status}");
                }
                return Ok(());
            }
            match stream.read(&mut buffer).context("the answer to a notification")? {
                0 => bail!("no answer to a notification"),
                count => answer.extend_from_slice(&buffer[..count]),
            }
        }
    }
}

/// The status of an answer that is complete, and whether the server hangs up after it.
fn whole(answer: &[u8]) -> Option<(u16, bool)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?.to_ascii_lowercase();
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(str::trim)
    };
    let complete = match header("content-length") {
        Some(length) => answer.len() >= end + 4 + length.parse::<usize>().ok()?,
        None if header("transfer-encoding").is_some() => answer.ends_with(b"0\r\n\r\n"),
        None => true,
    };
    let status = head.split(' ').nth(1)?.parse().ok()?;
    complete.then_some((status, header("connection") == Some("close")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n";
        assert_eq!(whole(format!("{head}\r\no").as_bytes()), None);
        assert_eq!(whole(format!("{head}\r\nok").as_bytes()), Some((200, false)));
        assert_eq!(whole(format!("{head}Connection: close\r\n\r\nok").as_bytes()), Some((200, true)));
        assert_eq!(
            whole(b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            Some((202, false))
        );
    }
}
