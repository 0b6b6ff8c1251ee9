//! Which screens are approved, in memory: to check a token costs no query, and whoever is revoked is told at once.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;

/// One approved screen, for as long as anybody looks through it.
pub struct Live {
    pub id: String,
    revoked: watch::Sender<bool>,
    /// Milliseconds since 1970; 0: never.
    seen: AtomicI64,
    /// What the database knows of that.
    kept: AtomicI64,
    sockets: AtomicUsize,
}

impl Live {
    pub fn saw(&self, at: i64) {
        self.seen.fetch_max(at, Ordering::Relaxed);
    }

    pub fn last_seen(&self) -> i64 {
        self.seen.load(Ordering::Relaxed)
    }

    pub fn sockets(&self) -> usize {
        self.sockets.load(Ordering::Relaxed)
    }

    /// When it was last seen, if the database does not know of it yet. Who is connected is seen now.
    pub fn to_keep(&self, at: i64) -> Option<i64> {
        if self.sockets() > 0 {
            self.saw(at);
        }
        let seen = self.last_seen();
        (seen > self.kept.load(Ordering::Relaxed)).then_some(seen)
    }

    pub fn kept(&self, seen: i64) {
        self.kept.fetch_max(seen, Ordering::Relaxed);
    }

    /// Comes to its end when the screen is revoked; at once if it is already.
    pub fn revoked(self: &Arc<Self>) -> impl Future<Output = ()> + Send + use<> {
        let (live, mut revoked) = (self.clone(), self.revoked.subscribe());
        async move {
            // It cannot fail: the sender lives in what is held here.
            let _ = revoked.wait_for(|revoked| *revoked).await;
            drop(live);
        }
    }

    /// A socket of it is open for as long as this is kept.
    pub fn present(self: &Arc<Self>) -> Presence {
        self.sockets.fetch_add(1, Ordering::Relaxed);
        Presence(self.clone())
    }
}

/// A screen's open socket.
pub struct Presence(Arc<Live>);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.saw(crate::store::now());
        self.0.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}

/// No more than are ever approved.
#[derive(Default)]
pub struct LiveScreens(Mutex<HashMap<String, Arc<Live>>>);

impl LiveScreens {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Live>>> {
        self.0.lock().expect("nothing panics while it holds the screens")
    }

    pub fn get(&self, id: &str) -> Option<Arc<Live>> {
        self.all().get(id).cloned()
    }

    pub fn every(&self) -> Vec<Arc<Live>> {
        self.all().values().cloned().collect()
    }

    /// Says also whether it was not there before.
    pub fn add(&self, id: &str, last_seen: i64) -> (Arc<Live>, bool) {
        let mut all = self.all();
        if let Some(live) = all.get(id) {
            return (live.clone(), false);
        }
        let live = Arc::new(Live {
            id: id.to_owned(),
            revoked: watch::channel(false).0,
            seen: AtomicI64::new(last_seen),
            kept: AtomicI64::new(last_seen),
            sockets: AtomicUsize::new(0),
        });
        all.insert(id.to_owned(), live.clone());
        (live, true)
    }

    /// From here on its tokens are worth nothing, and its sockets end.
    pub fn revoke(&self, id: &str) {
        let gone = self.all().remove(id);
        if let Some(live) = gone {
            live.revoked.send_replace(true);
        }
    }
}
