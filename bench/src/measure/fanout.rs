//! What does it cost to tell thousands of clients one thing, and to hold their connections?
//!
//! All peers in random order, round after round, so that a noisy minute hits all of them; a figure is compared only
//! with the bare write of its own round.

use super::Bench;
use crate::clients::{Clients, Kind};
use crate::results::Measure;
use crate::server::{Peer, Server};
use anyhow::{Result, bail, ensure};
use rand::seq::SliceRandom;
use shared::{Change, Event, Subject};
use std::time::{Duration, Instant};

pub const FEW: usize = 1_000;
pub const MANY: usize = 10_000;

/// Handshakes under way while clients come one by one.
const UNHURRIED: usize = 32;

/// Pulso begins a round every 100 ms at most; all peers get the same time, so that each notification is a broadcast.
const PACE: Duration = Duration::from_millis(120);
const REST: Duration = Duration::from_millis(20);

/// A broadcast that takes longer has failed.
const BROADCAST_WITHIN: Duration = Duration::from_secs(5);
const JOIN_WITHIN: Duration = Duration::from_secs(30);

/// So many frames gather by then that looking for them is no load to the kernel's list of ready sockets.
const LOOK_EVERY: Duration = Duration::from_micros(50);

/// Broadcasts on new connections that do not count. The first 13 of each connection cost every server half as much
/// again, perhaps because the kernel acknowledges them at once; and what compiles while it runs is done by then.
const WARM_UP: usize = 15;
/// After a change of the frame's size.
const ADJUST: usize = 2;

/// What is left of handshakes is cleared away by then, by those that do.
const SETTLE: Duration = Duration::from_millis(1200);

pub const EVENT: Event = Event::Known(Subject::Equipment, Change::Created);

/// Of a frame's payload. Pulso's envelope and the smallest body may be a little more than the former.
const SMALL_BYTES: usize = 300;
const LARGE_BYTES: usize = 2048;
const SMALLEST_BODY_BYTES: usize = 60;

/// Measures what Pulso's frame has around the statistic.
pub fn calibrate(bench: &mut Bench) -> Result<()> {
    bench.upstream.size_recent(SMALLEST_BODY_BYTES);
    let mut server = bench.start(Peer::Pulso)?;
    let mut clients = Clients::new(server.address, "/ws")?;
    clients.join(1, 1, Kind::Reading, JOIN_WITHIN, &mut |_, _| {})?;
    // Versions grow by a digit now and then; a number in the middle of the run.
    for _ in 0..12 {
        let sent = broadcast(bench, &mut server, &mut clients)?;
        bench.envelope_bytes = sent.bytes - SMALLEST_BODY_BYTES;
        std::thread::sleep(PACE.saturating_sub(sent.took));
    }
    Ok(())
}

pub fn run(bench: &mut Bench, wanted: &[Peer], rounds: usize) {
    let mut peers = Peer::FANOUT.to_vec();
    // Without the limit no figure means anything.
    peers.retain(|peer| *peer == Peer::BareWrite || wanted.contains(peer));
    peers.retain(|peer| match bench.programs.missing(*peer) {
        None => true,
        Some(why) => {
            bench.results.notes.push(format!("{} is left out: {why}", peer.name()));
            false
        }
    });
    for round in 0..rounds {
        eprintln!("fan-out, round {} of {rounds}", round + 1);
        for cell in [few, many, unhurried] {
            peers.shuffle(&mut rand::rng());
            for peer in &peers {
                bench.attempt(&format!("round {}", round + 1), *peer, |bench| cell(bench, *peer, round));
            }
        }
    }
    bench.upstream.size_recent(0);
}

fn few(bench: &mut Bench, peer: Peer, round: usize) -> Result<()> {
    let mut server = bench.start(peer)?;
    let mut clients = Clients::new(server.address, "/ws")?;
    clients.join(FEW, UNHURRIED, Kind::Reading, JOIN_WITHIN, &mut |_, _| {})?;
    broadcasts(bench, &mut server, &mut clients, round, if bench.quick { 8 } else { 12 })
}

/// All come at once; memory is what they leave behind.
fn many(bench: &mut Bench, peer: Peer, round: usize) -> Result<()> {
    let mut server = bench.start(peer)?;
    let before = server.resident_bytes()?;
    let mut clients = Clients::new(server.address, "/ws")?;
    let joined = clients.join(MANY, MANY, Kind::Reading, JOIN_WITHIN, &mut |_, _| {})?;
    if joined.refused > 0 {
        bench.results.notes.push(format!("{}: {} handshakes were refused", peer.name(), joined.refused));
    }
    std::thread::sleep(SETTLE);
    let bytes = server.resident_bytes()?.saturating_sub(before) as f64 / MANY as f64;
    bench.results.add(Measure::ResidentAfterStorm, peer, round, bytes);
    broadcasts(bench, &mut server, &mut clients, round, if bench.quick { 3 } else { 4 })
}

/// They come a few at a time.
fn unhurried(bench: &mut Bench, peer: Peer, round: usize) -> Result<()> {
    let server = bench.start(peer)?;
    let (before, cpu) = (server.resident_bytes()?, server.cpu_time()?);
    let mut clients = Clients::new(server.address, "/ws")?;
    let joined = clients.join(MANY, UNHURRIED, Kind::Reading, JOIN_WITHIN, &mut |_, _| {})?;
    let each = (server.cpu_time()? - cpu).as_secs_f64() / MANY as f64;
    bench.results.add(Measure::CpuPerUpgrade, peer, round, each * 1e6);
    bench.results.add(Measure::UpgradesPerSecond, peer, round, MANY as f64 / joined.took.as_secs_f64());
    std::thread::sleep(SETTLE);
    let bytes = server.resident_bytes()?.saturating_sub(before) as f64 / MANY as f64;
    bench.results.add(Measure::ResidentUnhurried, peer, round, bytes);
    Ok(())
}

fn broadcasts(
    bench: &mut Bench,
    server: &mut Server,
    clients: &mut Clients,
    round: usize,
    count: usize,
) -> Result<()> {
    for (large, target, warm_up) in [(false, SMALL_BYTES, WARM_UP), (true, LARGE_BYTES, ADJUST)] {
        let workload = 2 * usize::from(clients.len() == MANY) + usize::from(large);
        let body_bytes = target.saturating_sub(bench.envelope_bytes).max(SMALLEST_BODY_BYTES);
        bench.upstream.size_recent(body_bytes);
        bench.results.frame_bytes[usize::from(large)] = bench.envelope_bytes + body_bytes;
        for _ in 0..warm_up {
            paced(bench, server, clients)?;
        }
        let cpu = server.cpu_time()?;
        for _ in 0..count {
            let took = paced(bench, server, clients)?;
            bench.results.add(Measure::LAST_CLIENT[workload], server.peer, round, took.as_secs_f64() * 1e3);
        }
        let each = (server.cpu_time()? - cpu).as_secs_f64() / (count * clients.len()) as f64;
        bench.results.add(Measure::CPU_PER_MESSAGE[workload], server.peer, round, each * 1e6);
    }
    ensure!(clients.lost == 0, "{} clients lost their connection", clients.lost);
    Ok(())
}

fn paced(bench: &Bench, server: &mut Server, clients: &mut Clients) -> Result<Duration> {
    let began = Instant::now();
    let sent = broadcast(bench, server, clients)?;
    std::thread::sleep(PACE.saturating_sub(began.elapsed()).max(REST));
    Ok(sent.took)
}

struct Sent {
    took: Duration,
    /// Of the payload.
    bytes: usize,
}

/// From the notification to the last client that has the frame.
fn broadcast(bench: &Bench, server: &mut Server, clients: &mut Clients) -> Result<Sent> {
    let mut unasked = 0;
    clients.turn(Duration::ZERO, &mut |_, _| unasked += 1)?;
    ensure!(unasked == 0, "{unasked} frames came that no notification had asked for");
    bench.upstream.happened(&EVENT);
    let began = Instant::now();
    server.notify(&bench.upstream)?;
    let (mut frames, mut bytes) = (0, 0);
    loop {
        // Once the broadcast has begun nobody sleeps here: `send` would have to wake this thread again and again,
        // which costs the server more the slower it is.
        let patience = if frames == 0 { Duration::from_millis(100) } else { Duration::ZERO };
        clients.turn(patience, &mut |_, payload| {
            frames += 1;
            bytes = payload.len();
        })?;
        if frames == clients.len() {
            break;
        }
        if began.elapsed() > BROADCAST_WITHIN {
            server.is_alive()?;
            bail!("{frames} of {} clients have the frame after {BROADCAST_WITHIN:?}", clients.len());
        }
        let looked = Instant::now();
        while looked.elapsed() < LOOK_EVERY {
            std::hint::spin_loop();
        }
    }
    let took = began.elapsed();
    server.answered()?;
    Ok(Sent { took, bytes })
}
