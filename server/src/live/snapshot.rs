//! State, not a log: the newest body of every metric, and the version at which it last changed.
//!
//! A client is one number, the version it has seen. The newcomer, the slow and the returning client ask the
//! same question, [`Snapshot::frame_since`]. Immutable once published; pure: times come in from outside.

use super::frame;
use super::plan::{Causes, NAMED};
use crate::clock::{self, Millis};
use bytes::Bytes;
use serde_json::value::RawValue;
use shared::{
    DashboardMessage, Event, HEARTBEAT, Metric, MetricSet, MetricState, MetricStatus, Notification,
    PerMetric, UPSTREAM_STATUS, Upstream, UpstreamStatus,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};

/// Versions of which we remember how much had been announced, so that `omitted` can be exact. A client that
/// is further behind is told at least so many.
const COUNTED: usize = 256;

/// A broadcast that takes longer than a round finds most clients two versions behind; further back are few.
const STEPS: usize = 4;

/// What the source said of one metric.
#[derive(Clone, Debug)]
pub enum Answer {
    Body(Arc<RawValue>),
    /// 404: it does not offer this.
    Absent,
    /// 401, 403: it refuses this.
    Forbidden,
    Failed(Failure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection at all.
    Unreachable,
    /// Timeout, 5xx, or a body that is no JSON.
    Unreadable,
}

/// A round's answers, on their way to become a version.
#[derive(Clone, Debug)]
pub struct Commit {
    pub answers: Vec<(Metric, Answer)>,
    /// Whether the source answers at all.
    pub upstream: Upstream,
    pub causes: Causes,
    /// The event's name if `causes` give none.
    pub label: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Snapshot {
    epoch: Arc<str>,
    version: u64,
    published: Millis,
    entries: PerMetric<Entry>,
    upstream: (Upstream, Millis),
    status_version: u64,
    /// The last announcements, each with the version that carried it.
    announced: VecDeque<(u64, Event, Notification)>,
    /// How many announcements there had been up to a version.
    totals: VecDeque<(u64, u64)>,
    label: String,
    /// Nearly every client asks for one of these, so each is encoded once: everything, and what changed since one,
    /// two, … versions ago.
    everything: OnceLock<Bytes>,
    steps: [OnceLock<Bytes>; STEPS],
}

#[derive(Clone, Debug, Default)]
struct Entry {
    body: Option<Arc<RawValue>>,
    /// At which `body` last changed.
    version: u64,
    trouble: Option<(MetricState, Millis)>,
    /// When the source last answered.
    confirmed: Option<Millis>,
}

/// A shared frame, or one made for a client that asks for something else.
pub enum Frame<'a> {
    Shared(&'a Bytes),
    Own(Bytes),
}

impl Frame<'_> {
    pub fn bytes(&self) -> &Bytes {
        match self {
            Frame::Shared(bytes) => bytes,
            Frame::Own(bytes) => bytes,
        }
    }
}

impl Snapshot {
    /// Nothing is known yet.
    pub fn empty(epoch: &str, now: Millis) -> Snapshot {
        Snapshot {
            epoch: epoch.into(),
            version: 0,
            published: now,
            entries: PerMetric::default(),
            upstream: (Upstream::Up, now),
            status_version: 0,
            announced: VecDeque::new(),
            totals: VecDeque::new(),
            label: Event::FULL_UPDATE.to_owned(),
            everything: OnceLock::new(),
            steps: Default::default(),
        }
    }

    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn body(&self, metric: Metric) -> Option<(&Arc<RawValue>, u64)> {
        let entry = &self.entries[metric];
        entry.body.as_ref().map(|body| (body, entry.version))
    }

    /// Down means that nothing is asked of it but whether it is back.
    pub fn upstream(&self) -> Upstream {
        self.upstream.0
    }

    pub fn trouble(&self, metric: Metric) -> Option<MetricState> {
        self.entries[metric].trouble.map(|(state, _)| state)
    }

    /// The source has answered for every metric at least once, be it with a failure.
    pub fn is_filled(&self) -> bool {
        self.entries.iter().all(|(_, entry)| entry.confirmed.is_some() || entry.trouble.is_some())
    }

    /// When all data was last confirmed by the source.
    pub fn checked(&self) -> Option<Millis> {
        self.entries.iter().map(|(_, entry)| entry.confirmed).min().flatten()
    }

    /// The snapshot after these answers. Its version is higher exactly if something changed.
    pub fn commit(&self, commit: Commit, now: Millis) -> Snapshot {
        let mut next = self.clone();
        let version = self.version + 1;
        let mut changed = false;
        for (metric, answer) in &commit.answers {
            let entry = &mut next.entries[*metric];
            let trouble = entry.trouble.map(|(state, _)| state);
            changed |= entry.take(answer, version, now);
            if trouble != entry.trouble.map(|(state, _)| state) {
                next.status_version = version;
            }
        }
        if commit.upstream != self.upstream.0 {
            next.upstream = (commit.upstream, now);
            next.status_version = version;
        }
        if !changed && next.status_version == self.status_version {
            return next.confirmed_only();
        }
        next.version = version;
        next.published = now;
        next.label = commit.causes.label().or(commit.label).unwrap_or_else(|| Event::FULL_UPDATE.to_owned());
        next.announce(commit.causes);
        next.everything = OnceLock::new();
        next.steps = Default::default();
        next
    }

    /// Only `checked` may be another one. The step to this version stays as it was sent.
    fn confirmed_only(mut self) -> Snapshot {
        self.everything = OnceLock::new();
        self
    }

    fn announce(&mut self, causes: Causes) {
        if causes.is_empty() {
            return;
        }
        let total = self.totals.back().map_or(0, |(_, total)| *total) + causes.count;
        self.totals.push_back((self.version, total));
        if self.totals.len() > COUNTED {
            self.totals.pop_front();
        }
        for (event, notification) in causes.named {
            self.announced.push_back((self.version, event, notification));
        }
        let over = self.announced.len().saturating_sub(NAMED);
        self.announced.drain(..over);
    }

    /// The event frame for a client that has seen version `seen`; `None` if it is up to date.
    pub fn frame_since(&self, seen: u64) -> Option<Frame<'_>> {
        if seen >= self.version {
            return None;
        }
        let encoded = || frame::text(&self.message_since(seen, false));
        let behind = usize::try_from(self.version - seen).unwrap_or(usize::MAX);
        Some(match self.steps.get(behind - 1) {
            Some(step) => Frame::Shared(step.get_or_init(encoded)),
            None => Frame::Own(encoded()),
        })
    }

    /// The first frame of a connection, which also tells the status: everything for a newcomer (`seen` 0), what
    /// changed for one that resumes, maybe nothing.
    pub fn first_frame(&self, seen: u64) -> Frame<'_> {
        if seen == 0 || seen > self.version {
            let everything = || frame::text(&self.message_since(0, true));
            return Frame::Shared(self.everything.get_or_init(everything));
        }
        Frame::Own(frame::text(&self.message_since(seen, true)))
    }

    /// Something that a client of the original would understand changed after `seen`.
    pub fn has_data_since(&self, seen: u64) -> bool {
        self.entries.iter().any(|(_, entry)| entry.version > seen && entry.body.is_some())
    }

    /// What changed with this version.
    pub fn step(&self) -> MetricSet {
        self.entries
            .iter()
            .filter(|(_, entry)| entry.version == self.version)
            .map(|(metric, _)| metric)
            .collect()
    }

    pub fn heartbeat(&self, now: Millis) -> Bytes {
        let mut message = self.message(HEARTBEAT, now);
        message.version = Some(self.version);
        frame::text(&encode(&message))
    }

    fn message_since(&self, seen: u64, first: bool) -> Vec<u8> {
        let data: BTreeMap<_, _> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.version > seen)
            .filter_map(|(metric, entry)| Some((metric.key().into(), &**entry.body.as_ref()?)))
            .collect();
        // A newcomer has not missed anything: it starts here.
        let (notifications, omitted) =
            if first && seen == 0 { (Vec::new(), 0) } else { self.announced_since(seen) };
        let label = self.label_since(seen, first, data.is_empty());
        let mut message = self.message(&label, self.published);
        message.data = data;
        message.version = Some(self.version);
        message.since = Some(seen);
        message.notifications = notifications;
        message.omitted = omitted;
        message.status = (first || self.status_version > seen).then(|| self.status());
        encode(&message)
    }

    fn message<'a>(&'a self, event: &'a str, timestamp: Millis) -> DashboardMessage<'a> {
        DashboardMessage {
            event: event.into(),
            data: BTreeMap::new(),
            timestamp: clock::iso(timestamp),
            epoch: Some(self.epoch.to_string()),
            version: None,
            since: None,
            checked: self.checked().map(clock::iso),
            notifications: Vec::new(),
            omitted: 0,
            status: None,
            expires: None,
        }
    }

    fn label_since(&self, seen: u64, first: bool, no_data: bool) -> String {
        if first {
            return Event::FULL_UPDATE.to_owned();
        }
        if no_data {
            return UPSTREAM_STATUS.to_owned();
        }
        if seen + 1 == self.version {
            return self.label.clone();
        }
        let mut causes = Causes::default();
        for (_, event, notification) in self.announced.iter().filter(|(version, ..)| *version > seen) {
            causes.push(event.clone(), notification.clone());
        }
        causes.label().unwrap_or_else(|| Event::FULL_UPDATE.to_owned())
    }

    fn announced_since(&self, seen: u64) -> (Vec<Notification>, u64) {
        let named: Vec<_> = self
            .announced
            .iter()
            .filter(|(version, ..)| *version > seen)
            .map(|(_, _, notification)| notification.clone())
            .collect();
        let total = self.totals.back().map_or(0, |(_, total)| *total);
        let known = self.totals.iter().rev().find(|(version, _)| *version <= seen).map(|(_, total)| *total);
        // Before the oldest version that we still count lie those that it had already counted.
        let oldest = || {
            if self.totals.len() < COUNTED { 0 } else { self.totals.front().map_or(0, |(_, total)| *total) }
        };
        let missed = total - known.unwrap_or_else(oldest);
        let omitted = missed.saturating_sub(named.len() as u64);
        (named, omitted)
    }

    fn status(&self) -> UpstreamStatus {
        let troubled = |(metric, entry): (Metric, &Entry)| {
            let (state, at) = entry.trouble?;
            Some((metric.key().to_owned(), MetricStatus { state, at: clock::iso(at) }))
        };
        UpstreamStatus {
            upstream: self.upstream.0,
            since: clock::iso(self.upstream.1),
            metrics: self.entries.iter().filter_map(troubled).collect(),
        }
    }
}

impl Entry {
    /// Whether the body became another one.
    fn take(&mut self, answer: &Answer, version: u64, now: Millis) -> bool {
        let trouble = match answer {
            Answer::Body(_) => None,
            Answer::Absent => Some(MetricState::Absent),
            Answer::Forbidden => Some(MetricState::Forbidden),
            Answer::Failed(_) => Some(MetricState::Failed),
        };
        if trouble != self.trouble.map(|(state, _)| state) {
            self.trouble = trouble.map(|state| (state, now));
        }
        match answer {
            Answer::Body(body) => {
                self.confirmed = Some(now);
                if self.body.as_ref().is_some_and(|known| known.get() == body.get()) {
                    return false;
                }
                self.body = Some(body.clone());
                self.version = version;
                true
            }
            Answer::Absent | Answer::Forbidden => {
                self.confirmed = Some(now);
                self.body = None;
                false
            }
            Answer::Failed(_) => false,
        }
    }
}

fn encode(message: &DashboardMessage) -> Vec<u8> {
    serde_json::to_vec(message).expect("strings, numbers and raw JSON can always be written")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn body(text: &str) -> Answer {
        Answer::Body(RawValue::from_string(text.to_owned()).expect("JSON").into())
    }

    fn causes(names: &[&str]) -> Causes {
        let mut causes = Causes::default();
        for name in names {
            let notification = Notification {
                kind: (*name).to_owned(),
                resource_id: None,
                timestamp: None,
                received: String::new(),
            };
            causes.push(Event::parse(name), notification);
        }
        causes
    }

    fn committed(snapshot: &Snapshot, answers: &[(Metric, Answer)], names: &[&str]) -> Snapshot {
        commit(snapshot, answers, names, Upstream::Up)
    }

    fn commit(
        snapshot: &Snapshot,
        answers: &[(Metric, Answer)],
        names: &[&str],
        upstream: Upstream,
    ) -> Snapshot {
        let commit = Commit { answers: answers.to_vec(), upstream, causes: causes(names), label: None };
        snapshot.commit(commit, snapshot.published + 1000)
    }

    fn read(frame: &Bytes) -> Value {
        let start = frame.iter().position(|byte| *byte == b'{').expect("a JSON object");
        serde_json::from_slice(&frame[start..]).expect("JSON")
    }

    fn step(snapshot: &Snapshot, seen: u64) -> Value {
        read(snapshot.frame_since(seen).expect("something new").bytes())
    }

    fn filled() -> Snapshot {
        let all: Vec<_> = Metric::ALL.map(|metric| (metric, body(r#"{"count":1}"#))).into();
        committed(&Snapshot::empty("9f2c41d07ab35e18", 0), &all, &[])
    }

    #[test]
    fn an_equal_body_is_no_news() {
        let first = filled();
        let next =
            committed(&first, &[(Metric::UsersCountClients, body(r#"{"count":1}"#))], &["USER_CREATED"]);
        assert_eq!((first.version(), next.version()), (1, 1));
        assert!(next.frame_since(1).is_none());
    }

    #[test]
    fn the_newcomer_the_slow_and_the_returning_client_ask_one_question() {
        let one = filled();
        let two = committed(&one, &[(Metric::UsersCountClients, body(r#"{"count":2}"#))], &["USER_CREATED"]);
        let three =
            committed(&two, &[(Metric::OrdersCountTotal, body(r#"{"count":3}"#))], &["REPAIR_ORDER_CREATED"]);

        let newcomer = read(three.first_frame(0).bytes());
        assert_eq!(newcomer["data"].as_object().expect("data").len(), Metric::COUNT);
        assert_eq!(newcomer["event"], "DASHBOARD_FULL_UPDATE");
        assert_eq!((&newcomer["version"], &newcomer["since"]), (&3.into(), &0.into()));
        assert!(newcomer.get("notifications").is_none());
        assert_eq!(newcomer["status"]["upstream"], "up");

        let usual = step(&three, 2);
        assert_eq!(usual["data"], serde_json::json!({"orders_count_total":{"count":3}}));
        assert_eq!((&usual["event"], &usual["since"]), (&"REPAIR_ORDER_CREATED".into(), &2.into()));
        assert!(usual.get("status").is_none());

        let slow = step(&three, 1);
        assert_eq!(slow["data"].as_object().expect("data").len(), 2);
        assert_eq!(slow["notifications"].as_array().expect("both").len(), 2);
        assert_eq!(slow["since"], 1);

        let returning = read(three.first_frame(2).bytes());
        assert_eq!(returning["data"].as_object().expect("data").len(), 1);
        assert_eq!(returning["event"], "DASHBOARD_FULL_UPDATE");
        let current = read(three.first_frame(3).bytes());
        assert_eq!(current["data"], serde_json::json!({}));
        let ahead = read(three.first_frame(9).bytes());
        assert_eq!(ahead["data"].as_object().expect("data").len(), Metric::COUNT);
    }

    #[test]
    fn a_failed_metric_keeps_its_body_and_a_forbidden_one_drops_it() {
        let one = filled();
        let two = committed(&one, &[(Metric::OrdersRecent, Answer::Failed(Failure::Unreadable))], &[]);
        assert_eq!(step(&two, 1)["event"], UPSTREAM_STATUS);
        assert_eq!(step(&two, 1)["data"], serde_json::json!({}));
        assert_eq!(step(&two, 1)["status"]["metrics"]["orders_recent"]["state"], "failed");
        assert_eq!(step(&two, 1)["status"]["upstream"], "up");
        assert!(two.body(Metric::OrdersRecent).is_some());
        assert!(!two.has_data_since(1), "an original client is told nothing");

        let again = committed(&two, &[(Metric::OrdersRecent, Answer::Failed(Failure::Unreadable))], &[]);
        assert_eq!(again.version(), 2, "still failed is no news");
        let three = committed(&again, &[(Metric::OrdersRecent, Answer::Forbidden)], &[]);
        assert!(three.body(Metric::OrdersRecent).is_none());
        let four = committed(&three, &[(Metric::OrdersRecent, body(r#"{"count":1}"#))], &[]);
        assert_eq!(step(&four, 3)["status"]["metrics"], serde_json::json!({}));
        assert_eq!(step(&four, 3)["data"].as_object().expect("data").len(), 1);
    }

    #[test]
    fn an_upstream_that_goes_or_comes_back_is_a_version_of_its_own() {
        let one = filled();
        let failed = [(Metric::OrdersRecent, Answer::Failed(Failure::Unreachable))];
        let down = commit(&one, &failed, &[], Upstream::Down);
        assert_eq!((down.version(), &step(&down, 1)["status"]["upstream"]), (2, &"down".into()));
        let still = commit(&down, &failed, &[], Upstream::Down);
        assert_eq!(still.version(), 2, "still down is no news");
        let up = commit(&still, &[], &[], Upstream::Up);
        assert_eq!(step(&up, 2)["status"]["upstream"], "up");
        assert_eq!(step(&up, 2)["event"], UPSTREAM_STATUS);
    }

    #[test]
    fn checked_is_when_the_last_of_all_was_confirmed() {
        let one = filled();
        assert_eq!(one.checked(), Some(1000));
        let two = committed(&one, &[(Metric::OrdersRecent, body(r#"{"count":1}"#))], &[]);
        assert_eq!(two.checked(), Some(1000), "the others are as old as before");
        let all: Vec<_> = Metric::ALL.map(|metric| (metric, body(r#"{"count":1}"#))).into();
        let three = committed(&two, &all, &[]);
        assert_eq!((three.checked(), three.version()), (Some(2000), 1));
        assert_eq!(read(&three.heartbeat(5000))["checked"], "1970-01-01T00:00:02.000Z");
        assert_eq!(read(three.first_frame(0).bytes())["checked"], "1970-01-01T00:00:02.000Z");
        assert_eq!(Snapshot::empty("", 0).checked(), None);
    }

    #[test]
    fn announcements_beyond_twenty_are_counted() {
        let mut snapshot = filled();
        for count in 2..=31 {
            let body = body(&format!("{{\"count\":{count}}}"));
            snapshot = committed(&snapshot, &[(Metric::UsersCountClients, body)], &["USER_CREATED"]);
        }
        let lagging = step(&snapshot, 1);
        assert_eq!(lagging["notifications"].as_array().expect("named").len(), NAMED);
        assert_eq!(lagging["omitted"], 10);
        assert!(step(&snapshot, snapshot.version() - 1).get("omitted").is_none());
    }
}
