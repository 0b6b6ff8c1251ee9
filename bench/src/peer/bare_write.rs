//! The limit: a loop of one blocking `send` for each socket, and nothing else.
//!
//! No runtime, no reading from clients, no fetch: what it sends comes with the notification. What a server needs
//! beyond this is its own cost; less than this no server can need that sends to each client on its own.

use super::Settings;
use crate::frame;
use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::TcpStream;

/// As Pulso: connections that wait to be accepted.
const BACKLOG: i32 = 4096;

pub fn run(settings: &Settings) -> Result<()> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&settings.listen.into())?;
    listener.listen(BACKLOG)?;
    let mut clients = Vec::new();
    loop {
        let (socket, _) = listener.accept()?;
        // A client that hung up or asks for something else is no reason to end.
        let _ = serve(socket.into(), &mut clients);
    }
}

fn serve(mut stream: TcpStream, clients: &mut Vec<TcpStream>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut request = [0; 8192];
    let (mut read, mut head) = (0, None);
    while head.is_none() {
        let count = stream.read(&mut request[read..])?;
        anyhow::ensure!(count > 0, "no whole request");
        read += count;
        head = request[..read].windows(4).position(|four| four == b"\r\n\r\n");
    }
    let end = head.expect("the loop ends with it") + 4;
    let text = std::str::from_utf8(&request[..end])?.to_owned();
    let header = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    if text.starts_with("GET ") {
        let key = header("Sec-WebSocket-Key: ").context("no key")?;
        let accept = STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
        write!(
            stream,
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )?;
        clients.push(stream);
        return Ok(());
    }
    let length: usize = header("Content-Length: ").context("no length")?.parse()?;
    while read < end + length {
        let count = stream.read(&mut request[read..])?;
        anyhow::ensure!(count > 0, "no whole body");
        read += count;
    }
    let frame = frame::text(&request[end..read]);
    clients.retain_mut(|client| client.write_all(&frame).is_ok());
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    Ok(())
}
