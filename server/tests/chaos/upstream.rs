//! The shop's backend on its worst day: slow, failing, hanging, dropping, torn, and gone for a while.
//!
//! It speaks HTTP by hand: only so can it end a connection without an answer, or in the middle of one.

use super::counts::Counts;
use super::truth;
use super::world::{World, free_port};
use rand::Rng;
use shared::Metric;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

/// How bad a day it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Answers at once.
    Fine,
    /// Some of everything.
    Faulty,
    /// Half fails, and the other half takes its time.
    Failing,
    /// Every answer takes longer than the server waits to put a round together, but all nearly equally long:
    /// they are published one by one, in quick succession.
    Crowded,
}

pub struct Upstream {
    pub address: SocketAddr,
    mood: watch::Sender<Mood>,
    asked: watch::Sender<usize>,
    dealt: Arc<AtomicUsize>,
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
        let (mood, asked) = (watch::channel(Mood::Faulty).0, watch::channel(0).0);
        let mut upstream =
            Upstream { address, mood, asked, dealt: Arc::default(), world: world.clone(), serving: None };
        upstream.listen().await;
        upstream
    }

    pub fn be(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    pub fn asked(&self) -> usize {
        *self.asked.borrow()
    }

    pub async fn was_asked(&self, times: usize) {
        let mut asked = self.asked.subscribe();
        asked.wait_for(|asked| *asked >= times).await.expect("the upstream lives");
    }

    /// Nobody listens for a while.
    pub async fn restart(&mut self, down: Duration) {
        self.stop().await;
        sleep(down).await;
        self.listen().await;
    }

    /// Whatever was under way is cut.
    pub async fn stop(&mut self) {
        let serving = self.serving.take().expect("it was serving");
        serving.abort();
        let _ = serving.await;
        self.world.counts.upstream_stops.one();
    }

    pub async fn listen(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the upstream's port");
        let desk = Desk {
            world: self.world.clone(),
            mood: self.mood.subscribe(),
            asked: self.asked.clone(),
            dealt: self.dealt.clone(),
        };
        self.serving = Some(tokio::spawn(serve(listener, desk)));
    }
}

/// What each connection needs.
#[derive(Clone)]
struct Desk {
    world: Arc<World>,
    mood: watch::Receiver<Mood>,
    asked: watch::Sender<usize>,
    dealt: Arc<AtomicUsize>,
}

/// The connections end with this task, because it owns them.
async fn serve(listener: TcpListener, desk: Desk) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("the upstream's listener");
        connections.spawn(talk(stream, desk.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// Request after request, until one of both hangs up.
async fn talk(mut stream: TcpStream, desk: Desk) {
    while let Some(path) = request(&mut stream).await {
        let metric = Metric::ALL.into_iter().find(|metric| metric.path() == path);
        let metric = metric.unwrap_or_else(|| panic!("the server asks the upstream for {path}"));
        // Read when the request came, so that what is sent after a delay is old by then.
        let body = truth::body(metric, desk.world.truth.count(metric));
        desk.asked.send_modify(|asked| *asked += 1);
        let fate = fate(*desk.mood.borrow(), &desk.dealt);
        if answer(&mut stream, &desk.world.counts, fate, &body).await.is_none() {
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

/// Dealt rather than drawn: of a hundred requests on a faulty day, each fault has its share.
fn fate(mood: Mood, dealt: &AtomicUsize) -> Fate {
    let delay_ms = |from, to| Fate::Delay(Duration::from_millis(rand::rng().random_range(from..to)));
    match mood {
        Mood::Fine => Fate::Answer,
        Mood::Failing if rand::random() => Fate::Error,
        Mood::Failing => delay_ms(100, 400),
        Mood::Crowded => delay_ms(300, 310),
        Mood::Faulty => match dealt.fetch_add(1, Ordering::Relaxed) * 37 % 100 {
            0..65 => Fate::Answer,
            65..90 => delay_ms(0, 400),
            90..94 => Fate::Error,
            94..96 => Fate::Hang,
            96..98 => Fate::Drop,
            _ => Fate::Tear,
        },
    }
}

/// `None`: the connection is over.
async fn answer(stream: &mut TcpStream, counts: &Counts, fate: Fate, body: &str) -> Option<()> {
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
