//! What a request may take of us, asked by a client that speaks TCP and no HTTP library.

use crate::support::{FakeShop, Server, soon, until};
use shared::Metric;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Raw(TcpStream);

impl Raw {
    async fn new(server: &Server) -> Raw {
        Raw(TcpStream::connect(server.address).await.expect("a connection"))
    }

    /// The server may hang up before it has heard everything.
    async fn say(&mut self, text: &str) {
        let _ = self.0.write_all(text.as_bytes()).await;
    }

    async fn status(&mut self) -> u16 {
        let mut answer = [0; 12];
        soon("an answer", self.0.read_exact(&mut answer)).await.expect("an answer");
        let line = std::str::from_utf8(&answer).expect("a text");
        line.strip_prefix("HTTP/1.1 ").expect("HTTP").parse().expect("a status")
    }
}

async fn status(server: &Server, text: &str) -> u16 {
    let mut raw = Raw::new(server).await;
    raw.say(text).await;
    raw.status().await
}

/// In front of a backend, and with the shop in this process.
async fn both_modes(folder: &tempfile::TempDir, shop: &FakeShop) -> [Server; 2] {
    let database = format!("sqlite://{}", folder.path().join("shop.db").display());
    let embedded = ["--database-url", &database, "--reconcile-secs", "86400"];
    let servers =
        [Server::before_with(shop, &["--reconcile-secs", "86400"]).await, Server::start(&embedded).await];
    for server in &servers {
        until("readiness", async || server.get("/readyz").await.status() == 200).await;
    }
    servers
}

fn routes() -> [(&'static str, &'static str); 5] {
    let stat = Metric::OrdersOverview.path();
    [("POST", "/notify"), ("POST", "/auth/login"), ("GET", stat), ("GET", "/ws"), ("GET", "/")]
}

#[tokio::test]
async fn a_url_or_a_head_that_is_too_long_is_refused_on_every_route() {
    let (folder, shop) = (tempfile::tempdir().expect("a folder"), FakeShop::start().await);
    for server in both_modes(&folder, &shop).await {
        for (method, path) in routes() {
            let long = "x".repeat(8 * 1024);
            let head = format!("{method} {path}?token={long} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            assert_eq!(status(&server, &head).await, 414, "{path}");
            let head =
                format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-A: {}\r\n\r\n", long.repeat(4));
            assert_eq!(status(&server, &head).await, 431, "{path}");
            let many = "X-A: b\r\n".repeat(101);
            let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{many}\r\n");
            assert_eq!(status(&server, &head).await, 431, "{path}");
        }
    }
    assert!(shop.asked().iter().all(|asked| asked.path != "/auth/login"), "nothing of that was passed on");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_whether_it_says_so_or_not() {
    let (folder, shop) = (tempfile::tempdir().expect("a folder"), FakeShop::start().await);
    for server in both_modes(&folder, &shop).await {
        for path in ["/notify", "/auth/login", "/auth/register"] {
            let announced = format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9999999\r\n\r\n{{"
            );
            assert_eq!(status(&server, &announced).await, 413, "{path}");
            let mut raw = Raw::new(&server).await;
            raw.say(&format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")).await;
            let piece = format!("{:x}\r\n{}\r\n", 64 * 1024, "[".repeat(64 * 1024));
            let (mut reading, mut writing) = raw.0.into_split();
            // It is sent for as long as somebody listens.
            let sending =
                tokio::spawn(async move { while writing.write_all(piece.as_bytes()).await.is_ok() {} });
            let mut answer = [0; 12];
            soon("an answer", reading.read_exact(&mut answer)).await.expect("an answer");
            assert_eq!(&answer, b"HTTP/1.1 413", "{path}");
            drop(reading);
            soon("the end", sending).await.expect("no panic");
        }
    }
}

/// The clock is made to run ahead once everything waits for the body.
#[tokio::test]
async fn a_body_that_trickles_is_not_waited_for() {
    let (folder, shop) = (tempfile::tempdir().expect("a folder"), FakeShop::start().await);
    for server in both_modes(&folder, &shop).await {
        for path in ["/notify", "/auth/login"] {
            let mut raw = Raw::new(&server).await;
            raw.say(&format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{"
            ))
            .await;
            let (mut reading, mut writing) = raw.0.into_split();
            tokio::time::pause();
            let began = tokio::time::Instant::now();
            // A byte now and then, so that no wait for the next one is ever long.
            let trickle = async {
                loop {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    let _ = writing.write_all(b" ").await;
                }
            };
            let mut answer = Vec::new();
            tokio::select! {
                read = reading.read_to_end(&mut answer) => { read.expect("no reset"); }
                () = trickle => unreachable!("it never ends"),
            }
            let took = began.elapsed();
            tokio::time::resume();
            let answer = String::from_utf8(answer).expect("a text");
            assert!(
                answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"statusCode\":408"),
                "{path}: {answer}"
            );
            assert!(took <= Duration::from_secs(60), "{path}: {took:?}");
        }
        // A route that wants no body does not wait for one.
        let stat = format!(
            "GET {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{{",
            Metric::OrdersOverview.path()
        );
        assert!(matches!(status(&server, &stat).await, 200 | 401));
    }
}
