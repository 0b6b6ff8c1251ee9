//! What is true: a counter for each metric, and the body that tells it. Counters only grow, so a value that
//! goes back anywhere is an older one.

use shared::{Metric, MetricSet, PerMetric};
use std::sync::atomic::{AtomicU64, Ordering};

/// Some bodies are large, so that a client that does not read has a full socket soon.
const PADDING: [usize; 4] = [100, 10_000, 500, 3000];

pub struct Truth(PerMetric<AtomicU64>);

impl Truth {
    pub fn new() -> Truth {
        Truth(PerMetric::from_fn(|_| AtomicU64::new(1)))
    }

    pub fn write(&self, metrics: MetricSet) {
        metrics.iter().for_each(|metric| {
            self.0[metric].fetch_add(1, Ordering::SeqCst);
        });
    }

    pub fn count(&self, metric: Metric) -> u64 {
        self.0[metric].load(Ordering::SeqCst)
    }
}

pub fn body(metric: Metric, count: u64) -> String {
    let letter = char::from(b'a' + (count % 26) as u8);
    let length = PADDING[metric as usize % PADDING.len()] + (count % 97) as usize;
    let padding = letter.to_string().repeat(length);
    format!(r#"{{"count":{count},"metric":"{}","padding":"{padding}"}}"#, metric.key())
}

/// The counter in a body that is exactly what the upstream gave; `None`: it is not.
pub fn count_in(metric: Metric, text: &str) -> Option<u64> {
    let digits = text.strip_prefix(r#"{"count":"#)?.split(',').next()?;
    let count = digits.parse().ok()?;
    (body(metric, count) == text).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_untouched_body_has_a_count() {
        let whole = body(Metric::OrdersRecent, 27);
        assert_eq!(count_in(Metric::OrdersRecent, &whole), Some(27));
        assert_eq!(count_in(Metric::OrdersOverview, &whole), None);
        assert_eq!(count_in(Metric::OrdersRecent, &whole.replace("bb", "b")), None);
        assert_eq!(count_in(Metric::OrdersRecent, "{}"), None);
    }
}
