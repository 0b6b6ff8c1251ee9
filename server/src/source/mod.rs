//! Where the metrics come from: an existing shop backend over HTTP, or the shop in this process.

mod upstream;
mod flights;

pub use flights::Flights;
pub use upstream::{BodyFault, NotPassed, Upstream, body_fault, end_to_end, error_chain};

use crate::live::{Answer, Failure, Reads};
use serde_json::value::RawValue;
use shared::{Metric, MetricSet};
use shop::Shop;
use std::future::Future;
use std::time::Duration;
use tokio::time::timeout;

#[derive(Clone)]
pub enum Source {
    Upstream(Upstream),
    Shop(Shop),
}

/// A database that answers no more must not hold its metrics for ever.
const SHOP_WITHIN: Duration = Duration::from_secs(10);

impl Source {
    pub fn reads(&self) -> Reads {
        match self {
            Source::Upstream(_) => Reads::OneByOne,
            Source::Shop(_) => Reads::Together,
        }
    }

    /// Metrics that are read together: one by one over HTTP, in one transaction from the shop, so that the
    /// bars always sum to the total.
    pub fn batches(&self, metrics: MetricSet) -> Vec<MetricSet> {
        if metrics.is_empty() {
            return Vec::new();
        }
        match self.reads() {
            Reads::OneByOne => metrics.iter().map(|metric| [metric].into()).collect(),
            Reads::Together => vec![metrics],
        }
    }

    /// One answer for each metric.
    pub async fn read(&self, metrics: MetricSet) -> Vec<(Metric, Answer)> {
        match self {
            Source::Upstream(upstream) => {
                let mut answers = Vec::with_capacity(metrics.len());
                for metric in metrics.iter() {
                    answers.push((metric, upstream.read(metric, None).await));
                }
                answers
            }
            Source::Shop(shop) => match in_time(shop.stats(metrics)).await {
                Ok(bodies) => bodies.into_iter().map(|(metric, body)| (metric, answer(body))).collect(),
                Err(error) => {
                    tracing::warn!(%error, "could not read the shop's metrics");
                    metrics.iter().map(|metric| (metric, Answer::Failed(Failure::Unreadable))).collect()
                }
            },
        }
    }

    /// A list with another number of rows than the one that everybody gets.
    pub async fn read_limited(&self, metric: Metric, limit: u32) -> Answer {
        match self {
            Source::Upstream(upstream) => upstream.read(metric, Some(limit)).await,
            Source::Shop(shop) => match in_time(shop.stat(metric, limit)).await {
                Ok(body) => answer(body),
                Err(error) => {
                    tracing::warn!(%error, metric = metric.key(), "could not read a metric of the shop");
                    Answer::Failed(Failure::Unreadable)
                }
            },
        }
    }
}

async fn in_time<T, E: Into<anyhow::Error>>(read: impl Future<Output = Result<T, E>>) -> anyhow::Result<T> {
    match timeout(SHOP_WITHIN, read).await {
        Ok(read) => read.map_err(Into::into),
        Err(_) => anyhow::bail!("no answer within {} s", SHOP_WITHIN.as_secs()),
    }
}

/// Any JSON is a body; what it means, only the browser reads.
fn answer(body: String) -> Answer {
    match RawValue::from_string(body) {
        Ok(body) => Answer::Body(body.into()),
        Err(_) => Answer::Failed(Failure::Unreadable),
    }
}
