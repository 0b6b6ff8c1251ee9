//! So many tries from one address in a while, and not more. Pure: the time comes in.

use std::collections::HashMap;
use std::net::IpAddr;

/// Addresses remembered; beyond, the one that has been quiet longest is forgotten.
const ADDRESSES: usize = 10_000;

pub struct Throttle {
    most: u32,
    window_ms: i64,
    tries: HashMap<IpAddr, Tries>,
}

struct Tries {
    since: i64,
    count: u32,
}

impl Throttle {
    pub fn new(most: u32, window_ms: i64) -> Throttle {
        Throttle { most, window_ms, tries: HashMap::new() }
    }

    /// Counts one try; `Err` says in how many seconds the next one is taken.
    pub fn take(&mut self, from: IpAddr, at: i64) -> Result<(), i64> {
        self.make_room(from, at);
        let tries = self.tries.entry(from).or_insert(Tries { since: at, count: 0 });
        if at - tries.since >= self.window_ms {
            *tries = Tries { since: at, count: 0 };
        }
        if tries.count >= self.most {
            let left_ms = tries.since + self.window_ms - at;
            return Err((left_ms + 999).div_euclid(1000).max(1));
        }
        tries.count += 1;
        Ok(())
    }

    /// The last try does not count after all.
    pub fn give_back(&mut self, from: IpAddr) {
        if let Some(tries) = self.tries.get_mut(&from) {
            tries.count = tries.count.saturating_sub(1);
        }
    }

    fn make_room(&mut self, from: IpAddr, at: i64) {
        if self.tries.len() < ADDRESSES || self.tries.contains_key(&from) {
            return;
        }
        self.tries.retain(|_, tries| at - tries.since < self.window_ms);
        let oldest = self.tries.iter().min_by_key(|(_, tries)| tries.since).map(|(address, _)| *address);
        if let Some(oldest) = oldest.filter(|_| self.tries.len() >= ADDRESSES) {
            self.tries.remove(&oldest);
        }
    }
}
