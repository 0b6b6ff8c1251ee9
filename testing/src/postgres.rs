//! A PostgreSQL of the tests' own, on a free port. It is started and stopped by a script that sees its input close when
//! this process ends, whatever ended it: nothing keeps running and no folder stays.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const MISSING: &str = "PostgreSQL is not installed, and the tests that need it cannot run. On Debian: apt-get install postgresql \
                       (scripts/setup.sh test does it); or leave them out: make test PULSO_TEST_DATABASES=sqlite";

/// Someone else may take the port between its choice and the start.
const TRIES: usize = 3;

pub struct Cluster {
    port: u16,
    password: String,
    /// Its input stays open for as long as this process lives.
    _keeper: Child,
}

impl Cluster {
    pub fn start() -> Result<Cluster, String> {
        let programs = programs().ok_or(MISSING)?;
        let mut reason = String::new();
        for _ in 0..TRIES {
            match Cluster::start_in(&programs) {
                Ok((cluster, _)) => return Ok(cluster),
                Err(said) => reason = said,
            }
        }
        Err(format!("PostgreSQL could not be started: {reason}"))
    }

    /// And the folder that it lives in.
    fn start_in(programs: &Path) -> Result<(Cluster, PathBuf), String> {
        let password = format!("{:032x}", rand::random::<u128>());
        let port = free_port();
        let mut keeper = Command::new("sh");
        keeper.args(["-c", include_str!("postgres.sh"), "postgres.sh"]).arg(programs).arg(port.to_string());
        // Its own group, so that a terminal's Ctrl-C does not reach the database before the script does.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut keeper, 0);
        let keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut keeper = keeper.map_err(|error| format!("sh: {error}"))?;
        let input = keeper.stdin.as_mut().expect("it was piped");
        writeln!(input, "{password}").map_err(|error| error.to_string())?;
        let mut output = BufReader::new(keeper.stdout.take().expect("it was piped"));
        let mut line = String::new();
        let _ = output.read_line(&mut line);
        let Some(folder) = line.trim_end().strip_prefix("ready ") else {
            let _ = output.read_to_string(&mut line);
            let _ = keeper.wait();
            return Err(line);
        };
        let folder = PathBuf::from(folder);
        Ok((Cluster { port, password, _keeper: keeper }, folder))
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// On PATH, or the newest where Debian puts them.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_unstable();
    folders.extend(versions.into_iter().rev().map(|(_, folder)| folder));
    folders.into_iter().find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn it_ends_with_whoever_started_it_and_leaves_nothing_behind() {
        let programs = programs().expect("PostgreSQL is installed");
        let (Cluster { port, _keeper: mut keeper, .. }, folder) =
            Cluster::start_in(&programs).expect("a cluster");
        TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        assert!(folder.exists());
        // What the system does when a process is gone, even killed.
        drop(keeper.stdin.take());
        assert!(keeper.wait().expect("its end").success());
        assert!(!folder.exists());
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
