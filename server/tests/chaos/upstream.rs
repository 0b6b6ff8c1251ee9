//! The shop's backend on its worst day: slow, failing, hanging, dropping, torn, and gone for a while.
//!
//! It speaks HTTP by hand: only so can it end a connection without an answer, or in the middle of one.

use super::truth;
use super::world::{World, free_port};
use rand::Rng;
use shared::Metric;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

pub struct Upstream {
    pub address: SocketAddr,
    faults: Arc<AtomicBool>,
    world: Arc<World>,
    serving: Option<JoinHandle<()>>,
}

enum Fate {
    Answer,
    Delay(Duration),
    Error,
    Hang,
    Drop,
    Tear,
}

impl Upstream {
    pub async fn start(world: &Arc<World>) -> Upstream {
        let address = free_port();
        let faults = Arc::new(AtomicBool::new(true));
        let mut upstream = Upstream { address, faults, world: world.clone(), serving: None };
        upstream.listen().await;
        upstream
    }

    /// Without, every request is answered at once.
    pub fn set_faults(&self, faults: bool) {
        self.faults.store(faults, Ordering::Relaxed);
    }

    /// Nobody listens for a while, and whatever was under way is cut.
    pub async fn restart(&mut self, down: Duration) {
        let serving = self.serving.take().expect("it was serving");
        serving.abort();
        let _ = serving.await;
        sleep(down).await;
        self.listen().await;
        self.world.counts.upstream_restarts.one();
    }

    async fn listen(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the upstream's port");
        self.serving = Some(tokio::spawn(serve(listener, self.world.clone(), self.faults.clone())));
    }
}

/// The connections end with this task, because it owns them.
async fn serve(listener: TcpListener, world: Arc<World>, faults: Arc<AtomicBool>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("the upstream's listener");
        connections.spawn(talk(stream, world.clone(), faults.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// Request after request, until one of both hangs up.
async fn talk(mut stream: TcpStream, world: Arc<World>, faults: Arc<AtomicBool>) {
    while let Some(path) = request(&mut stream).await {
        let metric = Metric::ALL.into_iter().find(|metric| metric.path() == path);
        let metric = metric.unwrap_or_else(|| panic!("the server asks the upstream for {path}"));
        // Read when the request came, so that what is sent after a delay is old by then.
        let body = truth::body(metric, world.truth.count(metric));
        let fate = if faults.load(Ordering::Relaxed) { fate() } else { Fate::Answer };
        if answer(&mut stream, &world, fate, &body).await.is_none() {
            return;
        }
    }
}

async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let head = String::from_utf8(head).ok()?;
    head.split(' ').nth(1).map(str::to_owned)
}

fn fate() -> Fate {
    let mut random = rand::rng();
    match random.random_range(0..100) {
        0..60 => Fate::Answer,
        60..82 => Fate::Delay(Duration::from_millis(random.random_range(0..400))),
        82..90 => Fate::Error,
        90..92 => Fate::Hang,
        92..97 => Fate::Drop,
        _ => Fate::Tear,
    }
}

/// `None`: the connection is over.
async fn answer(stream: &mut TcpStream, world: &World, fate: Fate, body: &str) -> Option<()> {
    let counts = &world.counts;
    match fate {
        Fate::Answer => {
            counts.answers.one();
            send(stream, "200 OK", body).await
        }
        Fate::Delay(delay) => {
            counts.delayed.one();
            sleep(delay).await;
            send(stream, "200 OK", body).await
        }
        Fate::Error => {
            counts.errors.one();
            send(stream, "500 Internal Server Error", r#"{"statusCode":500}"#).await
        }
        Fate::Hang => {
            counts.hung.one();
            // The server hangs up when it has waited long enough.
            let _ = stream.read_u8().await;
            None
        }
        Fate::Drop => {
            counts.dropped.one();
            None
        }
        Fate::Tear => {
            counts.torn.one();
            let whole = response("200 OK", body);
            stream.write_all(&whole.as_bytes()[..whole.len() - body.len() / 2]).await.ok()?;
            None
        }
    }
}

async fn send(stream: &mut TcpStream, status: &str, body: &str) -> Option<()> {
    stream.write_all(response(status, body).as_bytes()).await.ok()
}

fn response(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}
