//! The task of the one writer: it takes announcements, starts fetches, and publishes what comes of them.
//!
//! Fetches run beside it, at most one for each metric, and report back; so an older answer can never
//! overwrite a newer one, and one slow endpoint holds up only its own metric.

use super::fetch::Fetches;
use super::hub::Hub;
use super::plan::Causes;
use super::snapshot::Snapshot;
use super::writer::Writer;
use crate::clock;
use crate::source::Source;
use shared::{Event, MetricSet, Notification, Origin};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

/// Longer ids are cut: they travel to every client.
const RESOURCE_CHARS: usize = 128;
/// Of a time that the caller gave.
const TIMESTAMP_CHARS: usize = 64;

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
            timestamp: timestamp.map(|time| time.chars().take(TIMESTAMP_CHARS).collect()),
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
    writer: Writer,
    fetches: Fetches,
}

impl Updater {
    pub fn new(
        source: Source,
        inbox: Arc<Inbox>,
        hub: Hub,
        published: watch::Sender<Arc<Snapshot>>,
        reconcile_every: Duration,
    ) -> Updater {
        let writer = Writer::new(source.reads(), published.borrow().clone());
        Updater { source, inbox, hub, published, reconcile_every, writer, fetches: Fetches::default() }
    }

    pub async fn run(mut self) {
        let mut reconcile_at = Instant::now();
        loop {
            let now = Instant::now();
            if now >= reconcile_at {
                self.writer.reconcile();
                reconcile_at = now + self.reconcile_every;
            }
            let (metrics, causes) = self.inbox.take();
            self.writer.notify(metrics, causes);
            if let Some(metrics) = self.writer.begin(now) {
                self.fetches.start(&self.source, metrics);
            }
            self.publish(now);
            let wake = self.writer.wake(now).map_or(reconcile_at, |wake| wake.min(reconcile_at));
            tokio::select! {
                () = self.inbox.wake.notified() => {}
                answers = self.fetches.next() => {
                    // One for all: what was read together is tried again together.
                    let (now, jitter) = (Instant::now(), rand::random());
                    for (metric, answer) in answers {
                        self.writer.arrived(metric, answer, now, jitter);
                    }
                }
                () = sleep_until(wake) => {}
            }
        }
    }

    fn publish(&mut self, now: Instant) {
        let Some(next) = self.writer.publish(now, clock::now()) else { return };
        let before = self.published.send_replace(next.clone()).version();
        let (version, metrics) = (next.version(), next.step().len());
        if version != before {
            tracing::info!(version, "{metrics} metrics broadcast to {} clients", self.hub.clients());
        }
    }
}
