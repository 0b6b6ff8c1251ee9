//! The job itself: a busy shop, a backend that needs 20 ms for an answer, and clients of which some are deaf.
//!
//! 100 notifications a second for 10 s, each of which changes the shop. What counts is whether every client that
//! reads ends up with the shop's state, how soon, and what it cost on the way. Clients merge as a dashboard does: a
//! frame's metrics replace those it has.

use super::Bench;
use crate::clients::{Clients, Kind};
use crate::notifier::Notifier;
use crate::results::Job;
use crate::server::Peer;
use crate::upstream::Upstream;
use anyhow::{Context, Result};
use serde_json::value::RawValue;
use shared::{Change, Event, Metric, MetricSet, Origin, PerMetric, Subject};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const CLIENTS: usize = 5_000;
const DEAF: usize = 50;
const ANSWERS_AFTER: Duration = Duration::from_millis(20);
const EVERY: Duration = Duration::from_millis(10);
const EVENTS: [Event; 3] = [
    Event::Known(Subject::RepairOrder, Change::Created),
    Event::Known(Subject::User, Change::Created),
    Event::Known(Subject::Technician, Change::Created),
];

/// Whoever does not hold the final state by then is taken never to.
const SETTLES_WITHIN: Duration = Duration::from_secs(30);

/// After so long without a frame nothing more is coming.
const QUIET: Duration = Duration::from_secs(2);

pub fn run(bench: &mut Bench) {
    eprintln!("the job");
    bench.upstream.answer_after(ANSWERS_AFTER);
    for (peer, deaf) in [(Peer::Pulso, DEAF), (Peer::Original, DEAF), (Peer::Original, 0)] {
        bench.attempt("the job", peer, |bench| {
            let job = job(bench, peer, deaf)?;
            bench.results.jobs.push(job);
            Ok(())
        });
    }
    bench.upstream.answer_after(Duration::ZERO);
}

fn job(bench: &mut Bench, peer: Peer, deaf: usize) -> Result<Job> {
    let server = bench.start(peer)?;
    let path = if peer == Peer::Pulso { "/ws?version=0" } else { "/ws" };
    let mut clients = Clients::new(server.address, path)?;
    let mut states = States::new(CLIENTS);
    let reading = CLIENTS - deaf;
    // The deaf ones sit in the middle, as likely to be served early as late.
    for (count, kind) in
        [(reading / 2, Kind::Reading), (deaf, Kind::Deaf), (reading - reading / 2, Kind::Reading)]
    {
        let mut heard = |client: usize, payload: &[u8]| states.heard(client, payload);
        clients.join(count, 32, kind, Duration::from_secs(30), &mut heard)?;
    }
    let (requests, cpu) = (bench.upstream.requests(), server.cpu_time()?);
    (states.frames, states.bytes) = (0, 0);

    let notifications = if bench.quick { 200 } else { 1_000 };
    let busy = busy_shop(bench.upstream.clone(), server.address, notifications);
    while !busy.is_finished() {
        clients.turn(Duration::from_millis(10), &mut |client, payload| states.heard(client, payload))?;
    }
    let ended = busy.join().ok().context("the thread of the shop")??;
    let wanted = states.wanted(&bench.upstream);
    let is_deaf = |client: &usize| (reading / 2..reading / 2 + deaf).contains(client);
    let healthy: Vec<usize> = (0..CLIENTS).filter(|client| !is_deaf(client)).collect();
    let settled = settle(&mut clients, &mut states, &healthy, &wanted, ended)?;
    Ok(Job {
        peer: peer.name().to_owned(),
        deaf,
        notifications,
        upstream_requests: bench.upstream.requests() - requests,
        frames: states.frames,
        bytes: states.bytes,
        cpu_s: (server.cpu_time()? - cpu).as_secs_f64(),
        settled_s: settled.after.map(|after| after.as_secs_f64()),
        wrong: settled.wrong,
        lost: clients.lost,
    })
}

struct Settled {
    /// When all held the last state for good.
    after: Option<Duration>,
    wrong: usize,
}

/// Goes on reading until nothing more comes.
fn settle(
    clients: &mut Clients,
    states: &mut States,
    healthy: &[usize],
    wanted: &[(Metric, u32)],
    ended: Instant,
) -> Result<Settled> {
    let (mut last_frame, mut after, mut wrong) = (Instant::now(), None, healthy.len());
    while ended.elapsed() < SETTLES_WITHIN && last_frame.elapsed() < QUIET {
        let frames = states.frames;
        clients.turn(Duration::from_millis(20), &mut |client, payload| states.heard(client, payload))?;
        if states.frames > frames {
            last_frame = Instant::now();
        }
        wrong = healthy.iter().filter(|client| !states.holds(**client, wanted)).count();
        after = if wrong == 0 { after.or(Some(ended.elapsed())) } else { None };
    }
    Ok(Settled { after, wrong })
}

/// Something happens, and is announced, again and again. Gives back when it was announced for the last time.
fn busy_shop(upstream: Upstream, server: SocketAddr, count: u32) -> JoinHandle<Result<Instant>> {
    std::thread::spawn(move || {
        let mut notifier = Notifier::new(server);
        let began = Instant::now();
        for n in 0..count {
            std::thread::sleep((EVERY * n).saturating_sub(began.elapsed()));
            let event = &EVENTS[n as usize % EVENTS.len()];
            upstream.happened(event);
            notifier.send(format!(r#"{{"type":"{}"}}"#, event.name()).as_bytes())?;
            notifier.answered()?;
        }
        Ok(Instant::now())
    })
}

/// What each client shows. Bodies are compared by a number, and a frame that many get is read once.
struct States {
    bodies: HashMap<String, u32>,
    frames_read: HashMap<Box<[u8]>, usize>,
    contents: Vec<Vec<(Metric, u32)>>,
    newest: Option<(Box<[u8]>, usize)>,
    shown: Vec<PerMetric<u32>>,
    frames: u64,
    bytes: u64,
}

#[derive(serde::Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    data: HashMap<&'a str, &'a RawValue>,
}

impl States {
    fn new(clients: usize) -> States {
        States {
            bodies: HashMap::new(),
            frames_read: HashMap::new(),
            contents: Vec::new(),
            newest: None,
            shown: (0..clients).map(|_| PerMetric::from_fn(|_| 0)).collect(),
            frames: 0,
            bytes: 0,
        }
    }

    fn heard(&mut self, client: usize, payload: &[u8]) {
        self.frames += 1;
        self.bytes += payload.len() as u64;
        let content = match &self.newest {
            Some((newest, content)) if **newest == *payload => *content,
            _ => self.read(payload),
        };
        for (metric, body) in &self.contents[content] {
            self.shown[client][*metric] = *body;
        }
    }

    fn read(&mut self, payload: &[u8]) -> usize {
        let content = match self.frames_read.get(payload) {
            Some(content) => *content,
            None => {
                let data =
                    serde_json::from_slice::<Message>(payload).map_or_else(|_| HashMap::new(), |m| m.data);
                let known = |key: &str| Metric::ALL.into_iter().find(|metric| metric.key() == key);
                let bodies = data.into_iter().filter_map(|(key, body)| Some((known(key)?, body.get())));
                let bodies: Vec<_> = bodies.map(|(metric, body)| (metric, self.number(body))).collect();
                self.contents.push(bodies);
                self.frames_read.insert(payload.into(), self.contents.len() - 1);
                self.contents.len() - 1
            }
        };
        self.newest = Some((payload.into(), content));
        content
    }

    fn number(&mut self, body: &str) -> u32 {
        let next = self.bodies.len() as u32 + 1;
        *self.bodies.entry(body.to_owned()).or_insert(next)
    }

    /// What all clients should show in the end, of all that was announced.
    fn wanted(&mut self, upstream: &Upstream) -> Vec<(Metric, u32)> {
        let metrics =
            EVENTS.iter().fold(MetricSet::EMPTY, |all, event| all.union(event.metrics(Origin::Http)));
        metrics.iter().map(|metric| (metric, self.number(&upstream.body(metric)))).collect()
    }

    fn holds(&self, client: usize, wanted: &[(Metric, u32)]) -> bool {
        wanted.iter().all(|(metric, body)| self.shown[client][*metric] == *body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_replaces_what_it_names_and_nothing_else() {
        let mut states = States::new(2);
        states.heard(0, br#"{"event":"X","data":{"orders_recent":[1],"users_overview":{"n":1}}}"#);
        states.heard(0, br#"{"event":"X","data":{"orders_recent":[2]}}"#);
        states.heard(1, br#"{"event":"X","data":{"orders_recent":[2]}}"#);
        let wanted = [
            (Metric::OrdersRecent, states.number("[2]")),
            (Metric::UsersOverview, states.number(r#"{"n":1}"#)),
        ];
        assert!(states.holds(0, &wanted));
        assert!(!states.holds(1, &wanted));
        assert_eq!(states.frames, 3);
    }
}
