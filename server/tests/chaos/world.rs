//! What all tasks of the test share: the truth, the counts, what clients agreed on, and the first thing that
//! was wrong.

use super::check::Ledger;
use super::counts::Counts;
use super::truth::Truth;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// What clients do by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// They leave, stall and shout; a few stop reading for the whole storm if `deaf`.
    Storm { deaf: bool },
    /// They read, and come back if they were away.
    Quiet,
}

pub struct World {
    pub seed: u64,
    pub server: SocketAddr,
    pub truth: Truth,
    pub counts: Counts,
    pub ledger: Ledger,
    pub weather: watch::Sender<Weather>,
    /// Of the server: even while it is meant to live, odd from before its end until its next start.
    life: AtomicU64,
    broken: watch::Sender<Option<String>>,
}

impl World {
    pub fn new(seed: u64) -> World {
        World {
            seed,
            server: free_port(),
            truth: Truth::new(),
            counts: Counts::default(),
            ledger: Ledger::default(),
            weather: watch::channel(Weather::Quiet).0,
            life: AtomicU64::new(1),
            broken: watch::channel(None).0,
        }
    }

    /// Decisions follow the seed; what meets what does not, for time has no seed.
    pub fn random(&self, who: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.wrapping_mul(1_000_003).wrapping_add(who))
    }

    pub fn life(&self) -> u64 {
        self.life.load(Ordering::SeqCst)
    }

    /// Before the server starts, and before it is ended.
    pub fn life_turns(&self) {
        self.life.fetch_add(1, Ordering::SeqCst);
    }

    /// What broke since then was not broken by us.
    pub fn has_lived_since(&self, life: u64) -> bool {
        life.is_multiple_of(2) && life == self.life()
    }

    /// The test ends with the first thing that is wrong; what follows from it would only confuse.
    pub fn wrong(&self, what: String) {
        self.broken.send_if_modified(|broken| {
            let first = broken.is_none();
            broken.get_or_insert(what);
            first
        });
    }

    pub async fn first_wrong(&self) -> String {
        let mut broken = self.broken.subscribe();
        let what = broken.wait_for(Option::is_some).await.expect("the world lives").clone();
        what.expect("it was waited for")
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server)
    }
}

/// A port below those that the kernel gives to outgoing connections: while the server is down, one of hundreds
/// of clients could be given the server's own port otherwise, and would talk to itself.
pub fn free_port() -> SocketAddr {
    let mut random = rand::rng();
    let ports =
        (0..1000).map(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, random.random_range(15_000..32_000))));
    ports.into_iter().find(|address| TcpListener::bind(address).is_ok()).expect("a free port")
}
