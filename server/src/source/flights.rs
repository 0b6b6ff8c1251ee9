//! Reads of lists with a length of their own (`?limit=`): who asks for the same waits for the same answer.

use super::Source;
use crate::live::{Answer, Failure};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use shared::Metric;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

type Flight = Shared<BoxFuture<'static, Answer>>;

/// One for each metric and limit at most, so their number is bounded by the limits that are allowed.
#[derive(Clone, Default)]
pub struct Flights(Arc<Mutex<HashMap<(Metric, u32), Flight>>>);

impl Flights {
    pub async fn read(&self, source: &Source, metric: Metric, limit: u32) -> Answer {
        let key = (metric, limit);
        let flight = self.under_way().entry(key).or_insert_with(|| self.begin(source.clone(), key)).clone();
        flight.await
    }

    /// Once begun it runs to its end even if everybody who waited has left. It begins when the first one waits for it,
    /// no longer under the lock that its end needs.
    fn begin(&self, source: Source, (metric, limit): (Metric, u32)) -> Flight {
        let landed = Landed { flights: self.clone(), key: (metric, limit) };
        let flight = async move {
            let reading = tokio::spawn(async move {
                let _landed = landed;
                source.read_limited(metric, limit).await
            });
            reading.await.unwrap_or(Answer::Failed(Failure::Unreadable))
        };
        flight.boxed().shared()
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<(Metric, u32), Flight>> {
        self.0.lock().expect("nothing panics while it holds the flights")
    }
}

/// Makes room for the next flight, even if this one ends badly.
struct Landed {
    flights: Flights,
    key: (Metric, u32),
}

impl Drop for Landed {
    fn drop(&mut self) {
        self.flights.under_way().remove(&self.key);
    }
}
