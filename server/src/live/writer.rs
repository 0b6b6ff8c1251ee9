//! The one writer: what was announced becomes a plan, the plan a round of fetches, a round's answers a version.
//!
//! Owns plan and snapshot. Pure: the updater's task brings the time, the announcements and the answers.

use super::circuit::Reads;
use super::plan::{Causes, Plan, Round};
use super::snapshot::{Answer, Commit, Snapshot};
use crate::clock::Millis;
use shared::{Metric, MetricSet, Upstream};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A round's metrics travel in one frame when they arrive within this time; a straggler follows in its own.
pub const ROUND_BUDGET: Duration = Duration::from_millis(250);

pub struct Writer {
    plan: Plan,
    rounds: Vec<OpenRound>,
    /// Announcements whose round changed nothing; they travel with the next frame.
    unannounced: Causes,
    snapshot: Arc<Snapshot>,
}

/// A round of which answers are still missing.
struct OpenRound {
    waiting: MetricSet,
    arrived: Vec<(Metric, Answer)>,
    causes: Causes,
    label: Option<String>,
    /// Until when it waits for all; afterwards each straggler is published as it comes.
    budget: Option<Instant>,
}

impl Writer {
    pub fn new(reads: Reads, snapshot: Arc<Snapshot>) -> Writer {
        Writer { plan: Plan::new(reads), rounds: Vec::new(), unannounced: Causes::default(), snapshot }
    }

    pub fn notify(&mut self, metrics: MetricSet, causes: Causes) {
        self.plan.notify(metrics, causes);
    }

    /// Everything is to be read again, although nobody announced anything.
    pub fn reconcile(&mut self) {
        self.plan.reconcile();
    }

    /// The metrics to fetch now, if a round begins.
    pub fn begin(&mut self, now: Instant) -> Option<MetricSet> {
        let Round { metrics, causes } = self.plan.begin(now)?;
        tracing::debug!(metrics = metrics.len(), announced = causes.count, "round begins");
        let label = causes.label();
        let budget = Some(now + ROUND_BUDGET);
        self.rounds.push(OpenRound { waiting: metrics, arrived: Vec::new(), causes, label, budget });
        Some(metrics)
    }

    /// `jitter` from 0 to 1 spreads the retry of what failed.
    pub fn arrived(&mut self, metric: Metric, answer: Answer, now: Instant, jitter: f64) {
        match &answer {
            Answer::Failed(failure) => self.plan.failed(metric, *failure, now, jitter),
            Answer::Body(_) | Answer::Absent | Answer::Forbidden => self.plan.succeeded(metric),
        }
        // An older answer may still wait for the rest of its round; published after this one, it would undo it.
        for round in &mut self.rounds {
            round.arrived.retain(|(held, _)| *held != metric);
        }
        if let Some(round) = self.rounds.iter_mut().find(|round| round.waiting.contains(metric)) {
            round.waiting.remove(metric);
            round.arrived.push((metric, answer));
        }
    }

    /// The snapshot with what has arrived, once it is time for it. It is to be published even under the same version:
    /// it may have been confirmed.
    pub fn publish(&mut self, now: Instant, wall: Millis) -> Option<Arc<Snapshot>> {
        let before = self.snapshot.clone();
        for mut round in std::mem::take(&mut self.rounds) {
            let complete = round.waiting.is_empty();
            let over_budget = round.budget.is_none_or(|budget| budget <= now);
            if complete || (over_budget && !round.arrived.is_empty()) {
                let answers = std::mem::take(&mut round.arrived);
                round.causes = self.commit(answers, round.causes, round.label.clone(), wall);
            }
            if complete {
                self.unannounced.append(round.causes);
                continue;
            }
            if over_budget {
                round.budget = None;
            }
            self.rounds.push(round);
        }
        (!Arc::ptr_eq(&before, &self.snapshot)).then(|| self.snapshot.clone())
    }

    /// Gives back the announcements if nothing changed: each travels once, in a frame that has news.
    fn commit(
        &mut self,
        answers: Vec<(Metric, Answer)>,
        causes: Causes,
        label: Option<String>,
        wall: Millis,
    ) -> Causes {
        let mut announced = self.unannounced.clone();
        announced.append(causes.clone());
        let label = causes.label().or(label);
        let upstream = if self.plan.source_is_down() { Upstream::Down } else { Upstream::Up };
        let next = self.snapshot.commit(Commit { answers, upstream, causes: announced, label }, wall);
        let is_news = next.version() != self.snapshot.version();
        self.snapshot = Arc::new(next);
        if !is_news {
            return causes;
        }
        self.unannounced = Causes::default();
        Causes::default()
    }

    /// When `begin` or `publish` may have something to do, if nothing else happens before.
    pub fn wake(&self, now: Instant) -> Option<Instant> {
        let budget = self.rounds.iter().filter_map(|round| round.budget).min();
        [self.plan.wake(now), budget].into_iter().flatten().min()
    }
}
