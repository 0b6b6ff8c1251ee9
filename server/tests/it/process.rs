//! The program itself: what signals do to it, and with what it ends.

use crate::support::{Client, FakeShop, soon, until};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};

struct Program {
    child: Child,
    address: String,
    /// Its own files.
    _folder: tempfile::TempDir,
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Program {
    async fn start(shop: &FakeShop) -> Program {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(env!("CARGO_BIN_EXE_pulso"))
            .env_clear()
            .current_dir(&folder)
            .env("REST_API_URL", shop.url())
            .env("PULSO_LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let address = loop {
            let line = soon("a greeting", lines.next_line()).await.expect("a line").expect("a greeting");
            if let Some((_, address)) = line.split_once("http://") {
                break address.to_owned();
            }
        };
        Program { child, address, _folder: folder, _stdout: lines }
    }

    async fn join(&self) -> Client {
        let url = format!("ws://{}/ws?version=0", self.address);
        let (socket, _) = soon("a handshake", tokio_tungstenite::connect_async(url)).await.expect("a socket");
        let mut client = Client { socket, protocol: None };
        client.next().await;
        client
    }

    async fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([name, &pid]).status().await.expect("kill runs");
        assert!(sent.success());
    }

    async fn status(&self, path: &str) -> Option<u16> {
        let answer = reqwest::get(format!("http://{}{path}", self.address)).await;
        answer.ok().map(|answer| answer.status().as_u16())
    }

    async fn ended(mut self) -> Option<i32> {
        soon("its end", self.child.wait()).await.expect("a status").code()
    }
}

#[tokio::test]
async fn told_to_stop_it_sends_its_clients_away_and_ends_well() {
    let shop = FakeShop::start().await;
    let program = Program::start(&shop).await;
    let mut client = program.join().await;
    program.signal("-TERM").await;
    assert_eq!(client.closed().await, 1001);
    drop(client);
    assert_eq!(program.ended().await, Some(0));
}

#[tokio::test]
async fn while_it_goes_down_nobody_is_let_in_and_a_second_signal_ends_it_at_once() {
    let shop = FakeShop::start().await;
    let program = Program::start(&shop).await;
    // A client that never hangs up keeps it waiting.
    let mut deaf = TcpStream::connect(&program.address).await.expect("a connection");
    let handshake = "GET /ws?version=0 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut deaf, handshake.as_bytes()).await.expect("room");
    until("the deaf client to be counted", async || {
        let health = reqwest::get(format!("http://{}/health", program.address)).await.expect("an answer");
        health.json::<serde_json::Value>().await.expect("JSON")["clients"] == 1
    })
    .await;
    program.signal("-TERM").await;
    until("the drain", async || program.status("/readyz").await == Some(503)).await;
    assert_eq!(program.status("/livez").await, Some(200));
    let url = format!("ws://{}/ws?version=0", program.address);
    match soon("a refusal", tokio_tungstenite::connect_async(url)).await {
        Err(tokio_tungstenite::tungstenite::Error::Http(refused)) => {
            assert_eq!(refused.status().as_u16(), 503);
            assert!(refused.headers().contains_key("retry-after"));
        }
        other => panic!("it was let in: {other:?}"),
    }
    program.signal("-INT").await;
    assert_eq!(program.ended().await, Some(0));
    drop(deaf);
}

#[tokio::test]
async fn clients_that_never_answer_do_not_keep_it_from_ending() {
    let shop = FakeShop::start().await;
    let program = Program::start(&shop).await;
    let client = program.join().await;
    program.signal("-TERM").await;
    // It reads nothing, so the close frame is never answered.
    assert_eq!(program.ended().await, Some(0));
    drop(client);
}

#[tokio::test]
async fn the_command_line_makes_an_administrator_and_says_what_it_needs() {
    let folder = tempfile::tempdir().expect("a folder");
    let create = |mail: &'static str, password: Option<&'static str>, typed: &'static str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pulso"));
        let url = format!("sqlite://{}", folder.path().join("shop.db").display());
        command.env_clear().env("DATABASE_URL", url).args(["admin", "create", "--email", mail]);
        command.envs(password.map(|password| ("ADMIN_PASSWORD", password)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        async move {
            let mut child = command.spawn().expect("the program starts");
            let mut stdin = child.stdin.take().expect("its input");
            // Whoever has the password already does not read.
            let _ = stdin.write_all(typed.as_bytes()).await;
            drop(stdin);
            let output = soon("its end", child.wait_with_output()).await.expect("an output");
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
            (output.status.code(), text(output.stdout) + &text(output.stderr))
        }
    };
    let (code, told) = create("ana@taller.ec", Some("secreto1"), "").await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("ana@taller.ec administers the shop"), "{told}");
    let (code, told) = create("Luis@taller.ec", None, "secreto2\n").await;
    assert_eq!(code, Some(0), "{told}");
    for (mail, typed, expected) in [
        ("ana@taller.ec", "secreto3", "ana@taller.ec already belongs to someone"),
        ("nobody", "secreto3", "'nobody' is no mail address"),
        ("eva@taller.ec", "short", "needs 6 characters or more"),
    ] {
        let (code, told) = create(mail, None, typed).await;
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains(expected) && !told.contains(typed), "{told}");
    }
}
