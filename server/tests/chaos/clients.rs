//! Clients that behave badly: they leave with and without a word, stop reading, shout, and always come back.
//!
//! What they read is judged frame by frame in `check`; here is only how they behave.

use super::check::{Dialect, Reader, Took};
use super::world::{Weather, World};
use futures_util::{SinkExt, StreamExt};
use rand::Rng;
use rand::rngs::StdRng;
use shared::{Metric, PerMetric};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// One in so many is a client of the original.
const ORIGINALS: usize = 10;

/// One in so many stops reading for a whole storm, when the storm is long enough.
const DEAF: usize = 25;

/// Half of the clients have so little room that a stall fills their socket.
const SMALL_BUFFER_BYTES: u32 = 4 * 1024;

/// Longer than the server reads.
const SHOUT_BYTES: usize = 5 * 1024;

/// Of a frame, what a failure shows.
const SHOWN_CHARS: usize = 600;

/// What the test may see of a client at any time.
#[derive(Clone, Debug)]
pub struct View {
    pub number: usize,
    pub dialect: Dialect,
    pub connected: bool,
    pub shown: PerMetric<u64>,
    /// It was told that the source is there and every metric fine.
    pub well: bool,
    pub heartbeats: u64,
    pub place: String,
}

pub struct Client {
    number: usize,
    world: Arc<World>,
    random: StdRng,
    weather: watch::Receiver<Weather>,
    reader: Reader,
    /// What it was at some time before, as a page that a browser restores.
    saved: Option<Reader>,
    view: Arc<Mutex<View>>,
    /// For the report of a failure.
    frame_before: String,
}

type Socket = WebSocketStream<TcpStream>;

/// Starts a client that lives as long as the test.
pub fn start(world: &Arc<World>, number: usize) -> Arc<Mutex<View>> {
    let dialect = if number.is_multiple_of(ORIGINALS) { Dialect::Original } else { Dialect::Versioned };
    let reader = Reader::new(number, dialect);
    let view = View {
        number,
        dialect,
        connected: false,
        shown: reader.shown().clone(),
        well: false,
        heartbeats: 0,
        place: reader.place(),
    };
    let view = Arc::new(Mutex::new(view));
    let client = Client {
        number,
        world: world.clone(),
        random: world.random(number as u64),
        weather: world.weather.subscribe(),
        reader,
        saved: None,
        view: view.clone(),
        frame_before: "none".to_owned(),
    };
    tokio::spawn(client.live());
    view
}

/// One connection, and what may happen to it.
struct Visit {
    socket: Socket,
    /// The server's life in which it began.
    life: u64,
    /// It has read all the time: nothing but the server's end may cut it.
    reads: bool,
    /// What the client has sent, if it waits for the answer.
    leaving: Option<u16>,
    shouted: bool,
    /// Until when it takes its time over each frame.
    slow_until: Option<Instant>,
}

enum Deed {
    Close,
    Vanish,
    Stall,
    Dawdle,
    Shout,
    Ping,
}

impl Client {
    async fn live(mut self) {
        loop {
            sleep(self.pause()).await;
            if !self.is_quiet() {
                self.save_or_restore();
            }
            // Read before it connects, so that a cut is never taken for one within a life.
            let life = self.world.life();
            let Some(socket) = self.connect().await else { continue };
            self.world.counts.connects.one();
            self.reader.connected();
            self.see(|view| view.connected = true);
            let visit = Visit { socket, life, reads: true, leaving: None, shouted: false, slow_until: None };
            let outcome = self.stay(visit).await;
            self.see(|view| view.connected = false);
            if let Err(what) = outcome {
                return self.world.wrong(self.report(&what));
            }
        }
    }

    fn report(&self, what: &str) -> String {
        format!(
            "client {} ({}): {what}\nthe frame before: {}",
            self.number,
            self.reader.place(),
            self.frame_before
        )
    }

    fn is_quiet(&self) -> bool {
        *self.weather.borrow() == Weather::Quiet
    }

    fn pause(&mut self) -> Duration {
        let longest_ms = if self.is_quiet() { 150 } else { 500 };
        Duration::from_millis(self.random.random_range(50..longest_ms))
    }

    /// It may come back with a position from long ago, of this epoch or of one before.
    fn save_or_restore(&mut self) {
        match self.saved.take() {
            Some(saved) if self.random.random_bool(0.3) => {
                self.world.counts.restored.one();
                self.reader = saved;
                self.show();
            }
            Some(saved) => self.saved = Some(saved),
            None if self.random.random_bool(0.3) => self.saved = Some(self.reader.clone()),
            None => {}
        }
    }

    fn show(&self) {
        let (shown, well, place) =
            (self.reader.shown().clone(), self.reader.is_told_all_is_well(), self.reader.place());
        self.see(|view| (view.shown, view.well, view.place) = (shown, well, place));
    }

    fn see(&self, change: impl FnOnce(&mut View)) {
        change(&mut self.view.lock().expect("nothing panics while it changes a view"));
    }

    async fn connect(&mut self) -> Option<Socket> {
        let socket = TcpSocket::new_v4().expect("a socket");
        if self.random.random_bool(0.5) {
            socket.set_recv_buffer_size(SMALL_BUFFER_BYTES).expect("a smaller buffer");
        }
        let Ok(stream) = socket.connect(self.world.server).await else {
            self.world.counts.refused.one();
            return None;
        };
        let url = format!("ws://{}/ws{}", self.world.server, self.reader.query());
        let request = url.into_client_request().expect("a request");
        let config = WebSocketConfig::default().read_buffer_size(SMALL_BUFFER_BYTES as usize);
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Some(socket),
            Err(Error::Http(response)) if response.status() == 503 => {
                self.world.counts.turned_away.one();
                None
            }
            Err(Error::Http(response)) => {
                self.world.wrong(self.report(&format!("the upgrade was answered {}", response.status())));
                None
            }
            Err(_) => {
                self.world.counts.handshakes_cut.one();
                None
            }
        }
    }

    /// Reads until the connection is over, and does something foolish when its time has come.
    async fn stay(&mut self, mut visit: Visit) -> Result<(), String> {
        self.be_deaf(&mut visit).await;
        let mut deed_at = self.next_deed();
        loop {
            let idle = self.is_quiet() || visit.leaving.is_some() || visit.shouted;
            tokio::select! {
                message = visit.socket.next() => {
                    if !self.heard(&mut visit, message)? {
                        return Ok(());
                    }
                    self.take_time(&mut visit).await;
                }
                () = sleep_until(deed_at), if !idle => {
                    if !self.act(&mut visit).await {
                        return Ok(());
                    }
                    deed_at = self.next_deed();
                }
                _ = self.weather.changed() => self.be_deaf(&mut visit).await,
            }
        }
    }

    /// A few read nothing while such a storm lasts.
    async fn be_deaf(&mut self, visit: &mut Visit) {
        let deaf = *self.weather.borrow_and_update() == Weather::Storm { deaf: true };
        if !deaf || self.number % DEAF != 1 {
            return;
        }
        self.world.counts.deaf.one();
        visit.reads = false;
        let _ = self.weather.wait_for(|weather| *weather == Weather::Quiet).await;
    }

    fn next_deed(&mut self) -> Instant {
        Instant::now() + Duration::from_millis(self.random.random_range(300..6000))
    }

    async fn take_time(&mut self, visit: &mut Visit) {
        if visit.slow_until.is_some_and(|until| Instant::now() < until) && !self.is_quiet() {
            sleep(Duration::from_millis(self.random.random_range(50..400))).await;
            // The server may be in the middle of a frame, which the answer must not cut.
            self.ping(visit).await;
        }
    }

    /// False: the connection is over.
    async fn act(&mut self, visit: &mut Visit) -> bool {
        let deed = self.deed();
        let counts = &self.world.counts;
        match deed {
            Deed::Close => {
                let code = if self.random.random_bool(0.5) { 1000 } else { 1001 };
                counts.closed.one();
                visit.leaving = Some(code);
                let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::from_static("") };
                let _ = visit.socket.close(Some(frame)).await;
                true
            }
            Deed::Vanish => {
                counts.vanished.one();
                // Half of them with a reset, as a machine that crashed and came back.
                if self.random.random_bool(0.5) {
                    let _ = visit.socket.get_ref().set_zero_linger();
                }
                false
            }
            Deed::Stall => {
                counts.stalls.one();
                visit.reads = false;
                let stall = Duration::from_millis(self.random.random_range(100..3000));
                let quiet = self.weather.wait_for(|weather| *weather == Weather::Quiet);
                let _ = tokio::time::timeout(stall, quiet).await;
                true
            }
            Deed::Dawdle => {
                counts.dawdles.one();
                visit.slow_until = Some(Instant::now() + Duration::from_secs(3));
                true
            }
            Deed::Shout => {
                counts.shouts.one();
                visit.shouted = true;
                let _ = visit.socket.send(Message::text("a".repeat(SHOUT_BYTES))).await;
                true
            }
            Deed::Ping => {
                self.ping(visit).await;
                true
            }
        }
    }

    async fn ping(&self, visit: &mut Visit) {
        self.world.counts.pings.one();
        let _ = visit.socket.send(Message::Ping("still there?".into())).await;
    }

    fn deed(&mut self) -> Deed {
        match self.random.random_range(0..100) {
            0..25 => Deed::Close,
            25..45 => Deed::Vanish,
            45..70 => Deed::Stall,
            70..85 => Deed::Dawdle,
            85..90 => Deed::Shout,
            _ => Deed::Ping,
        }
    }

    /// False: the connection is over. An error: it should not be, or the frame breaks a promise.
    fn heard(&mut self, visit: &mut Visit, message: Option<Result<Message, Error>>) -> Result<bool, String> {
        match message {
            Some(Ok(Message::Text(text))) => {
                self.merge(&text)?;
                Ok(true)
            }
            Some(Ok(Message::Pong(_))) => {
                self.world.counts.pongs.one();
                Ok(true)
            }
            Some(Ok(Message::Close(frame))) => self.closed(visit, frame.map(|frame| frame.code.into())),
            Some(Ok(other)) => Err(format!("a frame of another kind: {other:?}")),
            Some(Err(error)) if is_cut(&error) => self.cut(visit),
            Some(Err(error)) => Err(format!("the frames are not whole: {error}")),
            None => self.cut(visit),
        }
    }

    fn merge(&mut self, text: &str) -> Result<(), String> {
        let counts = &self.world.counts;
        counts.bytes.add(text.len() as u64);
        let taken = self.reader.take(text, &self.world.truth, &self.world.ledger);
        let (took, agreed) = taken.map_err(|error| format!("{error:#}\nthe frame: {}", cut(text)))?;
        counts.frame_checks.one();
        counts.positions.add(agreed.into());
        match took {
            Took::Newcomer => counts.newcomers.one(),
            Took::Resumed => counts.resumes.one(),
            Took::NewEpoch => counts.new_epochs.one(),
            Took::News => {}
            Took::Heartbeat => counts.heartbeats.one(),
        }
        if took == Took::Heartbeat {
            self.see(|view| view.heartbeats += 1);
            return Ok(());
        }
        counts.frames.one();
        self.frame_before.clear();
        self.frame_before.push_str(cut(text));
        self.show();
        Ok(())
    }

    fn closed(&self, visit: &Visit, code: Option<u16>) -> Result<bool, String> {
        let counts = &self.world.counts;
        match code {
            code if code.is_some() && code == visit.leaving => counts.answered.one(),
            Some(1001) if !self.world.has_lived_since(visit.life) => counts.going_away.one(),
            Some(1009) if visit.shouted => counts.too_big.one(),
            Some(4408) if !visit.reads || visit.slow_until.is_some() => counts.too_slow.one(),
            other => return Err(format!("closed with {other:?} for no reason")),
        }
        Ok(false)
    }

    /// The stream ended without a close frame: the server's end, or a stall that it did not bear.
    fn cut(&self, visit: &Visit) -> Result<bool, String> {
        let counts = &self.world.counts;
        counts.cut.one();
        let ours = !visit.reads || visit.leaving.is_some() || visit.shouted || visit.slow_until.is_some();
        if self.world.has_lived_since(visit.life) && !ours {
            return Err("the connection was cut although it was read and the server lives".to_owned());
        }
        Ok(false)
    }
}

/// The end of a stream, rather than something wrong in it.
fn is_cut(error: &Error) -> bool {
    matches!(
        error,
        Error::Io(_)
            | Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
    )
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(SHOWN_CHARS).map_or(text, |(end, _)| &text[..end])
}

/// What a client has that the upstream has not, or the other way round; empty: they are the same.
pub fn differences(view: &View, world: &World) -> Vec<String> {
    let differs = |metric: &Metric| view.shown[*metric] != world.truth.count(*metric);
    let tell = |metric: Metric| {
        format!("{} is {} instead of {}", metric.key(), view.shown[metric], world.truth.count(metric))
    };
    Metric::ALL.into_iter().filter(differs).map(tell).collect()
}
