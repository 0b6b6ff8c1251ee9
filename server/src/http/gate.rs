//! How many clients may be connected. The limits lie far above what a shop needs; whoever meets one is told so,
//! as HTTP, before the upgrade.

use axum::http::{HeaderValue, StatusCode, header};
use shop::{Error, Network};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;

/// Clients that were let in and have not been brought up to date yet; beyond, the next one is sent away.
const WAITING: usize = 10_000;

/// So many clients leave a heap behind that is worth giving back.
const STORM: usize = 1_000;

/// Nobody has come for so long: the storm is over.
const CALM: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub struct Gate {
    clients: usize,
    per_address: usize,
    inside: Mutex<Inside>,
    storm: Notify,
}

#[derive(Debug, Default)]
struct Inside {
    total: usize,
    waiting: usize,
    by_address: HashMap<Network, usize>,
    /// Since the last storm.
    served: usize,
}

impl Gate {
    pub fn new(clients: usize, per_address: usize) -> Arc<Gate> {
        Arc::new(Gate { clients, per_address, inside: Mutex::default(), storm: Notify::new() })
    }

    /// A place for one more client from this address, which is given up when dropped.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Place, Full> {
        let network = Network::from(address);
        let mut inside = self.inside();
        if inside.waiting >= WAITING {
            return Err(Full::Waiting);
        }
        if inside.total >= self.clients {
            return Err(Full::Clients(self.clients));
        }
        let here = inside.by_address.entry(network).or_default();
        if *here >= self.per_address {
            return Err(Full::Address(self.per_address));
        }
        *here += 1;
        inside.total += 1;
        inside.waiting += 1;
        Ok(Place { gate: self.clone(), network, waiting: true })
    }

    /// Comes back each time that many clients have joined and no more are coming.
    pub async fn storm_is_over(&self) {
        while self.inside().served < STORM {
            self.storm.notified().await;
        }
        loop {
            let before = self.inside().served;
            tokio::time::sleep(CALM).await;
            let mut inside = self.inside();
            if inside.served == before {
                inside.served = 0;
                return;
            }
        }
    }

    /// How many there are.
    pub fn clients(&self) -> usize {
        self.inside().total
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("nothing panics while it counts")
    }
}

/// Which limit was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    Waiting,
    Clients(usize),
    Address(usize),
}

impl From<Full> for Error {
    fn from(full: Full) -> Error {
        let (message, retry_after_s) = match full {
            Full::Waiting => (format!("{WAITING} clients are waiting to be served"), "1"),
            Full::Clients(limit) => (format!("no more than {limit} clients may be connected"), "10"),
            Full::Address(limit) => {
                (format!("no more than {limit} clients may be connected from one address"), "10")
            }
        };
        Error::new(StatusCode::SERVICE_UNAVAILABLE, message)
            .with_header(header::RETRY_AFTER, HeaderValue::from_static(retry_after_s))
    }
}

/// One client's place. It counts as waiting until it is [served](Place::served).
#[derive(Debug)]
pub struct Place {
    gate: Arc<Gate>,
    network: Network,
    waiting: bool,
}

impl Place {
    pub fn served(&mut self) {
        if std::mem::take(&mut self.waiting) {
            let mut inside = self.gate.inside();
            inside.waiting -= 1;
            inside.served += 1;
            if inside.served == STORM {
                self.gate.storm.notify_one();
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.served();
        let mut inside = self.gate.inside();
        inside.total -= 1;
        if let Some(here) = inside.by_address.get_mut(&self.network) {
            *here -= 1;
            if *here == 0 {
                inside.by_address.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn refusal(gate: &Arc<Gate>, last: u8) -> Full {
        gate.enter(address(last)).expect_err("there is no room")
    }

    #[test]
    fn one_address_cannot_take_all_places_and_all_cannot_take_more_than_there_are() {
        let gate = Gate::new(3, 2);
        let first = [gate.enter(address(1)), gate.enter(address(1))];
        assert_eq!(refusal(&gate, 1), Full::Address(2));
        let other = gate.enter(address(2)).expect("another address");
        assert_eq!(refusal(&gate, 3), Full::Clients(3));
        drop(other);
        drop(gate.enter(address(3)).expect("a place became free"));
        drop(first);
        let inside = gate.inside();
        assert!(inside.by_address.is_empty(), "nothing is kept of who left");
        assert_eq!((inside.total, inside.waiting), (0, 0));
    }

    #[test]
    fn whoever_has_many_addresses_of_one_network_is_counted_once() {
        let gate = Gate::new(9, 1);
        let enter = |text: &str| gate.enter(text.parse().expect("an address"));
        let _first = enter("2001:db8::1").expect("a place");
        assert_eq!(enter("2001:db8::ffff:2").expect_err("the same network"), Full::Address(1));
        assert!(enter("2001:db8:0:1::1").is_ok(), "another network");
    }

    #[test]
    fn who_is_served_does_not_wait_any_more() {
        let gate = Gate::new(WAITING * 2, WAITING * 2);
        let mut places: Vec<_> = (0..WAITING).filter_map(|_| gate.enter(address(1)).ok()).collect();
        assert_eq!(refusal(&gate, 2), Full::Waiting);
        places[0].served();
        places[0].served();
        assert!(gate.enter(address(2)).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_storm_is_over_when_nobody_comes_any_more() {
        let gate = Gate::new(STORM * 3, STORM * 3);
        let over = tokio::spawn({
            let gate = gate.clone();
            async move { gate.storm_is_over().await }
        });
        // One after the other, so that hardly anybody is ever waiting.
        for _ in 0..STORM + 500 {
            gate.enter(address(1)).expect("a place").served();
            tokio::time::sleep(CALM / 2).await;
            assert!(!over.is_finished(), "somebody came a moment ago");
        }
        over.await.expect("no panic");
        gate.enter(address(1)).expect("a place").served();
        let again = tokio::time::timeout(CALM * 100, gate.storm_is_over()).await;
        assert!(again.is_err(), "one client is no storm");
    }
}
