//! What to fetch now: coalescing, one fetch a metric at a time, and retries.
//!
//! The first notification of a burst is acted on at once, later ones within the interval share the next
//! round. A metric stays due until a fetch that began after its last notification has succeeded, so nobody
//! is left with a stale value for want of another event. While the source is down, the circuit lets one metric
//! at a time try. Pure: time comes in from outside.

use super::circuit::{Circuit, Reads, backoff};
use super::snapshot::Failure;
use shared::{Event, Metric, MetricSet, Notification, PerMetric};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Rounds begin at least this far apart.
pub const INTERVAL: Duration = Duration::from_millis(100);

/// Notifications that a frame names; older ones are only counted.
pub const NAMED: usize = 20;

/// What was announced: the last few by name, the others as a count. Never full.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Causes {
    pub named: VecDeque<(Event, Notification)>,
    pub count: u64,
}

impl Causes {
    pub fn push(&mut self, event: Event, notification: Notification) {
        self.count += 1;
        self.named.push_back((event, notification));
        if self.named.len() > NAMED {
            self.named.pop_front();
        }
    }

    /// `later` happened after these.
    pub fn append(&mut self, mut later: Causes) {
        self.count += later.count;
        self.named.append(&mut later.named);
        let over = self.named.len().saturating_sub(NAMED);
        self.named.drain(..over);
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The newest creation among them, else the newest of all: only a label.
    pub fn label(&self) -> Option<String> {
        let created = |event: &&Event| matches!(event, Event::Known(_, shared::Change::Created));
        let newest_first = || self.named.iter().rev().map(|(event, _)| event);
        newest_first().find(created).or_else(|| newest_first().next()).map(Event::name)
    }
}

#[derive(Debug)]
pub struct Plan {
    due: MetricSet,
    in_flight: MetricSet,
    causes: Causes,
    next_round: Option<Instant>,
    retries: PerMetric<Option<Retry>>,
    circuit: Circuit,
}

#[derive(Clone, Copy, Debug)]
struct Retry {
    failures: u32,
    /// `None` while it is due or being tried.
    at: Option<Instant>,
}

/// Metrics to fetch now, and what was announced since the round before.
#[derive(Debug, PartialEq)]
pub struct Round {
    pub metrics: MetricSet,
    pub causes: Causes,
}

impl Plan {
    pub fn new(reads: Reads) -> Plan {
        Plan {
            due: MetricSet::EMPTY,
            in_flight: MetricSet::EMPTY,
            causes: Causes::default(),
            next_round: None,
            retries: PerMetric::default(),
            circuit: Circuit::new(reads),
        }
    }

    pub fn notify(&mut self, metrics: MetricSet, causes: Causes) {
        self.due = self.due.union(metrics);
        self.causes.append(causes);
    }

    /// Everything is to be read again, although nobody announced anything.
    pub fn reconcile(&mut self) {
        self.due = MetricSet::ALL;
    }

    /// The round that begins now, if one does.
    pub fn begin(&mut self, now: Instant) -> Option<Round> {
        if self.next_round.is_some_and(|at| at > now) {
            return None;
        }
        self.retries_due(now);
        let metrics = self.circuit.admit(self.wanted(), self.idle(), now);
        if metrics.is_empty() && !self.is_only_announced() {
            return None;
        }
        self.next_round = Some(now + INTERVAL);
        self.due = self.due.minus(metrics);
        self.in_flight = self.in_flight.union(metrics);
        metrics.iter().for_each(|metric| self.trying(metric));
        Some(Round { metrics, causes: std::mem::take(&mut self.causes) })
    }

    /// Due, and not being fetched.
    fn wanted(&self) -> MetricSet {
        self.due.minus(self.in_flight)
    }

    fn idle(&self) -> MetricSet {
        MetricSet::ALL.minus(self.in_flight)
    }

    /// An announcement that touches no metric makes an empty round, unless its metrics are only waiting.
    fn is_only_announced(&self) -> bool {
        !self.causes.is_empty() && self.due.is_empty()
    }

    fn retries_due(&mut self, now: Instant) {
        for metric in Metric::ALL {
            if self.retries[metric].and_then(|retry| retry.at).is_some_and(|at| at <= now) {
                self.trying(metric);
                self.due.insert(metric);
            }
        }
    }

    fn trying(&mut self, metric: Metric) {
        if let Some(retry) = &mut self.retries[metric] {
            retry.at = None;
        }
    }

    /// The source answered. A metric that was announced meanwhile is still due and will be fetched again.
    pub fn succeeded(&mut self, metric: Metric) {
        self.in_flight.remove(metric);
        self.retries[metric] = None;
        if self.circuit.answered() {
            self.retry_all();
        }
    }

    /// The source is back: nobody waits for a time that was set while it was gone.
    fn retry_all(&mut self) {
        for metric in Metric::ALL {
            if self.retries[metric].take_if(|retry| retry.at.is_some()).is_some() {
                self.due.insert(metric);
            }
        }
    }

    /// It stays due, and is tried again after a while; `jitter` from 0 to 1 spreads the tries of many.
    pub fn failed(&mut self, metric: Metric, failure: Failure, now: Instant, jitter: f64) {
        self.in_flight.remove(metric);
        let again = self.retries[metric].is_some();
        self.circuit.failed(metric, failure, again, now, jitter);
        let failures = self.retries[metric].map_or(0, |retry| retry.failures) + 1;
        self.retries[metric] = Some(Retry { failures, at: Some(now + backoff(failures, jitter)) });
    }

    /// Whether the source answers nothing at all.
    pub fn source_is_down(&self) -> bool {
        self.circuit.is_open()
    }

    /// When `begin` may have something to do, if nothing else happens before.
    pub fn wake(&self, now: Instant) -> Option<Instant> {
        let at = if self.circuit.is_open() {
            self.circuit.probe_at().filter(|_| !self.idle().is_empty())
        } else {
            let retries = self.retries.iter().filter_map(|(_, retry)| retry.and_then(|retry| retry.at));
            retries.chain((!self.wanted().is_empty()).then_some(now)).min()
        };
        let announced = self.is_only_announced().then_some(now);
        // Whatever is due waits for its round, too.
        let due = [at, announced].into_iter().flatten().min()?;
        Some(self.next_round.map_or(due, |round| round.max(due)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared::Origin;

    fn cause(name: &str) -> (MetricSet, Causes) {
        let event = Event::parse(name);
        let metrics = event.metrics(Origin::Http);
        let mut causes = Causes::default();
        let kind = event.name();
        causes
            .push(event, Notification { kind, resource_id: None, timestamp: None, received: String::new() });
        (metrics, causes)
    }

    fn notify(plan: &mut Plan, name: &str) {
        let (metrics, causes) = cause(name);
        plan.notify(metrics, causes);
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_burst_is_acted_on_at_once_and_then_shares_a_round() {
        let (mut plan, start) = (Plan::new(Reads::OneByOne), Instant::now());
        assert_eq!(plan.begin(start), None);
        notify(&mut plan, "USER_CREATED");
        let round = plan.begin(start).expect("the leading edge");
        assert_eq!(round.metrics, cause("USER_CREATED").0);
        round.metrics.iter().for_each(|metric| plan.succeeded(metric));
        for _ in 0..1000 {
            notify(&mut plan, "USER_CREATED");
            assert_eq!(plan.begin(start + 50 * MS), None);
        }
        assert_eq!(plan.wake(start), Some(start + INTERVAL));
        let round = plan.begin(start + INTERVAL).expect("the trailing edge");
        assert_eq!((round.causes.count, round.causes.named.len()), (1000, NAMED));
    }

    #[test]
    fn a_notification_during_a_fetch_makes_it_run_again() {
        let (mut plan, start) = (Plan::new(Reads::OneByOne), Instant::now());
        notify(&mut plan, "EQUIPMENT_CREATED");
        plan.begin(start).expect("the first round");
        notify(&mut plan, "EQUIPMENT_CREATED");
        assert_eq!(plan.begin(start + INTERVAL), None, "one fetch a metric at a time");
        plan.succeeded(Metric::OrdersRecent);
        let round = plan.begin(start + INTERVAL).expect("it runs again");
        assert_eq!(round.metrics, [Metric::OrdersRecent].into());
        assert_eq!(round.causes.count, 1);
    }

    #[test]
    fn what_failed_stays_due_and_is_tried_ever_more_slowly() {
        let (mut plan, start) = (Plan::new(Reads::OneByOne), Instant::now());
        notify(&mut plan, "EQUIPMENT_CREATED");
        let mut now = start;
        let mut waits = Vec::new();
        for _ in 0..9 {
            plan.begin(now).expect("a try");
            plan.failed(Metric::OrdersRecent, Failure::Unreadable, now, 1.0);
            let at = plan.wake(now).expect("it will be tried again");
            waits.push((at - now).as_millis());
            now = at;
        }
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
        plan.begin(now).expect("a try");
        plan.succeeded(Metric::OrdersRecent);
        assert_eq!(plan.wake(now), None);
    }

    #[test]
    fn an_event_that_touches_no_metric_is_still_announced() {
        let mut plan = Plan::new(Reads::OneByOne);
        notify(&mut plan, "SPARE_PART_CREATED");
        let round = plan.begin(Instant::now()).expect("a round without fetches");
        assert_eq!((round.metrics, round.causes.count), (MetricSet::EMPTY, 1));
    }

    #[test]
    fn the_label_is_the_newest_creation() {
        let mut causes = Causes::default();
        assert_eq!(causes.label(), None);
        for name in ["USER_UPDATED", "USER_CREATED", "SERVICE_UPDATED"] {
            causes.append(cause(name).1);
        }
        assert_eq!(causes.label().as_deref(), Some("USER_CREATED"));
        assert_eq!(cause("SOMETHING").1.label().as_deref(), Some("SOMETHING"));
    }

    #[test]
    fn endpoints_that_always_fail_delay_nobody() {
        let broken = [Metric::OrdersRevenue, Metric::OrdersTopServices, Metric::UsersTopClients];
        let (mut plan, mut now) = (Plan::new(Reads::OneByOne), Instant::now());
        plan.reconcile();
        let answer = |plan: &mut Plan, metrics: MetricSet, now| {
            let (bad, good): (Vec<_>, Vec<_>) = metrics.iter().partition(|metric| broken.contains(metric));
            good.into_iter().for_each(|metric| plan.succeeded(metric));
            bad.into_iter().for_each(|metric| plan.failed(metric, Failure::Unreadable, now, 1.0));
        };
        for _ in 0..50 {
            if let Some(round) = plan.begin(now) {
                answer(&mut plan, round.metrics, now);
            }
            now = plan.wake(now).expect("the broken ones are tried again");
        }
        assert!(!plan.source_is_down());
        notify(&mut plan, "EQUIPMENT_CREATED");
        now = plan.wake(now).expect("a round").max(now);
        assert!(plan.begin(now).expect("at once").metrics.contains(Metric::OrdersRecent));
    }

    #[test]
    fn when_the_source_is_back_all_that_waited_is_read_at_once() {
        let (mut plan, start) = (Plan::new(Reads::OneByOne), Instant::now());
        plan.reconcile();
        let all = plan.begin(start).expect("everything").metrics;
        all.iter().for_each(|metric| plan.failed(metric, Failure::Unreachable, start, 1.0));
        assert!(plan.source_is_down());
        let at = plan.wake(start).expect("a try");
        let probe = plan.begin(at).expect("a try").metrics;
        assert_eq!(probe.len(), 1);
        assert_eq!(plan.wake(at), None, "it is under way");
        probe.iter().for_each(|metric| plan.succeeded(metric));
        assert_eq!(plan.begin(at + INTERVAL).expect("the rest").metrics, MetricSet::ALL.minus(probe));
    }

    proptest! {
        /// Whatever happens in whatever order: in the end each metric's last fetch began after its last
        /// notification, and no metric is ever fetched twice at a time.
        #[test]
        fn nothing_stays_stale(steps in proptest::collection::vec((0_u8..4, 0_usize..Metric::COUNT), 1..200)) {
            let mut plan = Plan::new(Reads::OneByOne);
            let mut now = Instant::now();
            let mut notified = PerMetric::from_fn(|_| 0_usize);
            let mut read = PerMetric::from_fn(|_| 0_usize);
            let mut flying = PerMetric::from_fn(|_| None);
            let end = steps.len() + 400;
            for step in 0..end {
                let (what, which) = steps.get(step).copied().unwrap_or((9, step % Metric::COUNT));
                let metric = Metric::ALL[which];
                if what == 0 {
                    plan.notify([metric].into(), Causes::default());
                    notified[metric] = step + 1;
                }
                if let Some(round) = plan.begin(now) {
                    for metric in round.metrics.iter() {
                        prop_assert!(flying[metric].is_none(), "two fetches of {metric:?}");
                        flying[metric] = Some(step + 1);
                    }
                }
                match (what, flying[metric]) {
                    (1 | 9, Some(started)) => {
                        plan.succeeded(metric);
                        read[metric] = started;
                        flying[metric] = None;
                    }
                    (2, Some(_)) => {
                        let failure = if step % 2 == 0 { Failure::Unreachable } else { Failure::Unreadable };
                        plan.failed(metric, failure, now, 0.5);
                        flying[metric] = None;
                    }
                    _ => {}
                }
                now += if what == 9 { Duration::from_secs(1) } else { 10 * MS };
            }
            for metric in Metric::ALL {
                prop_assert!(read[metric] >= notified[metric], "{metric:?}: {} < {}", read[metric], notified[metric]);
            }
            prop_assert_eq!(plan.wake(now), None);
        }
    }
}
