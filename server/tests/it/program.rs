//! The program itself as a process, with settings in its environment, and everything that it says.

use crate::support::{Client, FakeShop, soon};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

pub struct Program {
    pub child: Child,
    pub address: String,
    /// Of both its outputs.
    said: [JoinHandle<String>; 2],
    /// Where it runs, and keeps what no setting names a place for.
    _folder: TempDir,
}

impl Program {
    pub async fn start(shop: &FakeShop) -> Program {
        Program::run(&[("REST_API_URL", &shop.url())]).await
    }

    pub async fn run(settings: &[(&str, &str)]) -> Program {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(env!("CARGO_BIN_EXE_pulso"))
            .env_clear()
            .current_dir(&folder)
            .env("PULSO_LISTEN", "127.0.0.1:0")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let mut errors = child.stderr.take().expect("its log");
        let log = tokio::spawn(async move {
            let mut text = Vec::new();
            let _ = errors.read_to_end(&mut text).await;
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut greeting = String::new();
        let address = loop {
            let from = greeting.len();
            let count = soon("a greeting", output.read_line(&mut greeting)).await.expect("a line");
            assert!(count > 0, "it ended: {}", log.await.unwrap_or_default());
            if let Some((_, address)) = greeting[from..].trim_end().split_once("http://") {
                break address.to_owned();
            }
        };
        let rest = tokio::spawn(async move {
            let _ = output.read_to_string(&mut greeting).await;
            greeting
        });
        Program { child, address, said: [rest, log], _folder: folder }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn join(&self) -> Client {
        let url = format!("ws://{}/ws?version=0", self.address);
        let (socket, _) = soon("a handshake", tokio_tungstenite::connect_async(url)).await.expect("a socket");
        let mut client = Client { socket, protocol: None };
        client.next().await;
        client
    }

    pub async fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([name, &pid]).status().await.expect("kill runs");
        assert!(sent.success());
    }

    pub async fn status(&self, path: &str) -> Option<u16> {
        let answer = reqwest::get(self.url(path)).await;
        answer.ok().map(|answer| answer.status().as_u16())
    }

    pub async fn ended(mut self) -> Option<i32> {
        soon("its end", self.child.wait()).await.expect("a status").code()
    }

    /// Tells it to end, and what it has said.
    pub async fn end(mut self) -> String {
        self.signal("-TERM").await;
        self.signal("-TERM").await;
        soon("its end", self.child.wait()).await.expect("a status");
        let [output, log] = self.said;
        output.await.expect("no panic") + &log.await.expect("no panic")
    }
}
