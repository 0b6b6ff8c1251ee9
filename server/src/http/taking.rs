//! A connection whose client has to take what it asked for: hyper waits for ever for someone who does not.

use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// Whoever takes no byte of an answer for so long gets no more of it. (Clients of the live path have less: 10 s.)
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

pub struct Taking {
    stream: TcpStream,
    /// Only while something waits to be taken.
    give_up: Option<Pin<Box<Sleep>>>,
}

impl Taking {
    pub fn new(stream: TcpStream) -> Taking {
        Taking { stream, give_up: None }
    }

    pub fn into_inner(self) -> TcpStream {
        self.stream
    }

    fn in_time<T>(&mut self, cx: &mut Context, sent: Poll<Result<T>>) -> Poll<Result<T>> {
        if sent.is_ready() {
            self.give_up = None;
            return sent;
        }
        let give_up = self.give_up.get_or_insert_with(|| Box::pin(sleep(TAKEN_WITHIN)));
        give_up.as_mut().poll(cx).map(|()| Err(Error::from(ErrorKind::TimedOut)))
    }
}

impl AsyncRead for Taking {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context, into: &mut ReadBuf) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Taking {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context, bytes: &[u8]) -> Poll<Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.in_time(cx, sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context,
        pieces: &[IoSlice],
    ) -> Poll<Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.in_time(cx, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
