//! Who tries too often has to wait. Pure: time comes from outside, so that the rules can be read and tested here.
//!
//! For each key it is a bucket: so many tries at once, then one more each so often. Only one number a key is kept, the
//! moment at which all its tries are forgotten.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

/// So many tries at once, and one more each `every_ms`.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub at_once: u32,
    pub every_ms: u32,
}

impl Rule {
    fn every(self) -> i64 {
        i64::from(self.every_ms)
    }

    /// The tries of a key that has used all of them up are forgotten after so long.
    fn whole(self) -> i64 {
        self.every() * i64::from(self.at_once)
    }
}

/// How long until the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    pub ms: i64,
}

impl Wait {
    /// For `Retry-After`: whoever comes back then is not too early.
    pub fn seconds(self) -> u64 {
        u64::try_from(self.ms).unwrap_or_default().div_ceil(1_000).max(1)
    }
}

/// Counts the tries of each key. No more than `room` keys are kept: beyond, the one whose tries would be forgotten
/// first is forgotten now, so that a flood of new keys does not free one that is held back.
#[derive(Debug)]
pub struct Throttle<K> {
    rule: Rule,
    room: usize,
    forgotten_at: HashMap<K, i64>,
}

impl<K: Clone + Eq + Hash> Throttle<K> {
    pub fn new(rule: Rule, room: usize) -> Throttle<K> {
        Throttle { rule, room, forgotten_at: HashMap::new() }
    }

    /// Counts a try, or says how long to wait for it. A try that is refused is not counted.
    pub fn take(&mut self, key: K, now: i64) -> Result<(), Wait> {
        let latest = now + self.rule.whole();
        let kept = self.forgotten_at.get(&key).copied().unwrap_or(now);
        // A clock that was set back must not hold anybody for longer than the rule does.
        let before = kept.clamp(now, latest);
        let after = before + self.rule.every();
        self.make_room_for(&key, now);
        if after > latest {
            self.forgotten_at.insert(key, before);
            return Err(Wait { ms: after - latest });
        }
        self.forgotten_at.insert(key, after);
        Ok(())
    }

    /// The try that was counted last does not count.
    pub fn give_back(&mut self, key: &K) {
        if let Some(at) = self.forgotten_at.get_mut(key) {
            *at -= self.rule.every();
        }
    }

    /// None of its tries counts any more.
    pub fn forget(&mut self, key: &K) {
        self.forgotten_at.remove(key);
    }

    fn make_room_for(&mut self, key: &K, now: i64) {
        if self.forgotten_at.len() < self.room || self.forgotten_at.contains_key(key) {
            return;
        }
        self.forgotten_at.retain(|_, at| *at > now);
        if self.forgotten_at.len() < self.room {
            return;
        }
        let first = self.forgotten_at.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
        if let Some(first) = first {
            self.forgotten_at.remove(&first);
        }
    }
}

/// Whom an address stands for: with IPv6 everyone has a whole /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Network {
        Network(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { at_once: 3, every_ms: 1_000 };

    fn used_up(throttle: &mut Throttle<u32>, key: u32, now: i64) {
        for _ in 0..RULE.at_once {
            throttle.take(key, now).expect("a try");
        }
    }

    #[test]
    fn so_many_at_once_and_then_one_each_so_often() {
        let mut throttle = Throttle::new(RULE, 10);
        used_up(&mut throttle, 1, 5_000);
        assert_eq!(throttle.take(1, 5_000), Err(Wait { ms: 1_000 }));
        assert_eq!(throttle.take(1, 5_999), Err(Wait { ms: 1 }), "a refused try is not counted");
        assert_eq!(throttle.take(2, 5_999), Ok(()), "the others do not wait");
        assert_eq!(throttle.take(1, 6_000), Ok(()));
        assert_eq!(throttle.take(1, 6_000), Err(Wait { ms: 1_000 }));
        used_up(&mut throttle, 1, 60_000);
        assert_eq!(throttle.take(1, 60_000), Err(Wait { ms: 1_000 }), "who waits long does not save up");
    }

    #[test]
    fn what_is_given_back_or_forgotten_does_not_count() {
        let mut throttle = Throttle::new(RULE, 10);
        used_up(&mut throttle, 1, 0);
        throttle.give_back(&1);
        assert_eq!(throttle.take(1, 0), Ok(()));
        assert!(throttle.take(1, 0).is_err());
        throttle.forget(&1);
        used_up(&mut throttle, 1, 0);
    }

    #[test]
    fn a_flood_of_keys_takes_no_more_room_and_frees_nobody() {
        let mut throttle = Throttle::new(RULE, 10);
        used_up(&mut throttle, 0, 0);
        for key in 1..1_000 {
            throttle.take(key, 1).expect("a new key");
            assert!(throttle.forgotten_at.len() <= 10);
        }
        assert!(throttle.take(0, 1).is_err());
        throttle.take(5_000, 60_000).expect("a new key");
        assert_eq!(throttle.forgotten_at.len(), 1, "what is over needs no room");
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nobody_for_long() {
        let mut throttle = Throttle::new(RULE, 10);
        used_up(&mut throttle, 1, 1_000_000);
        assert_eq!(throttle.take(1, 0), Err(Wait { ms: 1_000 }));
        assert_eq!(throttle.take(1, 1_000), Ok(()));
        assert_eq!(Wait { ms: 1_001 }.seconds(), 2);
        assert_eq!(Wait { ms: 0 }.seconds(), 1);
    }

    #[test]
    fn one_who_has_a_network_has_one_try_for_all_of_its_addresses() {
        let network = |text: &str| Network::from(text.parse::<IpAddr>().expect("an address"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:10.0.0.7"), network("10.0.0.7"));
        assert_ne!(network("10.0.0.7"), network("10.0.0.8"));
    }
}
