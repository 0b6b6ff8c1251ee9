//! Does a second core halve the time that Pulso needs for a broadcast?
//!
//! With both cores given to the server nobody may read meanwhile: the clients sleep, and the kernel notes when each
//! of them received its frame. That is when it was written, since on loopback `send` delivers.

use super::Bench;
use crate::clients::{Clients, Kind};
use crate::measure::fanout::EVENT;
use crate::results::Measure;
use crate::server::{GENERATOR_CORE, Peer, SERVER_CORE};
use crate::system::read_with_time;
use anyhow::{Context, Result};
use rand::seq::SliceRandom;
use std::time::Duration;

const CLIENTS: usize = 2_000;

/// Both cores have nothing else to do by then.
const BROADCAST_TAKES: Duration = Duration::from_millis(250);

pub fn run(bench: &mut Bench, rounds: usize) {
    eprintln!("one and two workers");
    bench.upstream.size_recent(1024);
    let mut cases =
        [(Measure::OneWorker, vec![SERVER_CORE]), (Measure::TwoWorkers, vec![SERVER_CORE, GENERATOR_CORE])];
    for round in 0..rounds {
        cases.shuffle(&mut rand::rng());
        for (measure, cores) in &cases {
            bench.attempt("workers", Peer::Pulso, |bench| case(bench, *measure, cores, round));
        }
    }
    bench.upstream.size_recent(0);
}

fn case(bench: &mut Bench, measure: Measure, cores: &[usize], round: usize) -> Result<()> {
    let mut server = bench.start_on(Peer::Pulso, cores)?;
    // A broadcast is over before the kernel would think of moving one of two busy threads to an idle core.
    server.pin_workers(cores)?;
    let mut clients = Clients::new(server.address, "/ws")?;
    clients.join(CLIENTS, 32, Kind::Timed, Duration::from_secs(10), &mut |_, _| {})?;
    let mut buffer = vec![0; 64 * 1024];
    for count in 0..if bench.quick { 3 } else { 6 } {
        bench.upstream.happened(&EVENT);
        server.notify(&bench.upstream)?;
        std::thread::sleep(BROADCAST_TAKES);
        server.answered()?;
        let mut times = Vec::with_capacity(CLIENTS);
        for socket in clients.sockets() {
            let (_, time) = read_with_time(socket, &mut buffer).context("a client without its frame")?;
            times.push(time.context("the kernel noted no time")?);
        }
        let first = times.iter().min().context("no clients")?;
        let last = times.iter().max().context("no clients")?;
        // The first one warms up.
        if count > 0 {
            bench.results.add(measure, Peer::Pulso, round, (*last - *first).as_secs_f64() * 1e3);
        }
    }
    Ok(())
}
