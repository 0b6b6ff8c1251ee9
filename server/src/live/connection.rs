//! One socket: who may write to it when, and how it is read.
//!
//! Whoever has the lock may call [`Connection::drive`]; once the socket is full (`handed_over`) only its catch-up
//! task does, and others leave what they want in a slot of the outbox.

use super::frame::{self, CloseCode, Incoming, Parser};
use super::latest::Latest;
use super::outbox::{Dialect, Driven, Outbox, Sent};
use crate::clock::{self, Millis};
use bytes::Bytes;
use socket2::SockRef;
use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

/// A client that takes no byte for so long is closed with 4408.
pub const SEND_WITHIN: Duration = Duration::from_secs(10);

/// How long the client may take to answer our close frame, so that it can still read it.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);

pub struct Connection {
    stream: TcpStream,
    dialect: Dialect,
    /// When its token expires; `i64::MAX`: never.
    deadline: AtomicI64,
    write: Mutex<Write>,
}

struct Write {
    outbox: Outbox,
    /// A catch-up task writes; all others keep off.
    handed_over: bool,
    /// The reader has heard enough and only waits for the client to hang up.
    reader_waits: bool,
}

impl Connection {
    pub fn new(stream: TcpStream, dialect: Dialect, seen: u64, deadline: Option<Millis>) -> Connection {
        let write = Write { outbox: Outbox::new(dialect, seen), handed_over: false, reader_waits: false };
        Connection {
            stream,
            dialect,
            deadline: AtomicI64::new(deadline.unwrap_or(i64::MAX)),
            write: Mutex::new(write),
        }
    }

    /// Brings the client up to date, if it is not being caught up already.
    pub fn update(self: &Arc<Self>, latest: &Latest) {
        self.with_outbox(latest, |_| {});
    }

    /// Says that the server is still here, unless something else is being said.
    pub fn heartbeat(self: &Arc<Self>, latest: &Latest, beat: &Bytes) {
        if self.dialect == Dialect::Original {
            return;
        }
        self.with_outbox(latest, |outbox| outbox.heartbeat = Some(beat.clone()));
    }

    /// Ends the connection once what was begun is sent.
    pub fn close(self: &Arc<Self>, latest: &Latest, code: CloseCode) {
        self.with_outbox(latest, |outbox| outbox.close(code));
    }

    pub fn has_expired(&self, now: Millis) -> bool {
        self.deadline.load(Ordering::Relaxed) <= now
    }

    #[cfg(test)]
    pub fn is_handed_over(&self) -> bool {
        self.lock().handed_over
    }

    #[cfg(test)]
    pub fn is_locked(&self) -> bool {
        self.write.try_lock().is_err()
    }

    /// Leaves something in a slot and writes, or lets the catch-up task find it there.
    fn with_outbox(self: &Arc<Self>, latest: &Latest, leave: impl FnOnce(&mut Outbox)) {
        let mut write = self.lock();
        leave(&mut write.outbox);
        if write.handed_over {
            return;
        }
        match self.drive(&mut write, latest, |bytes| self.send_at_once(bytes)).0 {
            Driven::CaughtUp => {}
            Driven::Full | Driven::Over => {
                write.handed_over = true;
                tokio::spawn(self.clone().catch_up(latest.clone()));
            }
            Driven::Broken => self.break_off(&mut write),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Write> {
        self.write.lock().expect("nothing panics while it writes")
    }

    /// The newest snapshot is read under the connection's lock: whoever is passed over because of `handed_over` has
    /// published before, so the catch-up task, which asks for the lock later, sees its version.
    fn drive(&self, write: &mut Write, latest: &Latest, send: impl FnMut(&[u8]) -> Sent) -> (Driven, bool) {
        write.outbox.drive(&latest.snapshot(), send)
    }

    /// Straight to the system call: what the runtime knows of the socket is in memory that nothing else in a broadcast
    /// touches. Only for those who do not wait afterwards.
    fn send_at_once(&self, bytes: &[u8]) -> Sent {
        sent(|| SockRef::from(&self.stream).send(bytes))
    }

    /// Tells the runtime when the socket is full, so that it can be waited for.
    fn send_or_wait(&self, bytes: &[u8]) -> Sent {
        sent(|| self.stream.try_write(bytes))
    }

    /// Writes for a client whose socket was full, until it is up to date or gone.
    async fn catch_up(self: Arc<Self>, latest: Latest) {
        let mut give_up_at = Instant::now() + SEND_WITHIN;
        loop {
            let writable = poll_fn(|cx| self.stream.poll_write_ready(cx));
            if !matches!(timeout_at(give_up_at, writable).await, Ok(Ok(()))) {
                self.give_up(&mut self.lock());
                return self.end().await;
            }
            let mut write = self.lock();
            let (driven, progress) = self.drive(&mut write, &latest, |bytes| self.send_or_wait(bytes));
            if progress {
                give_up_at = Instant::now() + SEND_WITHIN;
            }
            match driven {
                Driven::Full => {}
                Driven::CaughtUp => {
                    write.handed_over = false;
                    return;
                }
                Driven::Over => break,
                Driven::Broken => return self.break_off(&mut write),
            }
        }
        self.end().await;
    }

    /// Nothing can be sent any more: the reader sees the end, and nobody writes.
    fn break_off(&self, write: &mut Write) {
        write.handed_over = true;
        self.end_both_ways();
    }

    pub fn end_both_ways(&self) {
        // An error means that it has ended already.
        let _ = SockRef::from(&self.stream).shutdown(Shutdown::Both);
    }

    /// The socket takes nothing more. A deaf client may read its tail and the reason later: they
    /// are sent in one piece past the limit, so that the close frame does not cut a frame.
    fn give_up(&self, write: &mut Write) {
        let last = write.outbox.last_words(CloseCode::TOO_SLOW);
        write.handed_over = true;
        let socket = SockRef::from(&self.stream);
        #[cfg(target_os = "linux")]
        let _ = socket.set_tcp_notsent_lowat(u32::MAX);
        // If there is no room even so, the client sees the end of the stream without a reason.
        let _ = socket.send(&last);
        let _ = socket.shutdown(Shutdown::Write);
    }

    /// After the close frame: no more writing, and a while for the client to answer. Closing both ways at
    /// once would make its answer cause a reset, and it could lose what it has not read yet.
    async fn end(&self) {
        let socket = SockRef::from(&self.stream);
        let _ = socket.shutdown(Shutdown::Write);
        if self.lock().reader_waits {
            return;
        }
        tokio::time::sleep(CLOSE_WITHIN).await;
        self.end_both_ways();
    }

    /// Reads until the client is gone. `early` is what it sent right behind its request: no readiness is ever
    /// reported for those bytes, so they are read first.
    pub async fn read_to_end(self: &Arc<Self>, latest: &Latest, early: Bytes, renew: &Renew<'_>) {
        let mut parser = Parser::default();
        let mut read = self.take_in(&mut parser, &early, latest, renew);
        drop(early);
        loop {
            match read {
                Read::More => {}
                // Nothing else is read meanwhile, so that a client can have only one of these.
                Read::Renewing(renewed) => self.renewed(renewed.await, latest),
                Read::Refused => return self.drain().await,
                Read::End => return,
            }
            if poll_fn(|cx| self.stream.poll_read_ready(cx)).await.is_err() {
                return;
            }
            read = self.read_once(&mut parser, latest, renew);
        }
    }

    /// The buffer lives only here, so that an idle connection has none.
    fn read_once(self: &Arc<Self>, parser: &mut Parser, latest: &Latest, renew: &Renew<'_>) -> Read {
        let mut buffer = [0; 2048];
        match self.stream.try_read(&mut buffer) {
            Ok(0) => Read::End,
            Ok(count) => self.take_in(parser, &buffer[..count], latest, renew),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                Read::More
            }
            Err(_) => Read::End,
        }
    }

    fn take_in(
        self: &Arc<Self>,
        parser: &mut Parser,
        bytes: &[u8],
        latest: &Latest,
        renew: &Renew<'_>,
    ) -> Read {
        let mut read = Read::More;
        let result = parser.feed(bytes, |incoming| match incoming {
            Incoming::Ping(payload) => self.with_outbox(latest, |outbox| {
                // A newer pong replaces an unsent one (RFC 6455, 5.5.3), so pings cannot pile up.
                outbox.pong = Some(frame::pong(&payload));
            }),
            Incoming::Close(code) => {
                read = Read::Refused;
                self.answer_close(latest, code);
            }
            Incoming::Text(text) => match renew(&text) {
                Renewal::None => {}
                Renewal::Now(renewed) => self.renewed(renewed, latest),
                // A later one takes the place of one that came in the same piece.
                Renewal::Later(renewed) if !matches!(read, Read::Refused) => read = Read::Renewing(renewed),
                Renewal::Later(_) => {}
            },
            Incoming::Binary | Incoming::Pong => {}
        });
        if let Err(code) = result {
            self.answer_close(latest, code);
            return Read::Refused;
        }
        read
    }

    fn answer_close(self: &Arc<Self>, latest: &Latest, code: CloseCode) {
        self.lock().reader_waits = true;
        self.close(latest, code);
    }

    /// The one message that a client may send: a new token for this connection.
    fn renewed(self: &Arc<Self>, renewed: Result<Millis, CloseCode>, latest: &Latest) {
        match renewed {
            Ok(deadline) => {
                self.deadline.store(deadline, Ordering::Relaxed);
                let answer = auth_answer(deadline);
                self.with_outbox(latest, |outbox| outbox.auth = Some(answer));
            }
            Err(code) => self.close(latest, code),
        }
    }

    /// Reads and forgets until the client closes, for a limited time.
    async fn drain(&self) {
        let gone = async {
            while poll_fn(|cx| self.stream.poll_read_ready(cx)).await.is_ok() && !self.has_ended() {}
        };
        let _ = timeout(SEND_WITHIN + CLOSE_WITHIN, gone).await;
    }

    /// The buffer lives only here, so that no connection has room set aside for it.
    fn has_ended(&self) -> bool {
        let mut buffer = [0; 2048];
        match self.stream.try_read(&mut buffer) {
            Ok(count) => count == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
    }
}

/// What to do with a client's text.
pub type Renew<'a> = dyn Fn(&[u8]) -> Renewal + Send + Sync + 'a;

/// A new deadline, or the code to close with.
pub enum Renewal {
    /// The text is not for us.
    None,
    Now(Result<Millis, CloseCode>),
    /// Somebody has to be asked first. Must come to an end by itself.
    Later(Pin<Box<dyn Future<Output = Result<Millis, CloseCode>> + Send>>),
}

fn auth_answer(deadline: Millis) -> Bytes {
    let message = serde_json::json!({
        "event": shared::AUTH, "data": {}, "timestamp": clock::iso(clock::now()), "expires": clock::iso(deadline),
    });
    frame::text(message.to_string().as_bytes())
}

fn sent(mut send: impl FnMut() -> std::io::Result<usize>) -> Sent {
    loop {
        match send() {
            Ok(0) => return Sent::Broken,
            Ok(count) => return Sent::Bytes(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Sent::Full,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Sent::Broken,
        }
    }
}

enum Read {
    More,
    Renewing(Pin<Box<dyn Future<Output = Result<Millis, CloseCode>> + Send>>),
    /// The connection is being closed; nothing that still comes matters.
    Refused,
    End,
}
