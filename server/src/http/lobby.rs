//! Connections that ask something, or may do so: how many there can be. Clients, which stay, are counted by the gate; without
//! this one, connections that say nothing could use up the files that clients need.

use super::Gate;
use crate::machine::Room;
use ipnet::IpNet;
use shop::Network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// Whoever cannot be taken in is told so without being heard.
pub const NO_ROOM: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nConnection: close\r\n\
    Content-Type: text/plain\r\nContent-Length: 21\r\n\r\nToo many connections.";

pub struct Lobby {
    gate: Arc<Gate>,
    /// Proxies, each of which stands for many.
    proxies: Vec<IpNet>,
    /// With the clients, no more connections than that.
    room: usize,
    /// Three quarters of it: some room is left for clients whatever others do.
    places: usize,
    /// One address has no more than a quarter of the places.
    per_address: usize,
    visitors: AtomicUsize,
    by_address: Mutex<HashMap<Network, usize>>,
}

impl Lobby {
    pub fn new(room: Room, gate: Arc<Gate>, proxies: &[IpNet]) -> Arc<Lobby> {
        let places = (room.connections / 4).saturating_mul(3).max(1);
        Arc::new(Lobby {
            gate,
            proxies: proxies.to_vec(),
            room: room.connections,
            places,
            per_address: places.div_ceil(4),
            visitors: AtomicUsize::new(0),
            by_address: Mutex::default(),
        })
    }

    /// A place for one more connection, which is given up when dropped. `None`: there is no room.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Visit> {
        let visitors = self.visitors.load(Ordering::Relaxed);
        if visitors >= self.places || visitors + self.gate.clients() >= self.room {
            return None;
        }
        let address = address.to_canonical();
        let is_proxy = self.proxies.iter().any(|proxy| proxy.contains(&address));
        let counted = (!is_proxy).then(|| Network::from(address));
        if let Some(network) = counted {
            let mut by_address = self.by_address();
            let here = by_address.entry(network).or_default();
            if *here >= self.per_address {
                return None;
            }
            *here += 1;
        }
        // Only the one loop that takes connections in comes here, so nobody else has taken the place meanwhile.
        self.visitors.fetch_add(1, Ordering::Relaxed);
        Some(Visit { lobby: self.clone(), counted })
    }

    /// Half of the places are taken: who says nothing has to go sooner.
    pub fn is_crowded(&self) -> bool {
        self.visitors.load(Ordering::Relaxed) > self.places / 2
    }

    fn by_address(&self) -> MutexGuard<'_, HashMap<Network, usize>> {
        self.by_address.lock().expect("nothing panics while it counts")
    }
}

/// One connection's place, until it ends or becomes a client.
pub struct Visit {
    lobby: Arc<Lobby>,
    counted: Option<Network>,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.lobby.visitors.fetch_sub(1, Ordering::Relaxed);
        let Some(network) = self.counted else { return };
        let mut by_address = self.lobby.by_address();
        if let Some(here) = by_address.get_mut(&network) {
            *here -= 1;
            if *here == 0 {
                by_address.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lobby(connections: usize, clients: usize) -> (Arc<Lobby>, Arc<Gate>) {
        let gate = Gate::new(clients, clients);
        let proxies = ["127.0.0.1/32".parse().expect("a network")];
        (Lobby::new(Room { connections, clients }, gate.clone(), &proxies), gate)
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn silent_connections_leave_room_for_clients_and_one_address_for_others() {
        let (lobby, _gate) = lobby(16, 16);
        let mut visits = Vec::new();
        for who in 1..=4 {
            for _ in 0..3 {
                visits.push(lobby.enter(address(who)).expect("a place"));
            }
            if who < 4 {
                assert!(lobby.enter(address(who)).is_none(), "a quarter of twelve is three");
            }
        }
        assert!(lobby.enter(address(9)).is_none(), "four are left for clients");
        assert!(lobby.is_crowded());
        drop(visits);
        assert!(!lobby.is_crowded());
        assert!(lobby.by_address().is_empty(), "nothing is kept of who left");
        assert!(lobby.enter(address(1)).is_some());
    }

    #[test]
    fn whoever_has_many_addresses_of_one_network_is_counted_once() {
        let (lobby, _gate) = lobby(16, 16);
        let enter = |text: String| lobby.enter(text.parse().expect("an address"));
        let visits: Vec<_> = (0..9).map_while(|last| enter(format!("2001:db8::{last}"))).collect();
        assert_eq!(visits.len(), 3, "a quarter of twelve");
        assert!(enter("2001:db8:0:1::1".to_owned()).is_some(), "another network");
    }

    #[test]
    fn a_proxy_stands_for_many() {
        let (lobby, _gate) = lobby(16, 16);
        let visits: Vec<_> = (0..12).map_while(|_| lobby.enter(IpAddr::from([127, 0, 0, 1]))).collect();
        assert_eq!(visits.len(), 12);
    }

    #[test]
    fn clients_take_room_too() {
        let (lobby, gate) = lobby(16, 16);
        let clients: Vec<_> = (0..15).filter_map(|_| gate.enter(address(1)).ok()).collect();
        let last = lobby.enter(address(2)).expect("the last place");
        assert!(lobby.enter(address(3)).is_none());
        drop((clients, last));
        assert!(lobby.enter(address(3)).is_some());
    }
}
