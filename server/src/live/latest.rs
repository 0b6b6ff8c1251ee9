//! The newest snapshot, wherever it is needed: a handle that can be read and waited on.

use super::snapshot::Snapshot;
use shared::Metric;
use std::sync::Arc;
use tokio::sync::watch;

/// The newest snapshot, for whoever has to write or answer.
#[derive(Clone)]
pub struct Latest(watch::Receiver<Arc<Snapshot>>);

impl Latest {
    pub fn new(receiver: watch::Receiver<Arc<Snapshot>>) -> Latest {
        Latest(receiver)
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        let newest = self.0.borrow().clone();
        #[cfg(test)]
        tests::after_reading();
        newest
    }

    pub fn version(&self) -> u64 {
        self.0.borrow().version()
    }

    /// Waits for another snapshot than the one this handle saw before; false: there will be none.
    pub async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }

    /// Waits until there is a body for this metric, or a reason why not.
    pub async fn answered(&self, metric: Metric) {
        let answered =
            |snapshot: &Arc<Snapshot>| snapshot.body(metric).is_some() || snapshot.trouble(metric).is_some();
        let _ = self.0.clone().wait_for(answered).await;
    }

    /// Waits until the source has answered for every metric at least once.
    pub async fn filled(&self) {
        // An error means that the server is going down; what there is will be sent.
        let _ = self.0.clone().wait_for(|snapshot| snapshot.is_filled()).await;
    }
}

#[cfg(test)]
pub mod tests {
    use std::cell::RefCell;

    thread_local! {
        static AFTER_READING: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
    }

    /// What happens on this thread between the reading of a snapshot and what is done with it.
    pub fn set_after_reading(what: impl FnMut() + 'static) {
        AFTER_READING.set(Some(Box::new(what)));
    }

    pub fn after_reading() {
        // Taken out meanwhile, so that what it does may read, too.
        if let Some(mut what) = AFTER_READING.take() {
            what();
            AFTER_READING.set(Some(what));
        }
    }

    pub fn nothing_after_reading() {
        AFTER_READING.set(None);
    }
}
