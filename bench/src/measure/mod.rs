//! What is measured. Each file holds one question and answers it with samples.

pub mod fanout;
pub mod two_workers;
pub mod job;
pub mod storm;

use crate::results::Results;
use crate::server::{Peer, Programs, SERVER_CORE, Server};
use crate::upstream::Upstream;
use anyhow::Result;
use std::time::Duration;

/// What every measure needs.
pub struct Bench {
    pub programs: Programs,
    pub upstream: Upstream,
    pub results: Results,
    /// A few seconds each, to see that everything works.
    pub quick: bool,
    /// What Pulso's frame has beyond the statistic in it; the peers' frames are as large.
    pub envelope_bytes: usize,
}

/// After it listens a server may still be starting; Pulso fetches its first state.
const WARM_AFTER: Duration = Duration::from_millis(300);

impl Bench {
    /// A warm server with one core of its own.
    fn start(&self, peer: Peer) -> Result<Server> {
        self.start_on(peer, &[SERVER_CORE])
    }

    fn start_on(&self, peer: Peer, cores: &[usize]) -> Result<Server> {
        let server = Server::start(&self.programs, peer, cores, &self.upstream, self.envelope_bytes)?;
        std::thread::sleep(WARM_AFTER);
        Ok(server)
    }

    /// A peer that fails is reported and left out; the others go on.
    fn attempt(&mut self, what: &str, peer: Peer, run: impl FnOnce(&mut Bench) -> Result<()>) {
        eprintln!("  {what}: {}", peer.name());
        if let Err(error) = run(self) {
            let note = format!("{what}: {}: {error:#}", peer.name());
            eprintln!("  failed: {note}");
            self.results.notes.push(note);
        }
    }
}
