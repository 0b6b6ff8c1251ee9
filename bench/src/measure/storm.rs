//! All dashboards come back at once: how long until each of them shows the state again?
//!
//! To Pulso they come with `?version=0` and are served when they have its first frame. Bun's peer holds no state; its
//! time is that of the handshakes alone.

use super::Bench;
use crate::clients::{Clients, Kind};
use crate::measure::fanout::MANY;
use crate::results::Measure;
use crate::server::Peer;
use anyhow::{Result, ensure};
use std::cell::Cell;
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(30);

pub fn run(bench: &mut Bench, rounds: usize) {
    eprintln!("storm");
    for round in 0..rounds {
        for peer in [Peer::Pulso, Peer::Bun] {
            if bench.programs.missing(peer).is_none() {
                bench.attempt("storm", peer, |bench| storm(bench, peer, round));
            }
        }
    }
}

fn storm(bench: &mut Bench, peer: Peer, round: usize) -> Result<()> {
    let server = bench.start(peer)?;
    let asked = bench.upstream.requests();
    let path = if peer == Peer::Pulso { "/ws?version=0" } else { "/ws" };
    let mut clients = Clients::new(server.address, path)?;
    let mut served = vec![peer != Peer::Pulso; MANY];
    let missing = Cell::new(served.iter().filter(|served| !**served).count());
    let mut heard = |client: usize, _: &[u8]| {
        if !std::mem::replace(&mut served[client], true) {
            missing.set(missing.get() - 1);
        }
    };
    let began = Instant::now();
    let joined = clients.join(MANY, MANY, Kind::Reading, WITHIN, &mut heard)?;
    while missing.get() > 0 {
        clients.turn(Duration::from_millis(50), &mut heard)?;
        ensure!(began.elapsed() < WITHIN, "{} clients have no state after {WITHIN:?}", missing.get());
    }
    let took = began.elapsed();
    bench.results.add(Measure::StormMs, peer, round, took.as_secs_f64() * 1e3);
    bench.results.add(Measure::StormRefused, peer, round, joined.refused as f64);
    bench.results.add(Measure::StormRequests, peer, round, (bench.upstream.requests() - asked) as f64);
    Ok(())
}
