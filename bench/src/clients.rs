//! The load generator: thousands of WebSocket clients in one thread around one epoll.
//!
//! It must not be what is measured. So it runs on another core than the server, recognises frames by their header,
//! and does nothing else while a broadcast is under way.

use crate::frame::Frames;
use crate::system::{Epoll, Interest, note_receive_times};
use anyhow::{Context, Result, bail, ensure};
use socket2::{Domain, Socket, Type};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// Clients come from so many loopback addresses: a server may limit how many one address may have.
const SOURCES: usize = 50;

/// A handshake that was refused is tried again after this.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// What a laptop with a closed lid still takes.
const DEAF_RECEIVE_BYTES: usize = 4096;

/// A network card's segment. Loopback's are of 64 KB, and the kernel would keep 2.6 MB for each deaf client.
const DEAF_SEGMENT_BYTES: u32 = 1448;

pub struct Clients {
    epoll: Epoll,
    server: SocketAddr,
    path: &'static str,
    clients: Vec<Client>,
    ready: Vec<usize>,
    scratch: Vec<u8>,
    /// Clients that the server has hung up on.
    pub lost: usize,
}

struct Client {
    socket: Socket,
    phase: Phase,
    frames: Frames,
}

enum Phase {
    Connecting,
    /// What has come of the server's answer.
    Upgrading(Vec<u8>),
    Open,
    Gone,
}

/// What a ready socket meant while clients are joining.
enum Step {
    Heard,
    Opened,
    Refused,
}

/// How clients behave once they have joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Reading,
    /// The kernel notes when it received what they will read later.
    Timed,
    /// They never read; nothing is known of them after the handshake.
    Deaf,
}

#[derive(Clone, Copy, Debug)]
pub struct Joined {
    pub took: Duration,
    /// Handshakes that the server refused, or connections that broke before; each was tried again.
    pub refused: usize,
}

impl Clients {
    pub fn new(server: SocketAddr, path: &'static str) -> Result<Clients> {
        Ok(Clients {
            epoll: Epoll::new()?,
            server,
            path,
            clients: Vec::new(),
            ready: Vec::new(),
            scratch: vec![0; 256 * 1024],
            lost: 0,
        })
    }

    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Adds `count` clients with at most `under_way` handshakes at a time, and returns when all are open.
    pub fn join(
        &mut self,
        count: usize,
        under_way: usize,
        kind: Kind,
        within: Duration,
        heard: &mut impl FnMut(usize, &[u8]),
    ) -> Result<Joined> {
        let began = Instant::now();
        let first = self.clients.len();
        // Those that were refused stand behind all others, so the first in line is always the first due.
        let mut line: VecDeque<_> = (first..first + count).map(|at| (began, at)).collect();
        let (mut opening, mut open, mut refused) = (0, 0, 0);
        while open < count {
            ensure!(
                began.elapsed() < within,
                "{open} of {count} clients joined within {within:?}, {refused} times one was refused"
            );
            while opening < under_way
                && let Some((_, at)) = line.pop_front_if(|(due, _)| *due <= Instant::now())
            {
                self.connect(at, kind)?;
                opening += 1;
            }
            self.wait(Duration::from_millis(20))?;
            for at in std::mem::take(&mut self.ready) {
                match self.step(at, kind, heard) {
                    Step::Heard => {}
                    Step::Opened => (open, opening) = (open + 1, opening - 1),
                    Step::Refused => {
                        (refused, opening) = (refused + 1, opening - 1);
                        line.push_back((Instant::now() + TRY_AGAIN, at));
                    }
                }
            }
        }
        Ok(Joined { took: began.elapsed(), refused })
    }

    /// Waits for news once.
    pub fn turn(&mut self, timeout: Duration, heard: &mut impl FnMut(usize, &[u8])) -> Result<()> {
        self.wait(timeout)?;
        let ready = std::mem::take(&mut self.ready);
        ready.iter().for_each(|at| self.read(*at, heard));
        self.ready = ready;
        Ok(())
    }

    pub fn sockets(&self) -> impl Iterator<Item = &Socket> {
        self.clients.iter().map(|client| &client.socket)
    }

    fn wait(&mut self, timeout: Duration) -> Result<()> {
        Ok(self.epoll.wait(timeout, &mut self.ready)?)
    }

    fn connect(&mut self, at: usize, kind: Kind) -> Result<()> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).context("a socket")?;
        socket.set_nonblocking(true)?;
        // Closing resets the connection: no address lies fallow for a minute.
        socket.set_linger(Some(Duration::ZERO))?;
        if kind == Kind::Deaf {
            socket.set_recv_buffer_size(DEAF_RECEIVE_BYTES)?;
            socket.set_tcp_mss(DEAF_SEGMENT_BYTES)?;
        }
        if kind == Kind::Timed {
            note_receive_times(&socket)?;
        }
        let source = Ipv4Addr::new(127, 0, 1, 1 + (at % SOURCES) as u8);
        socket.bind(&SocketAddr::from((source, 0)).into()).context("a source address")?;
        match socket.connect(&self.server.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            Err(error) => return Err(error).context("connect"),
        }
        self.epoll.add(&socket, Interest::Write, at)?;
        let client = Client { socket, phase: Phase::Connecting, frames: Frames::default() };
        if at < self.clients.len() {
            self.clients[at] = client
        } else {
            self.clients.push(client)
        }
        Ok(())
    }

    fn step(&mut self, at: usize, kind: Kind, heard: &mut impl FnMut(usize, &[u8])) -> Step {
        if matches!(self.clients[at].phase, Phase::Open | Phase::Gone) {
            self.read(at, heard);
            return Step::Heard;
        }
        match self.advance(at, kind, heard) {
            Ok(true) => Step::Opened,
            Ok(false) => Step::Heard,
            Err(_) => {
                self.clients[at].phase = Phase::Gone;
                let _ = self.epoll.remove(&self.clients[at].socket);
                Step::Refused
            }
        }
    }

    /// Goes on with a handshake. True: it is done.
    fn advance(&mut self, at: usize, kind: Kind, heard: &mut impl FnMut(usize, &[u8])) -> Result<bool> {
        let client = &mut self.clients[at];
        if matches!(client.phase, Phase::Connecting) {
            let request = format!(
                "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                self.path, self.server
            );
            (&client.socket).write_all(request.as_bytes())?;
            client.phase = Phase::Upgrading(Vec::new());
            self.epoll.modify(&client.socket, Interest::Read, at)?;
            return Ok(false);
        }
        let Phase::Upgrading(answer) = &mut client.phase else { return Ok(false) };
        let count = match (&client.socket).read(&mut self.scratch) {
            Ok(0) => bail!("hung up during the handshake"),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        answer.extend_from_slice(&self.scratch[..count]);
        let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(false) };
        // The answer to the key above, from the standard.
        let accepted = answer.starts_with(b"HTTP/1.1 101")
            && answer[..end].windows(28).any(|text| text == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        if !accepted {
            bail!("refused");
        }
        let early = answer.split_off(end + 4);
        client.phase = Phase::Open;
        client.frames.feed(&early, |payload| heard(at, payload));
        if kind != Kind::Reading {
            self.epoll.remove(&client.socket)?;
        }
        Ok(true)
    }

    fn read(&mut self, at: usize, heard: &mut impl FnMut(usize, &[u8])) {
        let client = &mut self.clients[at];
        match (&client.socket).read(&mut self.scratch) {
            Ok(count) if count > 0 => {
                client.frames.feed(&self.scratch[..count], |payload| heard(at, payload));
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Ok(_) | Err(_) => {
                client.phase = Phase::Gone;
                let _ = self.epoll.remove(&client.socket);
                self.lost += 1;
            }
        }
    }
}
