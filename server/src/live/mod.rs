//! The live path, in the order in which an event travels.
//!
//! An announcement is left in the updater's inbox; the plan says what to read again; fetches read it; the
//! snapshot compares and becomes the next version; the hub writes its frame to every connection. The updater, the
//! fetches, the hub and the connections are the edges; what they do is decided in the pure files beside them.

mod updater;
mod writer;
mod plan;
mod circuit;
mod fetch;
mod snapshot;
mod latest;
mod hub;
mod connection;
mod outbox;
mod frame;
#[cfg(test)]
mod model;

pub use circuit::Reads;
pub use connection::Renewal;
pub use frame::CloseCode;
pub use hub::{Hub, Newcomer, Revoked};
pub use latest::Latest;
pub use outbox::Dialect;
pub use snapshot::{Answer, Failure, Snapshot};
pub use updater::Inbox;

use crate::clock;
use crate::source::Source;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use updater::Updater;

/// What the HTTP side needs of the live path.
#[derive(Clone)]
pub struct Live {
    pub inbox: Arc<Inbox>,
    pub latest: Latest,
    pub hub: Hub,
}

impl Live {
    /// Starts the updater and the broadcasters. They end when the handle that comes back is aborted.
    pub fn start(
        source: Source,
        inbox: Arc<Inbox>,
        reconcile_every: Duration,
        shards: usize,
    ) -> (Live, JoinHandle<()>) {
        let epoch = format!("{:016x}", rand::random::<u64>());
        let (publish, latest) = watch::channel(Arc::new(Snapshot::empty(&epoch, clock::now())));
        let latest = Latest::new(latest);
        let hub = Hub::start(latest.clone(), shards);
        let updater = Updater::new(source, inbox.clone(), hub.clone(), publish, reconcile_every);
        (Live { inbox, latest, hub }, tokio::spawn(updater.run()))
    }
}
