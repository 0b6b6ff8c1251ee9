//! The servers that are compared: how each is started, what it uses, and its end.

use crate::notifier::Notifier;
use crate::system;
use crate::upstream::Upstream;
use anyhow::{Context, Result, bail};
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The server under test has this core to itself; generator and backend share the other one.
pub const SERVER_CORE: usize = 0;
pub const GENERATOR_CORE: usize = 1;

/// Whoever does not listen by then will not.
const START_WITHIN: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Peer {
    BareWrite,
    Pulso,
    Bun,
    Nchan,
    NodeWs,
    AxumIdiom,
    Original,
}

impl Peer {
    /// Who takes part in the fan-out; the original only does the whole job.
    pub const FANOUT: [Peer; 6] =
        [Peer::BareWrite, Peer::Pulso, Peer::Bun, Peer::Nchan, Peer::NodeWs, Peer::AxumIdiom];

    pub const fn name(self) -> &'static str {
        match self {
            Peer::BareWrite => "bare write",
            Peer::Pulso => "Pulso",
            Peer::Bun => "Bun, publish",
            Peer::Nchan => "nginx, nchan",
            Peer::NodeWs => "Node, ws",
            Peer::AxumIdiom => "axum, usual idiom",
            Peer::Original => "the original's algorithm",
        }
    }

    /// It broadcasts what it is given, and fetches nothing.
    pub const fn is_given_the_frame(self) -> bool {
        matches!(self, Peer::BareWrite | Peer::Nchan)
    }
}

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    pub pulso: PathBuf,
    /// The folder with the servers in JavaScript and their packages.
    pub peers: PathBuf,
    /// Scratch of this run.
    pub scratch: PathBuf,
}

impl Programs {
    /// Why this peer cannot take part here.
    pub fn missing(&self, peer: Peer) -> Option<String> {
        let needed = match peer {
            Peer::BareWrite | Peer::AxumIdiom | Peer::Original => return None,
            Peer::Pulso => self.pulso.clone(),
            Peer::Bun => self.bun(),
            Peer::NodeWs => self.peers.join("node_modules/ws/package.json"),
            Peer::Nchan => PathBuf::from("/usr/lib/nginx/modules/ngx_nchan_module.so"),
        };
        (!needed.exists()).then(|| format!("{} is missing", needed.display()))
    }

    fn bun(&self) -> PathBuf {
        self.peers.join("node_modules/.bin/bun")
    }

    fn command(
        &self,
        peer: Peer,
        listen: SocketAddr,
        upstream: &Upstream,
        envelope: usize,
    ) -> Result<Command> {
        let own = |name: &str| -> Result<Command> {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["peer", name, "--listen", &listen.to_string(), "--upstream", &upstream.url()]);
            command.args(["--envelope-bytes", &envelope.to_string()]);
            Ok(command)
        };
        let script = |program: &Path, name: &str| {
            let mut command = Command::new(program);
            command.arg(self.peers.join(name));
            command.env("PORT", listen.port().to_string());
            command.env("UPSTREAM", upstream.url());
            command.env("ENVELOPE_BYTES", envelope.to_string());
            command
        };
        Ok(match peer {
            Peer::BareWrite => own("bare-write")?,
            Peer::AxumIdiom => own("axum")?,
            Peer::Original => own("original")?,
            Peer::Bun => script(&self.bun(), "bun.mjs"),
            Peer::NodeWs => script(Path::new("node"), "node.mjs"),
            Peer::Pulso => {
                let mut command = Command::new(&self.pulso);
                // Its defaults, whatever the settings of a server that runs here, too.
                command.env_clear();
                command.env("REST_API_URL", upstream.url()).env("PULSO_LISTEN", listen.to_string());
                command.env("DATABASE_URL", format!("sqlite://{}", self.scratch.join("pulso.db").display()));
                // Only what is announced is fetched. Its log is written, as it would be in operation.
                command.env("PULSO_RECONCILE_SECS", "86400");
                command
            }
            Peer::Nchan => {
                let template = fs::read_to_string(self.peers.join("nchan.conf"))?;
                let scratch = fs::canonicalize(&self.scratch)?;
                let text = template.replace("PORT", &listen.port().to_string());
                let file = scratch.join("nchan.conf");
                fs::write(&file, text.replace("DIR", &scratch.display().to_string()))?;
                let mut command = Command::new("nginx");
                command.arg("-p").arg(&scratch).arg("-c").arg(&file);
                command
            }
        })
    }
}

/// A running server; killed when dropped.
pub struct Server {
    pub peer: Peer,
    pub address: SocketAddr,
    child: Child,
    envelope_bytes: usize,
    notifier: Notifier,
}

impl Server {
    pub fn start(
        programs: &Programs,
        peer: Peer,
        cores: &[usize],
        upstream: &Upstream,
        envelope_bytes: usize,
    ) -> Result<Server> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = programs.command(peer, address, upstream, envelope_bytes)?;
        system::pin_command(&mut command, cores.to_vec());
        let log = fs::File::create(programs.scratch.join(format!("{peer:?}.log")))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("cannot start {}", peer.name()))?;
        let mut server = Server { peer, address, child, envelope_bytes, notifier: Notifier::new(address) };
        server.listens()?;
        Ok(server)
    }

    fn listens(&mut self) -> Result<()> {
        let began = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            self.is_alive()?;
            if began.elapsed() > START_WITHIN {
                bail!("{} does not listen", self.peer.name());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    pub fn is_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended: {status}", self.peer.name()),
        }
    }

    /// Something changed in the shop: `upstream` knows it, and now the server does.
    pub fn notify(&mut self, upstream: &Upstream) -> Result<()> {
        if self.peer.is_given_the_frame() {
            let body = upstream.body(shared::Metric::OrdersRecent);
            return self.notifier.send(crate::peer::message(&body, self.envelope_bytes).as_bytes());
        }
        self.notifier.send(br#"{"type":"EQUIPMENT_CREATED"}"#)
    }

    pub fn answered(&mut self) -> Result<()> {
        self.notifier.answered()
    }

    /// Each worker thread gets a core.
    pub fn pin_workers(&self, cores: &[usize]) -> Result<()> {
        system::pin_workers(self.child.id(), cores).context("the server's threads")
    }

    pub fn cpu_time(&self) -> Result<Duration> {
        system::cpu_time(self.child.id()).context("the server's CPU time")
    }

    pub fn resident_bytes(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
