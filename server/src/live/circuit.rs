//! The circuit towards the source: while it is down, one metric at a time is tried instead of all that are due.
//!
//! A source that cannot be reached opens it, and so do several metrics that were fine and fail one after the other
//! without any answer in between. Endpoints that always fail do not. Pure: time comes in from outside.

use super::snapshot::Failure;
use shared::{Metric, MetricSet};
use std::time::Duration;
use tokio::time::Instant;

/// So many different metrics failed with no answer in between: it is the source, not an endpoint.
const FAILED_IN_A_ROW: usize = 3;

const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LONGEST: Duration = Duration::from_secs(10);

/// How the source is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// A request for each metric.
    OneByOne,
    /// All in one transaction, so that they agree with each other.
    Together,
}

#[derive(Debug)]
pub struct Circuit {
    reads: Reads,
    /// Metrics that began to fail since the source last answered.
    failed: MetricSet,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    probe: Probe,
    tries: u32,
    /// The metric of the last try, so that the next one is another.
    last: Option<Metric>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Probe {
    At(Instant),
    UnderWay,
}

impl Circuit {
    pub fn new(reads: Reads) -> Circuit {
        Circuit { reads, failed: MetricSet::EMPTY, open: None }
    }

    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What may be fetched now: while it is closed what is wanted; while it is open, at its time, the next of all that
    /// are `idle`, wanted or not. So whatever the source can answer closes it, and a broken endpoint only has its turn.
    pub fn admit(&mut self, wanted: MetricSet, idle: MetricSet, now: Instant) -> MetricSet {
        let Some(open) = &mut self.open else { return wanted };
        let due = matches!(open.probe, Probe::At(at) if at <= now);
        let after = |metric: &Metric| open.last.is_none_or(|last| *metric as usize > last as usize);
        let Some(metric) = idle.iter().find(after).or_else(|| idle.iter().next()).filter(|_| due) else {
            return MetricSet::EMPTY;
        };
        open.probe = Probe::UnderWay;
        open.last = Some(metric);
        match self.reads {
            Reads::OneByOne => [metric].into(),
            Reads::Together => idle,
        }
    }

    /// When the next try may begin; `None`: it is under way, or nothing holds anything up.
    pub fn probe_at(&self) -> Option<Instant> {
        match self.open.as_ref()?.probe {
            Probe::At(at) => Some(at),
            Probe::UnderWay => None,
        }
    }

    /// Whatever it answered, the source is there. Says whether the circuit was open until now.
    pub fn answered(&mut self) -> bool {
        self.failed = MetricSet::EMPTY;
        self.open.take().is_some()
    }

    /// `again`: it had failed before this time, which says little of the source.
    pub fn failed(&mut self, metric: Metric, failure: Failure, again: bool, now: Instant, jitter: f64) {
        if !again {
            self.failed.insert(metric);
        }
        match &mut self.open {
            Some(open) if open.probe == Probe::UnderWay && open.last == Some(metric) => {
                open.tries += 1;
                open.probe = Probe::At(now + backoff(open.tries, jitter));
            }
            // It had begun before the circuit opened.
            Some(_) => {}
            None if failure == Failure::Unreachable || self.failed.len() >= FAILED_IN_A_ROW => {
                self.open = Some(Open { probe: Probe::At(now + backoff(1, jitter)), tries: 1, last: None });
            }
            None => {}
        }
    }
}

/// 0.2 s doubling to 10 s; between half of it and all of it, so that many do not try at the same moment.
pub fn backoff(failures: u32, jitter: f64) -> Duration {
    let whole = RETRY_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(RETRY_LONGEST);
    whole.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(metrics: &[Metric], failure: Failure) -> (Circuit, Instant) {
        let (mut circuit, now) = (Circuit::new(Reads::OneByOne), Instant::now());
        for metric in metrics {
            circuit.failed(*metric, failure, false, now, 1.0);
        }
        (circuit, now)
    }

    #[test]
    fn one_bad_endpoint_opens_nothing() {
        let (circuit, _) = failing(&[Metric::OrdersRecent; 50], Failure::Unreadable);
        assert!(!circuit.is_open());
    }

    #[test]
    fn endpoints_that_always_fail_open_nothing() {
        let (mut circuit, now) = (Circuit::new(Reads::OneByOne), Instant::now());
        for metric in Metric::ALL {
            circuit.failed(metric, Failure::Unreadable, true, now, 1.0);
        }
        assert!(!circuit.is_open());
    }

    #[test]
    fn what_is_read_together_is_tried_together() {
        let (mut circuit, now) = (Circuit::new(Reads::Together), Instant::now());
        MetricSet::ALL.iter().for_each(|metric| circuit.failed(metric, Failure::Unreadable, false, now, 1.0));
        let at = circuit.probe_at().expect("a next try");
        assert_eq!(circuit.admit(MetricSet::EMPTY, MetricSet::ALL, at), MetricSet::ALL);
        MetricSet::ALL.iter().for_each(|metric| circuit.failed(metric, Failure::Unreadable, true, at, 1.0));
        assert_eq!(circuit.probe_at(), Some(at + 2 * RETRY_FIRST), "one try, however many metrics");
    }

    #[test]
    fn a_source_without_an_answer_opens_it() {
        let (circuit, _) = failing(&[Metric::OrdersRecent], Failure::Unreachable);
        assert!(circuit.is_open(), "nobody listens");
        let three = [Metric::OrdersRecent, Metric::OrdersOverview, Metric::UsersOverview];
        assert!(failing(&three, Failure::Unreadable).0.is_open());

        let (mut circuit, now) = failing(&three[..2], Failure::Unreadable);
        assert!(!circuit.answered());
        circuit.failed(three[2], Failure::Unreadable, false, now, 1.0);
        assert!(!circuit.is_open(), "an answer in between");
    }

    #[test]
    fn while_it_is_open_one_metric_at_a_time_is_tried_ever_more_slowly_and_in_turn() {
        let (mut circuit, mut now) = failing(&[Metric::OrdersRecent], Failure::Unreachable);
        let (mut tried, mut waits) = (Vec::new(), Vec::new());
        for _ in 0..8 {
            let at = circuit.probe_at().expect("a next try");
            waits.push((at - now).as_millis());
            let mut admit = |at| circuit.admit(MetricSet::EMPTY, MetricSet::ALL, at);
            assert_eq!(admit(at - Duration::from_millis(1)), MetricSet::EMPTY);
            let probe = admit(at);
            assert_eq!(admit(at), MetricSet::EMPTY, "it is under way");
            let metric = probe.iter().next().expect("one metric");
            assert_eq!(probe.len(), 1);
            tried.push(metric);
            now = at;
            circuit.failed(metric, Failure::Unreachable, false, now, 1.0);
        }
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        tried.sort_unstable_by_key(|metric| *metric as usize);
        tried.dedup();
        assert_eq!(tried.len(), 8, "each time another one");
    }

    #[test]
    fn a_late_failure_of_before_does_not_push_the_next_try_away() {
        let (mut circuit, now) = failing(&[Metric::OrdersRecent], Failure::Unreachable);
        let at = circuit.probe_at();
        circuit.failed(Metric::UsersOverview, Failure::Unreadable, false, now + Duration::from_secs(2), 1.0);
        assert_eq!(circuit.probe_at(), at);
    }

    #[test]
    fn the_first_answer_closes_it() {
        let (mut circuit, now) = failing(&[Metric::OrdersRecent], Failure::Unreachable);
        assert!(circuit.answered());
        assert_eq!(circuit.admit(MetricSet::ALL, MetricSet::ALL, now), MetricSet::ALL);
        assert!(!circuit.answered());
    }
}
