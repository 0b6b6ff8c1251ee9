//! The real nginx with deploy/nginx.conf, before the real program.

use crate::program::Program;
use crate::support::{soon, until};
use reqwest::StatusCode;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::process::{Child, Command};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const SECRET: &str = "a key of thirty-two bytes or more";

struct Nginx {
    address: SocketAddr,
    folder: TempDir,
    _child: Child,
}

impl Nginx {
    async fn before(server: &str) -> Nginx {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().to_str().expect("a path");
        // Free a moment ago, and most likely still.
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let ours = include_str!("../../../deploy/nginx.conf");
        let mut changed = ours.to_owned();
        for (from, to) in [
            ("server 127.0.0.1:8081;", format!("server {server};")),
            ("listen 80;", format!("listen {address};")),
            ("root /srv/pulso/web;", format!("root {place}/web;")),
            ("/var/log/nginx/pulso.log", format!("{place}/access.log")),
        ] {
            assert_eq!(ours.matches(from).count(), 1, "deploy/nginx.conf has one '{from}'");
            changed = changed.replace(from, &to);
        }
        let web = folder.path().join("web");
        std::fs::create_dir(&web).expect("a folder");
        std::fs::write(web.join("frontend-0123456789abcdef.js"), "// a file").expect("a file");
        std::fs::write(folder.path().join("site.conf"), changed).expect("a file");
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {place}/{kind};\n"))
            .concat();
        let whole = format!(
            "daemon off;\npid {place}/pid;\nerror_log {place}/error.log;\nworker_processes 1;\n\
             events {{}}\nhttp {{\n{temporary}include {place}/site.conf;\n}}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, whole).expect("a file");
        let child = Command::new(program())
            .args(["-e", &format!("{place}/start.log"), "-p", place, "-c"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("nginx runs");
        let nginx = Nginx { address, folder, _child: child };
        until("nginx", async || reqwest::get(nginx.url("/health")).await.is_ok()).await;
        nginx
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The status of a handshake by someone at this address; a socket that was opened stays so.
    async fn join(
        &self,
        from: Ipv4Addr,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Socket, u16> {
        let mut request =
            format!("ws://{}/ws{query}", self.address).into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((from, 0).into()).expect("an address of this machine");
        let stream = soon("a connection", socket.connect(self.address)).await.expect("a connection");
        match soon("a handshake", tokio_tungstenite::client_async(request, stream)).await {
            Ok((socket, _)) => Ok(socket),
            Err(tokio_tungstenite::tungstenite::Error::Http(refused)) => Err(refused.status().as_u16()),
            Err(error) => panic!("no handshake: {error}"),
        }
    }

    /// Everything that it wrote down.
    fn logs(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        ["access.log", "error.log", "start.log"].map(read).concat()
    }
}

type Socket = tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>;

fn program() -> &'static str {
    let places =
        ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/local/bin/nginx", "/opt/homebrew/bin/nginx"];
    let found = places.into_iter().find(|place| Path::new(place).exists());
    found.expect("nginx is missing; scripts/setup.sh installs it (on Debian: sudo apt-get install nginx)")
}

fn token() -> String {
    let lifetime = Duration::from_secs(60);
    shop::Tokens::new(SECRET.as_bytes()).issue("someone", "x@y.ec", shop::Role::Admin, lifetime)
}

const ONE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

#[tokio::test]
async fn whoever_comes_through_nginx_is_a_stranger_counted_by_the_own_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = format!("sqlite://{}", folder.path().join("shop.db").display());
    let server = Program::run(&[
        ("DATABASE_URL", &database),
        ("JWT_SECRET", SECRET),
        ("PULSO_CLIENTS_PER_ADDRESS", "1"),
        ("RUST_LOG", "trace"),
    ])
    .await;
    let nginx = Nginx::before(&server.address).await;
    let http = reqwest::Client::new();

    let notified = http.post(nginx.url("/notify")).body("{}").send().await.expect("an answer");
    assert_eq!(notified.status(), StatusCode::NOT_FOUND);
    let own =
        http.post(format!("http://{}/notify", server.address)).body("{}").send().await.expect("an answer");
    assert_eq!(own.status(), StatusCode::OK, "this machine itself may");

    let (first, second) = (token(), token());
    let query = format!("?version=0&token={first}");
    let offered = format!("pulso.v1, bearer.{second}");
    assert_eq!(nginx.join(ONE, "?version=0", &[]).await.err(), Some(401));
    let mut socket = nginx.join(ONE, &query, &[]).await.expect("room for one");
    let frame = soon("a frame", futures_util::StreamExt::next(&mut socket)).await;
    assert!(frame.expect("the socket is open").expect("a frame").is_text());
    assert_eq!(nginx.join(ONE, &query, &[]).await.err(), Some(503), "one for each address");
    let spoofed = [("x-forwarded-for", "192.0.2.9"), ("forwarded", "for=192.0.2.9")];
    assert_eq!(nginx.join(ONE, &query, &spoofed).await.err(), Some(503), "whatever it says of itself");
    let protocol = [("sec-websocket-protocol", offered.as_str())];
    let _other = nginx.join(OTHER, "?version=0", &protocol).await.expect("room for another");

    // A token that someone put where it does not belong, and requests of which nginx writes errors.
    let asked = http
        .get(nginx.url(&format!("/health?token={first}")))
        .header("referer", format!("http://x/?token={first}"));
    let answer = asked.send().await.expect("an answer");
    let id = answer.headers()["x-request-id"].to_str().expect("a text").to_owned();
    assert_eq!(answer.headers().get_all("x-request-id").iter().count(), 1);
    drop(socket);
    let log = server.end().await;
    assert_eq!(nginx.join(ONE, &query, &[]).await.err(), Some(502), "nobody is there any more");
    for (whose, log) in [("nginx", nginx.logs()), ("Pulso", log)] {
        assert!(log.contains(&id), "{whose} names the request");
        for secret in [&first, &second] {
            let signature = secret.rsplit('.').next().expect("a signature");
            assert!(!log.contains(signature), "{whose} wrote a token down: {}", around(&log, signature));
        }
    }
}

/// The lines of a log that have something in them.
fn around<'a>(log: &'a str, what: &str) -> &'a str {
    log.lines().find(|line| line.contains(what)).unwrap_or_default()
}

#[tokio::test]
async fn without_a_key_nobody_looks_through_nginx() {
    let shop = crate::support::FakeShop::start().await;
    let server = Program::run(&[("REST_API_URL", &shop.url())]).await;
    let nginx = Nginx::before(&server.address).await;
    let path = shared::Metric::OrdersOverview.path();
    let direct = reqwest::get(format!("http://{}{path}", server.address)).await.expect("an answer");
    assert_eq!(direct.status(), 200, "this machine");
    let through = reqwest::get(nginx.url(path)).await.expect("an answer");
    assert_eq!(through.status(), 401, "somebody, says nginx");
    assert_eq!(nginx.join(Ipv4Addr::LOCALHOST, "?version=0", &[]).await.err(), Some(401));
}

#[tokio::test]
async fn files_of_nginx_and_answers_of_pulso_tell_browsers_the_same() {
    let shop = crate::support::FakeShop::start().await;
    let server = Program::run(&[("REST_API_URL", &shop.url())]).await;
    let nginx = Nginx::before(&server.address).await;
    let file = reqwest::get(nginx.url("/frontend-0123456789abcdef.js")).await.expect("an answer");
    let answer = reqwest::get(nginx.url("/health")).await.expect("an answer");
    assert_eq!(file.headers()["content-type"], "text/javascript");
    for name in [
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
        "cross-origin-resource-policy",
    ] {
        let values = |response: &reqwest::Response| -> Vec<_> {
            response.headers().get_all(name).iter().cloned().collect()
        };
        assert_eq!(values(&file), values(&answer), "{name}");
        assert_eq!(values(&file).len(), 1, "{name}");
    }
    assert!(file.headers().get("strict-transport-security").is_none(), "no TLS here");
    let missing = reqwest::get(nginx.url("/frontend-fedcba9876543210.js")).await.expect("an answer");
    assert_eq!(
        (missing.status().as_u16(), missing.headers().contains_key("x-request-id")),
        (404, true),
        "asked of Pulso"
    );
}

/// nginx itself ends what its client does not bring to an end; here only that a large head does not reach us.
#[tokio::test]
async fn a_head_that_nginx_refuses_is_not_passed_on() {
    let server = Program::run(&[("REST_API_URL", "http://127.0.0.1:9")]).await;
    let nginx = Nginx::before(&server.address).await;
    let mut client = tokio::net::TcpStream::connect(nginx.address).await.expect("a connection");
    let token = "secret".repeat(10_000);
    let _ = client.write_all(format!("GET /ws?token={token} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await;
    let mut answer = [0; 12];
    soon("an answer", client.read_exact(&mut answer)).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 414");
    assert!(!nginx.logs().contains("secretsecret"), "{}", around(&nginx.logs(), "secretsecret"));
}
