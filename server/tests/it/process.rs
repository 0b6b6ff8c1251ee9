//! The program itself: what signals do to it, and with what it ends.

use crate::program::Program;
use crate::support::{FakeShop, soon, until};
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::process::Command;

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
