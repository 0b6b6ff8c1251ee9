//! The rules of the live path against any order of events: a source, the one writer, and clients whose connections
//! take a few bytes at a time, all on a scripted clock and without a socket.
//!
//! The guarantees are those of `docs/protocol.md`: in the end each client equals the source (F3), versions and values
//! only grow (F2), and what a client ends up with was read after its last announcement (F1).

use super::circuit::Reads;
use super::outbox::{Dialect, Driven, Outbox, Sent};
use super::plan::Causes;
use super::snapshot::{Answer, Failure, Snapshot};
use super::writer::Writer;
use proptest::prelude::*;
use serde_json::value::RawValue;
use shared::{DashboardMessage, Event, Metric, MetricState, Notification, Origin, PerMetric};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const CLIENTS: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    /// The shop changes what an event touches, and says so.
    Write(Event, Origin),
    /// It changes, and the notification is lost.
    Lost(Metric),
    Reconcile,
    /// The source reads one of the metrics that are asked for.
    Read(usize),
    /// One of the answers arrives, in whatever order.
    Land(usize, Outcome),
    Connect(usize, Dialect),
    Drop(usize),
    /// A client's connection takes so many more bytes.
    Room(usize, usize),
    /// A client reads what has come through.
    Hear(usize),
    Wait(u64),
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Answered,
    Failed(Failure),
    Absent,
}

fn step() -> impl Strategy<Value = Step> {
    let event = prop::sample::select(vec![
        "REPAIR_ORDER_CREATED",
        "USER_CREATED",
        "TECHNICIAN_UPDATED",
        "EQUIPMENT_CREATED",
        "SPARE_PART_CREATED",
        "DASHBOARD_FULL_UPDATE",
    ]);
    let origin = prop::sample::select(vec![Origin::Http, Origin::Shop]);
    let metric = prop::sample::select(Metric::ALL.to_vec());
    let outcome = prop_oneof![
        6 => Just(Outcome::Answered),
        1 => Just(Outcome::Failed(Failure::Unreadable)),
        1 => Just(Outcome::Failed(Failure::Unreachable)),
        1 => Just(Outcome::Absent),
    ];
    let dialect = prop_oneof![3 => Just(Dialect::Versioned), 1 => Just(Dialect::Original)];
    prop_oneof![
        4 => (event, origin).prop_map(|(name, origin)| Step::Write(Event::parse(name), origin)),
        1 => metric.prop_map(Step::Lost),
        1 => Just(Step::Reconcile),
        6 => (0..100_usize).prop_map(Step::Read),
        9 => (0..100_usize, outcome).prop_map(|(which, outcome)| Step::Land(which, outcome)),
        2 => (0..CLIENTS, dialect).prop_map(|(client, dialect)| Step::Connect(client, dialect)),
        1 => (0..CLIENTS).prop_map(Step::Drop),
        4 => (0..CLIENTS, prop::sample::select(vec![1_usize, 40, 700, 20_000])).prop_map(|(c, n)| Step::Room(c, n)),
        4 => (0..CLIENTS).prop_map(Step::Hear),
        4 => prop::sample::select(vec![1_u64, 30, 100, 260, 2_000]).prop_map(Step::Wait),
    ]
}

/// A request under way: when it was sent, and what the source read for it.
struct Flight {
    metric: Metric,
    began: u64,
    read: Option<u64>,
}

struct World {
    writer: Writer,
    published: Arc<Snapshot>,
    start: Instant,
    elapsed_ms: u64,
    /// Counts everything that happens; "after" means a higher one.
    tick: u64,
    truth: PerMetric<u64>,
    announced: PerMetric<u64>,
    /// What only the next reconcile has to put right: its notification was lost, or the source said that it has none.
    excused: PerMetric<bool>,
    /// When the request was sent that each value came from.
    read_at: HashMap<(Metric, u64), u64>,
    flights: Vec<Flight>,
    clients: Vec<Client>,
}

impl World {
    fn new() -> World {
        let empty = Arc::new(Snapshot::empty("9f2c41d07ab35e18", 0));
        let mut world = World {
            writer: Writer::new(Reads::OneByOne, empty.clone()),
            published: empty,
            start: Instant::now(),
            elapsed_ms: 0,
            tick: 0,
            truth: PerMetric::default(),
            announced: PerMetric::default(),
            excused: PerMetric::default(),
            read_at: HashMap::new(),
            flights: Vec::new(),
            clients: (0..CLIENTS).map(|_| Client::default()).collect(),
        };
        world.writer.reconcile();
        world.turn();
        world
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.elapsed_ms)
    }

    fn apply(&mut self, step: Step) {
        self.tick += 1;
        match step {
            Step::Write(event, origin) => self.write(event, origin),
            Step::Lost(metric) => {
                self.truth[metric] += 1;
                self.excused[metric] = true;
            }
            Step::Reconcile => {
                self.writer.reconcile();
                self.excused = PerMetric::default();
            }
            Step::Read(which) => self.read(which),
            Step::Land(which, outcome) => self.land(which, outcome),
            Step::Connect(client, dialect) => self.clients[client].connect(dialect, &self.published),
            Step::Drop(client) => self.clients[client].link = None,
            Step::Room(client, bytes) => self.clients[client].room(bytes, &self.published),
            Step::Hear(client) => self.clients[client].hear(),
            Step::Wait(ms) => self.elapsed_ms += ms,
        }
        self.turn();
    }

    /// What the updater's task does whenever it wakes up.
    fn turn(&mut self) {
        let now = self.now();
        if let Some(metrics) = self.writer.begin(now) {
            for metric in metrics.iter() {
                assert!(
                    self.flights.iter().all(|flight| flight.metric != metric),
                    "two fetches of {metric:?}"
                );
                self.flights.push(Flight { metric, began: self.tick, read: None });
            }
        }
        let next = self.writer.publish(now, self.elapsed_ms as i64);
        let wake = self.writer.wake(now);
        assert!(wake.is_none_or(|wake| wake > now), "it would be woken again at once, for nothing");
        let Some(next) = next else { return };
        assert!(next.version() >= self.published.version(), "a version went back");
        self.published = next;
        for client in &mut self.clients {
            client.update(&self.published);
        }
    }

    fn write(&mut self, event: Event, origin: Origin) {
        let metrics = event.metrics(origin);
        for metric in metrics.iter() {
            self.truth[metric] += 1;
            self.announced[metric] = self.tick;
        }
        let mut causes = Causes::default();
        let received = String::new();
        let kind = event.name();
        causes.push(event, Notification { kind, resource_id: None, timestamp: None, received });
        self.writer.notify(metrics, causes);
    }

    fn read(&mut self, which: usize) {
        let waiting: Vec<_> = (0..self.flights.len()).filter(|at| self.flights[*at].read.is_none()).collect();
        if !waiting.is_empty() {
            let flight = &mut self.flights[waiting[which % waiting.len()]];
            flight.read = Some(self.truth[flight.metric]);
        }
    }

    fn land(&mut self, which: usize, outcome: Outcome) {
        if self.flights.is_empty() {
            return;
        }
        let flight = self.flights.remove(which % self.flights.len());
        let metric = flight.metric;
        let answer = match outcome {
            Outcome::Failed(failure) => Answer::Failed(failure),
            Outcome::Absent => {
                self.excused[metric] = true;
                Answer::Absent
            }
            Outcome::Answered => {
                let value = flight.read.unwrap_or(self.truth[metric]);
                self.read_at.insert((metric, value), flight.began);
                Answer::Body(RawValue::from_string(body(value)).expect("JSON").into())
            }
        };
        self.writer.arrived(metric, answer, self.now(), 0.5);
    }

    /// No more faults, and everybody listens: what must be so then?
    fn quiet(&mut self) {
        for client in 0..CLIENTS {
            let dialect = Dialect::Versioned;
            if self.clients[client].link.is_none() {
                self.clients[client].connect(dialect, &self.published);
            }
        }
        // The task sleeps until the writer wants to be woken, and wakes up for answers.
        for _ in 0..200 {
            self.tick += 1;
            if !self.flights.is_empty() {
                self.land(0, Outcome::Answered);
            } else if let Some(wake) = self.writer.wake(self.now()) {
                self.elapsed_ms += (wake - self.now()).as_millis() as u64 + 1;
            } else {
                break;
            }
            self.turn();
        }
        assert_eq!(self.writer.wake(self.now()), None, "it never comes to rest");
        for client in 0..CLIENTS {
            self.clients[client].room(usize::MAX, &self.published);
            self.clients[client].hear();
        }
    }
}

fn body(value: u64) -> String {
    format!("{{\"value\":{value}}}")
}

fn value(body: &str) -> u64 {
    let digits: String = body.chars().filter(char::is_ascii_digit).collect();
    digits.parse().expect("each body has one number")
}

/// A dashboard: what it knows, and its connection if it has one.
#[derive(Default)]
struct Client {
    position: u64,
    values: PerMetric<Option<u64>>,
    trouble: Vec<(String, MetricState)>,
    link: Option<Link>,
}

struct Link {
    dialect: Dialect,
    outbox: Outbox,
    /// Bytes that its socket still takes.
    room: usize,
    pipe: Vec<u8>,
    handed_over: bool,
    heard_first: bool,
}

impl Client {
    fn is_versioned(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.dialect == Dialect::Versioned)
    }

    fn connect(&mut self, dialect: Dialect, published: &Snapshot) {
        let seen = match dialect {
            Dialect::Versioned => self.position,
            Dialect::Original => published.version(),
        };
        // The original loads everything by plain requests and then listens.
        if dialect == Dialect::Original {
            for metric in Metric::ALL {
                self.values[metric] = published.body(metric).map(|(body, _)| value(body.get()));
            }
            self.position = seen;
        }
        let outbox = Outbox::new(dialect, seen);
        self.link =
            Some(Link { dialect, outbox, room: 0, pipe: Vec::new(), handed_over: false, heard_first: false });
        self.update(published);
    }

    fn room(&mut self, bytes: usize, published: &Snapshot) {
        if let Some(link) = &mut self.link {
            link.room = link.room.saturating_add(bytes);
            // The kernel reports room to the catch-up task alone.
            if link.handed_over {
                link.handed_over = link.drive(published) == Driven::Full;
            }
        }
    }

    /// As the broadcaster does: whoever is being caught up is passed over.
    fn update(&mut self, published: &Snapshot) {
        if let Some(link) = &mut self.link
            && !link.handed_over
        {
            link.handed_over = link.drive(published) == Driven::Full;
        }
    }

    fn hear(&mut self) {
        let Some(link) = &mut self.link else { return };
        let (mut frames, pipe) = (Vec::new(), std::mem::take(&mut link.pipe));
        let mut rest = &pipe[..];
        while let Some((text, behind)) = split_frame(rest) {
            frames.push(text.to_owned());
            rest = behind;
        }
        link.pipe = rest.to_vec();
        for frame in frames {
            self.take(&frame);
        }
    }

    fn take(&mut self, text: &str) {
        let link = self.link.as_mut().expect("it has just heard");
        let message = DashboardMessage::parse(text).expect("a message");
        let (version, since) = (message.version.expect("a version"), message.since.expect("a start"));
        let first = !std::mem::replace(&mut link.heard_first, true);
        // The original knows no versions; what has no data for it is skipped.
        if link.dialect == Dialect::Original {
            assert!(!message.data.is_empty(), "a status alone is nothing for the original");
        } else {
            assert!(!first || message.status.is_some(), "the first frame tells the status");
            assert!(first || version > self.position, "version {version} after {}", self.position);
            assert!(since <= self.position, "something between {} and {since} is missing", self.position);
        }
        self.position = version;
        for (key, body) in &message.data {
            let metric = Metric::parse(key).expect("a metric");
            let (before, now) = (self.values[metric], value(body.get()));
            assert!(
                before.is_none_or(|before| before <= now),
                "{metric:?} went from {before:?} back to {now}"
            );
            self.values[metric] = Some(now);
        }
        if let Some(status) = message.status {
            self.trouble = status.metrics.into_iter().map(|(key, status)| (key, status.state)).collect();
        }
    }
}

impl Link {
    fn drive(&mut self, published: &Snapshot) -> Driven {
        let Link { outbox, room, pipe, .. } = self;
        let send = |bytes: &[u8]| {
            let count = bytes.len().min(*room);
            if count == 0 {
                return Sent::Full;
            }
            pipe.extend_from_slice(&bytes[..count]);
            *room -= count;
            Sent::Bytes(count)
        };
        outbox.drive(published, send).0
    }
}

/// The text of the frame at the front, if it is there whole.
fn split_frame(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, head) = match bytes {
        [0x81, 126, a, b, ..] => (usize::from(u16::from_be_bytes([*a, *b])), 4),
        [0x81, length @ 0..126, ..] => (usize::from(*length), 2),
        [0x81, 126 | 127, ..] | [0x81] | [] => return None,
        [other, ..] => panic!("no text frame: {other:#x}"),
    };
    let (frame, rest) = (bytes.len() >= head + length).then(|| bytes.split_at(head + length))?;
    Some((std::str::from_utf8(&frame[head..]).expect("UTF-8"), rest))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_everybody_ends_up_with_the_truth(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.apply(step));
        world.quiet();
        for (number, client) in world.clients.iter().enumerate() {
            if client.is_versioned() {
                prop_assert_eq!(client.position, world.published.version(), "client {}", number);
            }
            for metric in Metric::ALL.into_iter().filter(|metric| !world.excused[*metric]) {
                let value = client.values[metric];
                prop_assert_eq!(value, Some(world.truth[metric]), "client {}: {:?}", number, metric);
                // F1: what it holds was read by a request that began after the last announcement.
                let read_at = world.read_at[&(metric, world.truth[metric])];
                prop_assert!(read_at >= world.announced[metric], "{:?} was read too early", metric);
            }
        }
        // A lost notification heals with the next reconcile.
        world.writer.reconcile();
        world.quiet();
        for client in &world.clients {
            for metric in Metric::ALL {
                prop_assert_eq!(client.values[metric], Some(world.truth[metric]), "{:?}", metric);
            }
            prop_assert!(!client.is_versioned() || client.trouble.is_empty(), "{:?}", client.trouble);
        }
    }
}

/// `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(10_000)
}
