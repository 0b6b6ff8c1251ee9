//! Reads metrics from the source beside the updater, and reports back to it.

use super::snapshot::{Answer, Failure};
use crate::source::Source;
use shared::{Metric, MetricSet};
use std::collections::HashMap;
use tokio::task::{Id, JoinSet};

/// Fetches under way. A metric is in at most one of them; the plan sees to that.
#[derive(Default)]
pub struct Fetches {
    tasks: JoinSet<Vec<(Metric, Answer)>>,
    /// So that a fetch that dies still answers.
    metrics: HashMap<Id, MetricSet>,
}

impl Fetches {
    /// Metrics that the source reads together are one task, the others one task each.
    pub fn start(&mut self, source: &Source, metrics: MetricSet) {
        for batch in source.batches(metrics) {
            let source = source.clone();
            let handle = self.tasks.spawn(async move { source.read(batch).await });
            self.metrics.insert(handle.id(), batch);
        }
    }

    /// The next answers; waits for ever when nothing is under way.
    pub async fn next(&mut self) -> Vec<(Metric, Answer)> {
        let Some(joined) = self.tasks.join_next_with_id().await else { return std::future::pending().await };
        match joined {
            Ok((id, answers)) => {
                self.metrics.remove(&id);
                answers
            }
            Err(error) => {
                tracing::error!(%error, "a fetch died");
                let metrics = self.metrics.remove(&error.id()).unwrap_or_default();
                metrics.iter().map(|metric| (metric, Answer::Failed(Failure::Unreadable))).collect()
            }
        }
    }
}
