//! All connections, and how a new snapshot reaches them.
//!
//! The broadcaster writes itself: it tries each socket without waiting and wakes no task. One shard (slab and
//! broadcaster) for each worker thread. The hub knows no metric: it moves frames, and does not ask where a
//! snapshot came from.

use super::connection::{Connection, Renew};
use super::frame::CloseCode;
use super::latest::Latest;
use super::outbox::Dialect;
use crate::clock::{self, Millis};
use bytes::Bytes;
use slab::Slab;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};

/// When nothing was sent for so long, clients are told that the server is still here.
pub const HEARTBEAT_AFTER: Duration = Duration::from_secs(5);

/// How often expired tokens and due heartbeats are looked for, and who came and left is told.
const TICK: Duration = Duration::from_millis(500);

/// Connections written to before the broadcaster lets others run.
const BATCH: usize = 64;

/// How long a drain takes at most. Supervisors wait for 10 s, and answers to requests come after it.
const DRAIN_WITHIN: Duration = Duration::from_secs(8);

/// Clients that are sent away at once come back at once, so they are told one after the other: over this time at
/// most, which leaves the last ones a while to hang up...
const DRAIN_SPREAD: Duration = Duration::from_secs(5);

/// ... and at least so many in a second, so that a few are not kept waiting.
const DRAIN_PER_SECOND: usize = 500;

#[derive(Clone)]
pub struct Hub(Arc<Shared>);

struct Shared {
    latest: Latest,
    shards: Vec<Mutex<Slab<Arc<Connection>>>>,
    next_shard: AtomicUsize,
    clients: AtomicUsize,
    /// All that ever joined.
    joined: AtomicUsize,
    draining: AtomicBool,
    /// Told when the last client left.
    empty: Notify,
}

/// A client that asks to be served.
pub struct Newcomer {
    pub stream: TcpStream,
    /// What it sent right behind its request.
    pub early: Bytes,
    pub dialect: Dialect,
    /// The version it has seen of this history; 0: none.
    pub seen: u64,
    /// When its token expires.
    pub deadline: Option<Millis>,
    /// Comes to its end when its token is revoked, where that can happen.
    pub revoked: Option<Revoked>,
}

pub type Revoked = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Hub {
    /// One broadcaster for each of `shards`; they end when the hub's snapshots do.
    pub fn start(latest: Latest, shards: usize) -> Hub {
        let hub = Hub::new(latest, shards);
        for shard in 0..hub.0.shards.len() {
            tokio::spawn(hub.clone().broadcaster(shard));
        }
        hub
    }

    fn new(latest: Latest, shards: usize) -> Hub {
        Hub(Arc::new(Shared {
            latest,
            shards: (0..shards.max(1)).map(|_| Mutex::default()).collect(),
            next_shard: AtomicUsize::new(0),
            clients: AtomicUsize::new(0),
            joined: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            empty: Notify::new(),
        }))
    }

    pub fn clients(&self) -> usize {
        self.0.clients.load(Ordering::Relaxed)
    }

    /// Serves one client until it is gone; calls `served` once it is brought up to date, or on its way to be.
    pub async fn serve(&self, newcomer: Newcomer, renew: &Renew<'_>, served: impl FnOnce()) {
        let Newcomer { stream, early, dialect, mut seen, deadline, revoked } = newcomer;
        if dialect == Dialect::Original {
            // It loads its first data itself, and is told what happens from now on.
            seen = self.0.latest.version();
        }
        let connection = Arc::new(Connection::new(stream, dialect, seen, deadline));
        let seat = self.join(connection.clone());
        if self.is_draining() {
            connection.close(&self.0.latest, CloseCode::GOING_AWAY);
        } else {
            connection.update(&self.0.latest);
        }
        served();
        // Boxed only for those whom it concerns: all others would carry its room with them.
        match revoked {
            None => connection.read_to_end(&self.0.latest, early, renew).await,
            Some(revoked) => Box::pin(self.read_until(revoked, &connection, early, renew)).await,
        }
        // Who is not in the slab any more must not be written to, however slowly it reads.
        connection.end_both_ways();
        drop(seat);
    }

    /// To the end, which is near once the token is revoked.
    async fn read_until(
        &self,
        revoked: Revoked,
        connection: &Arc<Connection>,
        early: Bytes,
        renew: &Renew<'_>,
    ) {
        let mut reading = pin!(connection.read_to_end(&self.0.latest, early, renew));
        tokio::select! {
            () = &mut reading => return,
            () = revoked => connection.close(&self.0.latest, CloseCode::EXPIRED),
        }
        reading.await;
    }

    /// No client is wanted any more.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// Tells every client that the server goes away, spread over time, and waits until they are gone or the time
    /// is over.
    pub async fn drain(&self) {
        // Before any shard is looked through: who joins later reads it (`serve`), and who joined earlier is found.
        self.0.draining.store(true, Ordering::SeqCst);
        let mut empty = std::pin::pin!(self.0.empty.notified());
        // Asked for before anyone is told, so that the last one cannot leave unnoticed.
        empty.as_mut().enable();
        let (began, clients) = (Instant::now(), self.clients());
        let mut told = 0;
        for shard in 0..self.0.shards.len() {
            let mut from = 0;
            while let Some((batch, next)) = self.batch(shard, from) {
                for connection in batch {
                    sleep_until(began + drained_at(told, clients)).await;
                    connection.close(&self.0.latest, CloseCode::GOING_AWAY);
                    told += 1;
                }
                from = next;
            }
        }
        if self.clients() > 0 {
            let _ = timeout_at(began + DRAIN_WITHIN, empty).await;
        }
    }

    /// It sits in the slab before it reads the newest snapshot: whatever is published in between reaches it
    /// one way or the other.
    fn join(&self, connection: Arc<Connection>) -> Seat {
        let shard = self.0.next_shard.fetch_add(1, Ordering::Relaxed) % self.0.shards.len();
        let key = self.shard(shard).insert(connection);
        self.0.clients.fetch_add(1, Ordering::Relaxed);
        self.0.joined.fetch_add(1, Ordering::Relaxed);
        Seat { hub: self.clone(), shard, key }
    }

    fn shard(&self, shard: usize) -> std::sync::MutexGuard<'_, Slab<Arc<Connection>>> {
        self.0.shards[shard].lock().expect("nothing panics while it holds a shard")
    }

    async fn broadcaster(self, shard: usize) {
        let latest = &self.0.latest;
        let mut news = latest.clone();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sent_at = Instant::now();
        let mut version = latest.version();
        let mut told = Crowd::default();
        loop {
            tokio::select! {
                changed = news.changed() => {
                    if !changed {
                        return;
                    }
                    // A confirmation alone has no version of its own.
                    if latest.version() == version {
                        continue;
                    }
                    version = latest.version();
                    sent_at = Instant::now();
                    // `update` takes the newest snapshot for each connection anew: marking it as seen for
                    // the whole round would leave the first batches stale when it changes midway.
                    self.each(shard, |connection| connection.update(latest)).await;
                }
                _ = tick.tick() => {
                    if shard == 0 {
                        told = self.tell_who_came_and_left(told);
                    }
                    let now = clock::now();
                    let beat = (sent_at.elapsed() >= HEARTBEAT_AFTER).then(|| latest.snapshot().heartbeat(now));
                    if beat.is_some() {
                        sent_at = Instant::now();
                    }
                    self.each(shard, |connection| {
                        if connection.has_expired(now) {
                            connection.close(latest, CloseCode::EXPIRED);
                        } else if let Some(beat) = &beat {
                            connection.heartbeat(latest, beat);
                        }
                    })
                    .await;
                }
            }
        }
    }

    /// In one line, however many they are.
    fn tell_who_came_and_left(&self, before: Crowd) -> Crowd {
        let crowd = Crowd { joined: self.0.joined.load(Ordering::Relaxed), clients: self.clients() };
        if crowd != before {
            let joined = crowd.joined - before.joined;
            let left = (before.clients + joined).saturating_sub(crowd.clients);
            tracing::info!("clients joined: {joined}, left: {left}, connected: {}", crowd.clients);
        }
        crowd
    }

    /// A batch at a time, so that others run in between.
    async fn each(&self, shard: usize, mut with: impl FnMut(&Arc<Connection>)) {
        let mut from = 0;
        while let Some((batch, next)) = self.batch(shard, from) {
            batch.iter().for_each(&mut with);
            from = next;
            tokio::task::yield_now().await;
        }
    }

    /// Handles are copied out under the lock and used without it. Also says where the next batch begins; `None`
    /// at the end.
    fn batch(&self, shard: usize, from: usize) -> Option<(Vec<Arc<Connection>>, usize)> {
        let slab = self.shard(shard);
        if from >= slab.capacity() {
            return None;
        }
        let end = (from + BATCH).min(slab.capacity());
        Some(((from..end).filter_map(|key| slab.get(key).cloned()).collect(), end))
    }
}

/// When the client number `told` of `clients` is told, counted from the beginning of the drain.
fn drained_at(told: usize, clients: usize) -> Duration {
    let one_by_one = Duration::from_secs(1) / DRAIN_PER_SECOND as u32;
    let step = one_by_one.min(DRAIN_SPREAD / clients.max(1) as u32);
    (step * told as u32).min(DRAIN_SPREAD)
}

/// What was last told of the clients.
#[derive(Clone, Copy, Default, PartialEq)]
struct Crowd {
    joined: usize,
    clients: usize,
}

/// A place in the slab, given up when dropped.
struct Seat {
    hub: Hub,
    shard: usize,
    key: usize,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.shard(self.shard).remove(self.key);
        if self.hub.0.clients.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.hub.0.empty.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests;
