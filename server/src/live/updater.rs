//! The one writer: notify -> plan -> fetch -> compare -> publish belongs to this task, which owns the snapshot.
//!
//! Fetches run beside it, at most one for each metric, and report back; so an older answer can never
//! overwrite a newer one, and one slow endpoint holds up only its own metric.

use super::fetch::Fetches;
use super::hub::Hub;
use super::plan::{Causes, Plan, Round};
use super::snapshot::{Answer, Commit, Snapshot};
use crate::clock;
use crate::source::Source;
use shared::{Event, Metric, MetricSet, Notification, Origin, Upstream};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

/// A round's metrics travel in one frame when they arrive within this time; a straggler follows in its own.
pub const ROUND_BUDGET: Duration = Duration::from_millis(250);

/// Longer ids are cut: they travel to every client.
const RESOURCE_CHARS: usize = 128;

/// Where announcements are left for the updater: a bit for each metric, the last few by name, and a count.
/// Never full, and leaving one never waits.
#[derive(Default)]
pub struct Inbox {
    pending: Mutex<(MetricSet, Causes)>,
    wake: Notify,
}

impl Inbox {
    pub fn announce(
        &self,
        event: Event,
        resource_id: Option<String>,
        timestamp: Option<String>,
        origin: Origin,
    ) {
        let notification = Notification {
            kind: event.name(),
            resource_id: resource_id.map(|id| id.chars().take(RESOURCE_CHARS).collect()),
            timestamp,
            received: clock::iso(clock::now()),
        };
        let metrics = event.metrics(origin);
        let id = notification.resource_id.as_deref().unwrap_or("-");
        tracing::info!(id, "notification received: {} -> {} metrics", notification.kind, metrics.len());
        {
            let mut pending = self.pending.lock().expect("nothing panics while it holds the inbox");
            pending.0 = pending.0.union(metrics);
            pending.1.push(event, notification);
        }
        self.wake.notify_one();
    }

    fn take(&self) -> (MetricSet, Causes) {
        std::mem::take(&mut *self.pending.lock().expect("nothing panics while it holds the inbox"))
    }
}

pub struct Updater {
    source: Source,
    inbox: Arc<Inbox>,
    hub: Hub,
    published: watch::Sender<Arc<Snapshot>>,
    reconcile_every: Duration,
    plan: Plan,
    fetches: Fetches,
    rounds: Vec<OpenRound>,
    /// Announcements whose round changed nothing; they travel with the next frame.
    unannounced: Causes,
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

impl Updater {
    pub fn new(
        source: Source,
        inbox: Arc<Inbox>,
        hub: Hub,
        published: watch::Sender<Arc<Snapshot>>,
        reconcile_every: Duration,
    ) -> Updater {
        Updater {
            source,
            inbox,
            hub,
            published,
            reconcile_every,
            plan: Plan::default(),
            fetches: Fetches::default(),
            rounds: Vec::new(),
            unannounced: Causes::default(),
        }
    }

    pub async fn run(mut self) {
        let mut reconcile_at = Instant::now();
        loop {
            let now = Instant::now();
            if now >= reconcile_at {
                self.plan.reconcile();
                reconcile_at = now + self.reconcile_every;
            }
            let (metrics, causes) = self.inbox.take();
            self.plan.notify(metrics, causes);
            if let Some(round) = self.plan.begin(now) {
                self.open(round, now);
            }
            self.publish_due(now);
            let budget = self.rounds.iter().filter_map(|round| round.budget).min();
            let wake = [self.plan.wake(now), budget, Some(reconcile_at)].into_iter().flatten().min();
            let wake = wake.expect("the next reconcile is always due");
            tokio::select! {
                () = self.inbox.wake.notified() => {}
                answers = self.fetches.next() => self.arrived(answers),
                () = sleep_until(wake) => {}
            }
        }
    }

    fn open(&mut self, round: Round, now: Instant) {
        let Round { metrics, causes } = round;
        let label = causes.label();
        tracing::debug!(metrics = metrics.len(), announced = causes.count, "round begins");
        self.fetches.start(&self.source, metrics);
        self.rounds.push(OpenRound {
            waiting: metrics,
            arrived: Vec::new(),
            causes,
            label,
            budget: Some(now + ROUND_BUDGET),
        });
    }

    fn arrived(&mut self, answers: Vec<(Metric, Answer)>) {
        let now = Instant::now();
        for (metric, answer) in answers {
            match answer {
                Answer::Failed(failure) => self.plan.failed(metric, failure, now, rand::random()),
                Answer::Body(_) | Answer::Absent | Answer::Forbidden => self.plan.succeeded(metric),
            }
            // An older answer may still wait for the rest of its round; published after this one, it would undo it.
            for round in &mut self.rounds {
                round.arrived.retain(|(held, _)| *held != metric);
            }
            let Some(round) = self.rounds.iter_mut().find(|round| round.waiting.contains(metric)) else {
                continue;
            };
            round.waiting.remove(metric);
            round.arrived.push((metric, answer));
        }
    }

    fn publish_due(&mut self, now: Instant) {
        for mut round in std::mem::take(&mut self.rounds) {
            let complete = round.waiting.is_empty();
            let over_budget = round.budget.is_none_or(|budget| budget <= now);
            if complete || (over_budget && !round.arrived.is_empty()) {
                let answers = std::mem::take(&mut round.arrived);
                round.causes = self.publish(answers, round.causes, round.label.clone());
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
    }

    /// Gives back the announcements if nothing changed: each travels once, in a frame that has news.
    fn publish(&mut self, answers: Vec<(Metric, Answer)>, causes: Causes, label: Option<String>) -> Causes {
        let before = self.published.borrow().clone();
        let mut announced = self.unannounced.clone();
        announced.append(causes.clone());
        let label = causes.label().or(label);
        let upstream = if self.plan.source_is_down() { Upstream::Down } else { Upstream::Up };
        let next = before.commit(Commit { answers, upstream, causes: announced, label }, clock::now());
        let (version, step) = (next.version(), next.step());
        self.published.send_replace(Arc::new(next));
        if version == before.version() {
            return causes;
        }
        self.unannounced = Causes::default();
        tracing::info!(version, "{} metrics broadcast to {} clients", step.len(), self.hub.clients());
        Causes::default()
    }
}
