//! Guessing takes long: failed sign-ins are counted for each address and for each account, registrations for each
//! address, and changes of a password, which cost a hash too, for each person.
//!
//! Whoever guesses from many addresses must not lock the owner out. So an account is counted apart for each address
//! from which its owner signed in before; only the others share one count. And from any address the wait is never
//! longer than the time of one more try, a minute.

use super::throttle::{Network, Rule, Throttle, Wait};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

/// Failed sign-ins of one address, whoever's: a whole shop may stand behind it.
const ADDRESS: Rule = Rule { at_once: 20, every_ms: 15_000 };

/// Failed sign-ins of one account: 1440 guesses a day, and as many argon2 runs.
const ACCOUNT: Rule = Rule { at_once: 10, every_ms: 60_000 };

/// Registrations of one address, the refused ones too: each of them costs a hash.
const REGISTRATIONS: Rule = Rule { at_once: 20, every_ms: 15_000 };

/// New passwords of one person: few, so that not even those who register at one address fill the queue of hashes.
const NEW_PASSWORDS: Rule = Rule { at_once: 3, every_ms: 60_000 };

/// Addresses, accounts, people, and addresses of accounts that are remembered, each: 3 MB together. Beyond, whoever would be
/// forgotten first is forgotten now.
const ROOM: usize = 10_000;

/// By its hash: no mail address is kept.
type AccountHash = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Account {
    FromAnywhere(AccountHash),
    FromKnown(AccountHash, Network),
}

/// A sign-in that was counted before it is known how it ends, so that many at once are not all the first.
#[derive(Debug)]
pub struct Try {
    network: Network,
    hash: AccountHash,
    account: Account,
}

#[derive(Debug)]
pub struct Tries {
    hasher: RandomState,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    addresses: Throttle<Network>,
    accounts: Throttle<Account>,
    registrations: Throttle<Network>,
    new_passwords: Throttle<AccountHash>,
    /// Where somebody signed in, and when last.
    known: HashMap<(AccountHash, Network), i64>,
}

impl Default for Tries {
    fn default() -> Tries {
        Tries {
            hasher: RandomState::new(),
            counts: Mutex::new(Counts {
                addresses: Throttle::new(ADDRESS, ROOM),
                accounts: Throttle::new(ACCOUNT, ROOM),
                registrations: Throttle::new(REGISTRATIONS, ROOM),
                new_passwords: Throttle::new(NEW_PASSWORDS, ROOM),
                known: HashMap::new(),
            }),
        }
    }
}

impl Tries {
    /// Before a password is looked at.
    pub fn sign_in(&self, email: &str, address: IpAddr, now: i64) -> Result<Try, Wait> {
        let (hash, network) = (self.hasher.hash_one(email), Network::from(address));
        let mut counts = self.counts();
        let account = match counts.known.contains_key(&(hash, network)) {
            true => Account::FromKnown(hash, network),
            false => Account::FromAnywhere(hash),
        };
        counts.addresses.take(network, now)?;
        counts.accounts.take(account, now).inspect_err(|_| counts.addresses.give_back(&network))?;
        Ok(Try { network, hash, account })
    }

    /// The account's count begins anew; that of the address does not, or an attacker with an account of their own
    /// would start over whenever they like.
    pub fn succeeded(&self, tried: &Try, now: i64) {
        let mut counts = self.counts();
        counts.addresses.give_back(&tried.network);
        counts.accounts.forget(&tried.account);
        counts.remember((tried.hash, tried.network), now);
    }

    /// It was not our caller's fault that it came to nothing.
    pub fn not_tried(&self, tried: &Try) {
        let mut counts = self.counts();
        counts.addresses.give_back(&tried.network);
        counts.accounts.give_back(&tried.account);
    }

    /// Somebody who signed in before is there.
    pub fn is_there(&self, email: &str, address: IpAddr, now: i64) {
        let hash = self.hasher.hash_one(email);
        self.counts().remember((hash, Network::from(address)), now);
    }

    pub fn register(&self, address: IpAddr, now: i64) -> Result<(), Wait> {
        self.counts().registrations.take(Network::from(address), now)
    }

    /// Before the own password is hashed.
    pub fn change_password(&self, id: &str, now: i64) -> Result<(), Wait> {
        self.counts().new_passwords.take(self.hasher.hash_one(id), now)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().expect("nothing panics while it counts")
    }
}

impl Counts {
    fn remember(&mut self, place: (AccountHash, Network), now: i64) {
        if self.known.len() >= ROOM && !self.known.contains_key(&place) {
            let longest_ago = self.known.iter().min_by_key(|(_, at)| **at).map(|(place, _)| *place);
            longest_ago.map(|place| self.known.remove(&place));
        }
        self.known.insert(place, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u32) -> IpAddr {
        IpAddr::from((0x0a00_0000 + last).to_be_bytes())
    }

    fn fail(tries: &Tries, email: &str, from: u32, now: i64) -> Result<(), Wait> {
        tries.sign_in(email, address(from), now).map(drop)
    }

    #[test]
    fn an_address_that_guesses_waits_whatever_the_account() {
        let tries = Tries::default();
        for one in 0..ADDRESS.at_once {
            fail(&tries, &format!("{one}@x.co"), 1, 0).expect("a try");
        }
        assert_eq!(fail(&tries, "new@x.co", 1, 0), Err(Wait { ms: 15_000 }));
        assert_eq!(fail(&tries, "new@x.co", 2, 0), Ok(()));
        assert_eq!(fail(&tries, "new@x.co", 1, 15_000), Ok(()));
    }

    #[test]
    fn an_account_that_is_guessed_waits_whatever_the_address() {
        let tries = Tries::default();
        for one in 0..ACCOUNT.at_once {
            fail(&tries, "ana@x.co", one, 0).expect("a try");
        }
        assert_eq!(fail(&tries, "ana@x.co", 99, 0), Err(Wait { ms: 60_000 }));
        assert_eq!(fail(&tries, "luis@x.co", 99, 0), Ok(()));
        assert_eq!(fail(&tries, "ana@x.co", 99, 60_000), Ok(()));
    }

    #[test]
    fn a_success_clears_the_account_and_not_the_address() {
        let tries = Tries::default();
        for round in 0..2 {
            for _ in 1..ACCOUNT.at_once {
                fail(&tries, "ana@x.co", 1, 0).expect("a try");
            }
            let tried = tries.sign_in("ana@x.co", address(1), 0).unwrap_or_else(|_| panic!("round {round}"));
            tries.succeeded(&tried, 0);
        }
        // Nine and nine failed.
        fail(&tries, "luis@x.co", 1, 0).expect("a try");
        fail(&tries, "luis@x.co", 1, 0).expect("a try");
        assert_eq!(fail(&tries, "luis@x.co", 1, 0), Err(Wait { ms: 15_000 }));
    }

    #[test]
    fn whoever_guesses_does_not_lock_the_owner_out_of_where_they_were_before() {
        let tries = Tries::default();
        let owner = tries.sign_in("ana@x.co", address(1), 0).expect("a try");
        tries.succeeded(&owner, 0);
        tries.is_there("ana@x.co", address(2), 0);
        for one in 0..10_000 {
            let _ = fail(&tries, "ana@x.co", 10 + one, 1);
        }
        assert!(fail(&tries, "ana@x.co", 3, 1).is_err());
        assert_eq!(fail(&tries, "ana@x.co", 1, 1), Ok(()));
        assert_eq!(fail(&tries, "ana@x.co", 2, 1), Ok(()));
    }

    #[test]
    fn what_came_to_nothing_through_us_is_not_counted_and_neither_is_what_was_refused() {
        let tries = Tries::default();
        for _ in 0..100 {
            let tried = tries.sign_in("ana@x.co", address(1), 0).expect("a try");
            tries.not_tried(&tried);
        }
        for _ in 0..ACCOUNT.at_once {
            fail(&tries, "ana@x.co", 1, 0).expect("a try");
        }
        for _ in 0..100 {
            assert_eq!(fail(&tries, "ana@x.co", 1, 0), Err(Wait { ms: 60_000 }));
        }
        assert_eq!(fail(&tries, "luis@x.co", 1, 0), Ok(()), "the address was not used up by refusals");
    }

    #[test]
    fn registering_is_counted_apart() {
        let tries = Tries::default();
        for _ in 0..REGISTRATIONS.at_once {
            tries.register(address(1), 0).expect("a try");
        }
        assert_eq!(tries.register(address(1), 0), Err(Wait { ms: 15_000 }));
        assert_eq!(tries.register(address(2), 0), Ok(()));
        assert_eq!(fail(&tries, "ana@x.co", 1, 0), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_tells_no_mail_address() {
        let tries = Tries::default();
        for one in 0..ROOM as u32 + 5 {
            tries.is_there("ana@x.co", address(one), i64::from(one));
        }
        let counts = tries.counts();
        assert_eq!(counts.known.len(), ROOM);
        assert!(counts.known.values().all(|at| *at >= 5), "the oldest went");
        drop(counts);
        assert!(!format!("{tries:?}").contains("ana"));
    }
}
