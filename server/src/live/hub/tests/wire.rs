//! The hub's counterpart in its tests: who publishes, and a client that reads in bits and checks what it reads.

use crate::clock;
use crate::live::latest::Latest;
use crate::live::plan::Causes;
use crate::live::snapshot::{Answer, Commit, Snapshot};
use serde_json::Value;
use serde_json::value::RawValue;
use shared::{Metric, Upstream};
use socket2::SockRef;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// Publishes snapshots, as the updater does.
#[derive(Clone)]
pub struct Press(pub Rc<watch::Sender<Arc<Snapshot>>>);

impl Press {
    pub fn new() -> (Press, Latest) {
        let (publish, latest) = watch::channel(Arc::new(Snapshot::empty("9f2c41d07ab35e18", 0)));
        let press = Press(Rc::new(publish));
        press.publish(10);
        (press, Latest::new(latest))
    }

    /// The next version, with one metric of about so many bytes. All its letters are the same.
    pub fn publish(&self, size_bytes: usize) -> u64 {
        let before = self.0.borrow().clone();
        let letter = char::from(b'a' + u8::try_from(before.version() % 26).expect("a letter"));
        let body = format!("\"{}\"", String::from(letter).repeat(size_bytes));
        let body = Answer::Body(RawValue::from_string(body).expect("JSON").into());
        let answers = vec![(Metric::OrdersRecent, body)];
        let commit = Commit { answers, upstream: Upstream::Up, causes: Causes::default(), label: None };
        let next = Arc::new(before.commit(commit, clock::now()));
        self.0.send_replace(next.clone());
        next.version()
    }
}

/// A client with a small window, and a hub's side of the same connection.
pub async fn pair() -> (Wire, TcpStream) {
    pair_with(4096).await
}

pub async fn pair_with(window_bytes: u32) -> (Wire, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(window_bytes).expect("a window");
    let address = listener.local_addr().expect("an address");
    let (client, server) = tokio::join!(socket.connect(address), listener.accept());
    let server = server.expect("a connection").0;
    // As the listener does: the kernel holds little, and has room left for a last word.
    #[cfg(target_os = "linux")]
    SockRef::from(&server).set_tcp_notsent_lowat(16 * 1024).expect("it takes a number");
    (Wire { stream: client.expect("a connection"), bytes: VecDeque::new(), pings: false }, server)
}

pub struct Wire {
    pub stream: TcpStream,
    bytes: VecDeque<u8>,
    /// It sends a ping whenever it has read something.
    pub pings: bool,
}

#[derive(Debug, PartialEq)]
pub enum Got {
    Message(Value),
    Pong(u8),
    Close(u16),
    End,
}

impl Wire {
    /// The next frame that is no heartbeat.
    pub async fn next(&mut self) -> Got {
        loop {
            match self.any().await {
                Got::Message(message) if message["event"] == "HEARTBEAT" => {}
                other => return other,
            }
        }
    }

    pub async fn any(&mut self) -> Got {
        loop {
            if let Some(got) = self.parse() {
                return got;
            }
            self.hold_the_clock().await;
            let mut piece = [0; 700];
            match self.stream.read(&mut piece).await.expect("no reset") {
                0 => {
                    assert!(self.bytes.is_empty(), "the stream ends in the middle of a frame");
                    return Got::End;
                }
                count => self.bytes.extend(&piece[..count]),
            }
            if self.pings {
                self.stream.write_all(&[0x89, 0x81, 0, 0, 0, 0, 99]).await.expect("a socket");
            }
        }
    }

    /// A paused clock jumps as soon as nothing is ready, but the kernel takes its time with small windows. It stands
    /// still while something blocks.
    async fn hold_the_clock(&self) {
        let mut peeked = [0];
        let ready = timeout(Duration::ZERO, self.stream.peek(&mut peeked)).await;
        if ready.is_err() {
            let blocked = tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(100)));
            tokio::select! {
                _ = self.stream.readable() => {}
                _ = blocked => {}
            }
        }
    }

    fn parse(&mut self) -> Option<Got> {
        let bytes = self.bytes.make_contiguous();
        let [first, second, ..] = *bytes else { return None };
        let (head, length) = match (second, &bytes[2..]) {
            (126, [a, b, ..]) => (4, usize::from(u16::from_be_bytes([*a, *b]))),
            (127, [a, b, c, d, e, f, g, h, ..]) => {
                (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as usize)
            }
            (126 | 127, _) => return None,
            (short, _) => (2, usize::from(short)),
        };
        if bytes.len() < head + length {
            return None;
        }
        let payload = bytes[head..head + length].to_vec();
        self.bytes.drain(..head + length);
        Some(match first {
            0x81 => Got::Message(whole(&payload)),
            0x8A => Got::Pong(payload[0]),
            0x88 => Got::Close(u16::from_be_bytes([payload[0], payload[1]])),
            other => panic!("an unexpected frame {other:#x}"),
        })
    }

    pub async fn version(&mut self) -> u64 {
        match self.next().await {
            Got::Message(message) => message["version"].as_u64().expect("a version"),
            other => panic!("no message but {other:?}"),
        }
    }

    /// Reads on until this version comes; versions only grow on the way.
    pub async fn reaches(&mut self, expected: u64) {
        let mut seen = 0;
        while seen < expected {
            let version = self.version().await;
            assert!(version > seen, "version {version} after {seen}");
            seen = version;
        }
        assert_eq!(seen, expected);
    }
}

/// A message; the body of its metric comes from one version.
fn whole(payload: &[u8]) -> Value {
    let message: Value = serde_json::from_slice(payload).expect("a whole message");
    if let Some(body) = message["data"]["orders_recent"].as_str() {
        let first = body.chars().next();
        assert!(body.chars().all(|letter| Some(letter) == first), "two frames in one");
    }
    message
}
