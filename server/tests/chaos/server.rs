//! The real server as a process of its own, which can be killed and comes back on the same port.

use super::world::World;
use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::{NamedTempFile, TempDir};
use tokio::time::{sleep, timeout};

/// Long enough for any machine.
const PATIENCE: Duration = Duration::from_secs(60);

const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Of the server's log, what a failure shows.
const TAIL_LINES: usize = 40;

pub struct Server {
    world: Arc<World>,
    upstream: SocketAddr,
    log: NamedTempFile,
    /// Its own files.
    folder: TempDir,
    child: Option<Child>,
}

impl Server {
    pub fn new(world: &Arc<World>, upstream: SocketAddr) -> Server {
        let log = NamedTempFile::new().expect("a file for the log");
        let folder = tempfile::tempdir().expect("a folder");
        Server { world: world.clone(), upstream, log, folder, child: None }
    }

    /// Until it answers.
    pub async fn start(&mut self, reconcile_secs: u32) -> Result<(), String> {
        self.world.life_turns();
        let child = Command::new(env!("CARGO_BIN_EXE_pulso"))
            // Settings of whoever runs the test, and a proxy, have no place here.
            .env_clear()
            .current_dir(&self.folder)
            .env("PULSO_LISTEN", self.world.server.to_string())
            .env("REST_API_URL", format!("http://{}", self.upstream))
            .env("PULSO_RECONCILE_SECS", reconcile_secs.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(self.log_end())
            .spawn()
            .map_err(|error| format!("the server does not start: {error}"))?;
        self.child = Some(child);
        self.world.counts.starts.one();
        timeout(PATIENCE, self.answers())
            .await
            .map_err(|_| "the server does not answer /health".to_owned())?
    }

    async fn answers(&mut self) -> Result<(), String> {
        loop {
            if let Some(status) = self.exited() {
                return Err(format!("the server ended by itself: {status}"));
            }
            if tokio::net::TcpStream::connect(self.world.server).await.is_ok() {
                return Ok(());
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// -9: it cannot say goodbye.
    pub fn kill(&mut self) {
        self.world.life_turns();
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("our own child can be killed");
        child.wait().expect("it was killed");
        self.world.counts.kills.one();
    }

    /// SIGTERM: it closes its connections and ends without an error.
    pub async fn terminate(&mut self) -> Result<(), String> {
        self.world.life_turns();
        let id = self.child.as_ref().expect("it runs").id();
        let sent = Command::new("kill").arg("-TERM").arg(id.to_string()).status();
        sent.map_err(|error| format!("no kill command: {error}"))?;
        let ended = async {
            loop {
                if let Some(status) = self.exited() {
                    return status;
                }
                sleep(LOOK_AGAIN).await;
            }
        };
        let status =
            timeout(PATIENCE, ended).await.map_err(|_| "SIGTERM does not end the server".to_owned())?;
        self.child = None;
        self.world.counts.terminations.one();
        if status.success() { Ok(()) } else { Err(format!("after SIGTERM the server ended with {status}")) }
    }

    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().expect("it runs").try_wait().expect("our own child can be asked")
    }

    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.log.path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    fn log_end(&self) -> File {
        OpenOptions::new().append(true).open(self.log.path()).expect("the log's file")
    }
}

impl Drop for Server {
    /// However the test ends, the process ends with it.
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
