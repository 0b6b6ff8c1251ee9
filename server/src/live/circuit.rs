//! The circuit towards the source: while it is down, one metric at a time is tried instead of all that are due.
//!
//! One endpoint that fails opens nothing; a source that cannot be reached does, and so do several metrics in a
//! row without any answer. Pure: time comes in from outside.

use super::snapshot::Failure;
use shared::{Metric, MetricSet};
use std::time::Duration;
use tokio::time::Instant;

/// So many different metrics failed with no answer in between: it is the source, not an endpoint.
const FAILED_IN_A_ROW: usize = 3;

const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LONGEST: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub struct Circuit {
    /// Metrics that failed since the source last answered.
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
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What of `wanted` may be fetched now: everything, or while it is open one metric at its time, in turn.
    pub fn admit(&mut self, wanted: MetricSet, now: Instant) -> MetricSet {
        let Some(open) = &mut self.open else { return wanted };
        let due = matches!(open.probe, Probe::At(at) if at <= now);
        let after = |metric: &Metric| open.last.is_none_or(|last| *metric as usize > last as usize);
        let Some(metric) = wanted.iter().find(after).or_else(|| wanted.iter().next()).filter(|_| due) else {
            return MetricSet::EMPTY;
        };
        open.probe = Probe::UnderWay;
        open.last = Some(metric);
        [metric].into()
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

    pub fn failed(&mut self, metric: Metric, failure: Failure, now: Instant, jitter: f64) {
        self.failed.insert(metric);
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
        let (mut circuit, now) = (Circuit::default(), Instant::now());
        for metric in metrics {
            circuit.failed(*metric, failure, now, 1.0);
        }
        (circuit, now)
    }

    #[test]
    fn one_bad_endpoint_opens_nothing() {
        let (circuit, _) = failing(&[Metric::OrdersRecent; 50], Failure::Unreadable);
        assert!(!circuit.is_open());
    }

    #[test]
    fn a_source_without_an_answer_opens_it() {
        let (circuit, _) = failing(&[Metric::OrdersRecent], Failure::Unreachable);
        assert!(circuit.is_open(), "nobody listens");
        let three = [Metric::OrdersRecent, Metric::OrdersOverview, Metric::UsersOverview];
        assert!(failing(&three, Failure::Unreadable).0.is_open());

        let (mut circuit, now) = failing(&three[..2], Failure::Unreadable);
        assert!(!circuit.answered());
        circuit.failed(three[2], Failure::Unreadable, now, 1.0);
        assert!(!circuit.is_open(), "an answer in between");
    }

    #[test]
    fn while_it_is_open_one_metric_at_a_time_is_tried_ever_more_slowly_and_in_turn() {
        let (mut circuit, mut now) = failing(&[Metric::OrdersRecent], Failure::Unreachable);
        let (mut tried, mut waits) = (Vec::new(), Vec::new());
        for _ in 0..8 {
            let at = circuit.probe_at().expect("a next try");
            waits.push((at - now).as_millis());
            assert_eq!(circuit.admit(MetricSet::ALL, at - Duration::from_millis(1)), MetricSet::EMPTY);
            let probe = circuit.admit(MetricSet::ALL, at);
            assert_eq!(circuit.admit(MetricSet::ALL, at), MetricSet::EMPTY, "it is under way");
            let metric = probe.iter().next().expect("one metric");
            assert_eq!(probe.len(), 1);
            tried.push(metric);
            now = at;
            circuit.failed(metric, Failure::Unreachable, now, 1.0);
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
        circuit.failed(Metric::UsersOverview, Failure::Unreadable, now + Duration::from_secs(2), 1.0);
        assert_eq!(circuit.probe_at(), at);
    }

    #[test]
    fn the_first_answer_closes_it() {
        let (mut circuit, now) = failing(&[Metric::OrdersRecent], Failure::Unreachable);
        assert!(circuit.answered());
        assert_eq!(circuit.admit(MetricSet::ALL, now), MetricSet::ALL);
        assert!(!circuit.answered());
    }
}
