//! What one client is still to be sent, and in which order.
//!
//! There is no queue. A client is the version it has seen and the tail of at most one frame; what was published while
//! its socket was full is replaced by `frame_since(seen)`. Everything else has one slot each. Pure: the socket comes
//! in as a function.

use super::frame::{self, CloseCode};
use super::snapshot::{Frame, Snapshot};
use bytes::{Buf, Bytes};

/// Which protocol the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// It gave a version: first frame, heartbeats, status.
    Versioned,
    /// A bare `/ws`, as the original's clients: event frames and nothing else.
    Original,
}

pub struct Outbox {
    dialect: Dialect,
    /// The version of the newest frame of which a byte is in the socket.
    seen: u64,
    /// Its first frame is still to come.
    first: bool,
    /// The tail of a frame already begun; it has to be finished before anything else.
    rest: Bytes,
    pub pong: Option<Bytes>,
    /// The answer to a token sent in band.
    pub auth: Option<Bytes>,
    pub heartbeat: Option<Bytes>,
    close: Option<CloseCode>,
    /// The close frame is on its way: nothing is sent after it.
    over: bool,
}

/// What the socket did with the bytes that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Bytes(usize),
    Full,
    Broken,
}

/// How a call of [`Outbox::drive`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driven {
    CaughtUp,
    Full,
    Over,
    Broken,
}

impl Outbox {
    pub fn new(dialect: Dialect, seen: u64) -> Outbox {
        Outbox {
            dialect,
            seen,
            first: dialect == Dialect::Versioned,
            rest: Bytes::new(),
            pong: None,
            auth: None,
            heartbeat: None,
            close: None,
            over: false,
        }
    }

    /// Nothing but a close frame follows what was begun.
    pub fn close(&mut self, code: CloseCode) {
        if !self.over {
            self.close = Some(code);
        }
    }

    /// Sends what is due, in this order, until the socket is full or nothing is left: the tail of a frame already
    /// begun, the close frame, a pong, an answer, news, a heartbeat. Also says whether any byte left.
    pub fn drive(&mut self, latest: &Snapshot, mut send: impl FnMut(&[u8]) -> Sent) -> (Driven, bool) {
        let mut progress = false;
        loop {
            if !self.rest.is_empty() {
                match send(&self.rest) {
                    Sent::Bytes(count) => {
                        self.rest.advance(count);
                        progress = true;
                        continue;
                    }
                    Sent::Full => return (Driven::Full, progress),
                    Sent::Broken => return (Driven::Broken, progress),
                }
            }
            if self.over {
                return (Driven::Over, progress);
            }
            if let Some(code) = self.close.take() {
                self.rest = frame::close(code);
                self.over = true;
                continue;
            }
            if let Some(small) = self.pong.take().or_else(|| self.auth.take()) {
                self.rest = small;
                continue;
            }
            if let Some(news) = self.news(latest) {
                // Not kept unless a byte of it has left: a newer frame may take its place.
                match send(news.bytes()) {
                    Sent::Bytes(count) => {
                        self.rest = news.bytes().slice(count..);
                        self.seen = latest.version();
                        self.first = false;
                        self.heartbeat = None;
                        progress = true;
                        continue;
                    }
                    Sent::Full => return (Driven::Full, progress),
                    Sent::Broken => return (Driven::Broken, progress),
                }
            }
            if let Some(beat) = self.heartbeat.take() {
                self.rest = beat;
                continue;
            }
            return (Driven::CaughtUp, progress);
        }
    }

    fn news<'a>(&mut self, latest: &'a Snapshot) -> Option<Frame<'a>> {
        if self.first {
            return Some(latest.first_frame(self.seen));
        }
        if self.dialect == Dialect::Original && !latest.has_data_since(self.seen) {
            self.seen = self.seen.max(latest.version());
            return None;
        }
        latest.frame_since(self.seen)
    }

    /// The tail of a frame already begun, and the close frame behind it; nothing is sent afterwards.
    pub fn last_words(&mut self, code: CloseCode) -> Vec<u8> {
        let mut last = std::mem::take(&mut self.rest).to_vec();
        if !std::mem::replace(&mut self.over, true) {
            last.extend_from_slice(&frame::close(code));
        }
        last
    }
}
