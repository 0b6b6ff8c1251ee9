//! What the program never says, however much it is asked to say.

use crate::program::Program;
use crate::support::{Client, FakeShop, soon};
use serde_json::{Value, json};
use shop::{Role, Tokens};
use std::time::Duration;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

const SECRET: &str = "a-key-of-thirty-two-bytes-or-more";
const NOTIFY: &str = "the-token-of-notify";
const PASSWORD: &str = "the-password-of-ana";
const MAIL: &str = "ana-who-is-secret@taller.ec";

async fn join(program: &Program, query: &str, protocol: Option<&str>) -> Client {
    let mut request = format!("ws://{}/ws{query}", program.address).into_client_request().expect("a request");
    if let Some(protocol) = protocol {
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().expect("a header"));
    }
    let (socket, _) = soon("a handshake", tokio_tungstenite::connect_async(request)).await.expect("a socket");
    let mut client = Client { socket, protocol: None };
    client.next().await;
    client
}

/// Of a token only its signature is secret; the rest says who and until when, and may be written in other ways.
fn signature(token: &str) -> String {
    token.rsplit('.').next().expect("a signature").to_owned()
}

/// Uses every secret that the server takes, rightly and wrongly, and gives back those that were not settings.
async fn use_secrets(program: &Program, issue: &dyn Fn() -> String) -> Vec<String> {
    let http = reqwest::Client::new();
    let (query, offered, renewed, header) = (issue(), issue(), issue(), issue());
    let mut first = join(program, &format!("?version=0&token={query}"), None).await;
    let protocol = format!("pulso.v1, bearer.{offered}");
    join(program, "?version=0", Some(&protocol)).await;
    let auth = |token: &str| Message::text(json!({"type": "auth", "token": token}).to_string());
    first.send(auth(&renewed)).await;
    assert_eq!(first.next().await["event"], "AUTH");
    let wrong = Tokens::new(&[7; 32]).issue("x", MAIL, Role::Admin, Duration::from_secs(60));
    first.send(auth(&wrong)).await;
    assert_eq!(first.closed().await, 4401);
    for token in [&header, &wrong] {
        let path = shared::Metric::OrdersOverview.path();
        http.get(program.url(path)).bearer_auth(token).send().await.expect("an answer");
        http.get(program.url(&format!("{path}?token={token}"))).send().await.expect("an answer");
        http.get(program.url(&format!("/ws?token={token}"))).send().await.expect("an answer");
    }
    for token in [NOTIFY, "a-wrong-token-of-notify"] {
        http.post(program.url("/notify")).bearer_auth(token).body("{}").send().await.expect("an answer");
    }
    http.post(program.url("/notify"))
        .bearer_auth(NOTIFY)
        .body("a-body-that-is-no-json")
        .send()
        .await
        .expect("an answer");
    let plain = ["a-wrong-token-of-notify", "a-body-that-is-no-json"].map(str::to_owned);
    [query, offered, renewed, header, wrong].iter().map(|token| signature(token)).chain(plain).collect()
}

async fn check(program: Program, secrets: &[String]) {
    let said = program.end().await;
    assert!(said.contains("DEBUG"), "it was asked for everything");
    for secret in secrets.iter().map(String::as_str).chain([SECRET, NOTIFY, PASSWORD, MAIL]) {
        let line = said.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "'{secret}' was said");
    }
}

#[tokio::test]
async fn no_secret_is_said_while_signing_in_looking_and_notifying() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = format!("sqlite://{}", folder.path().join("shop.db").display());
    let program = Program::run(&[
        ("RUST_LOG", "trace"),
        ("DATABASE_URL", &database),
        ("JWT_SECRET", SECRET),
        ("NOTIFY_TOKEN", NOTIFY),
        ("ADMIN_EMAIL", MAIL),
        ("ADMIN_PASSWORD", PASSWORD),
    ])
    .await;
    let http = reqwest::Client::new();
    let mut secrets = Vec::new();
    for (password, status) in [(PASSWORD, 200), ("a-wrong-password", 401)] {
        let body = json!({"email": MAIL, "password": password});
        let answer = http.post(program.url("/auth/login")).json(&body).send().await.expect("an answer");
        assert_eq!(answer.status(), status);
        let body: Value = answer.json().await.expect("JSON");
        secrets.extend(body["access_token"].as_str().map(signature));
        secrets.push(password.to_owned());
    }
    let odd = r#"{"email":"ana-who-is-secret@taller.ec","password":"the-password-of-ana""#;
    let request = http.post(program.url("/auth/login")).header("content-type", "application/json").body(odd);
    assert_eq!(request.send().await.expect("an answer").status(), 400);
    let tokens = Tokens::new(SECRET.as_bytes());
    let issue = || tokens.issue("ana", MAIL, Role::Admin, Duration::from_secs(60));
    secrets.extend(use_secrets(&program, &issue).await);
    secrets.extend(use_a_screen(&program, &issue()).await);
    check(program, &secrets).await;
}

/// Pairs a screen and lets it look; its secret and its token.
async fn use_a_screen(program: &Program, admin: &str) -> [String; 2] {
    let http = reqwest::Client::new();
    let post = async |path: &str, body: Value| -> Value {
        let request = http.post(program.url(path)).bearer_auth(admin).json(&body);
        let answer = soon("an answer", request.send()).await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_str(&answer.text().await.expect("a text")).unwrap_or_default()
    };
    let paired = post("/screens/pair", json!({})).await;
    let secret = paired["secret"].as_str().expect("a secret").to_owned();
    post("/screens/approve", json!({"code": paired["code"], "name": "Pared"})).await;
    let token = post("/screens/token", json!({"secret": secret})).await;
    let token = token["access_token"].as_str().expect("a token").to_owned();
    join(program, &format!("?version=0&token={token}"), None).await;
    [secret, signature(&token)]
}

#[tokio::test]
async fn no_secret_is_said_in_front_of_a_backend() {
    let shop = FakeShop::start().await;
    shop.reply("/auth/login", 200, "application/json", r#"{"access_token":"an.answered.token-of-ana"}"#);
    let program = Program::run(&[
        ("RUST_LOG", "trace"),
        ("REST_API_URL", &shop.url()),
        ("REST_API_TOKEN", "the-token-of-the-backend"),
        ("JWT_SECRET", SECRET),
        ("NOTIFY_TOKEN", NOTIFY),
    ])
    .await;
    let body = json!({"email": MAIL, "password": PASSWORD});
    let answer =
        reqwest::Client::new().post(program.url("/auth/login")).json(&body).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let tokens = Tokens::new(SECRET.as_bytes());
    let issue = || tokens.issue("ana", MAIL, Role::Admin, Duration::from_secs(60));
    let mut secrets = use_secrets(&program, &issue).await;
    secrets.extend(["token-of-ana", "the-token-of-the-backend"].map(str::to_owned));
    check(program, &secrets).await;
}

#[tokio::test]
async fn a_backend_that_cannot_be_reached_is_logged_without_what_was_asked_of_it() {
    let shop = FakeShop::start().await;
    shop.stop().await;
    let program = Program::run(&[("RUST_LOG", "debug"), ("REST_API_URL", &shop.url())]).await;
    assert_eq!(program.status("/users?token=the-token-in-a-query").await, Some(502));
    let said = program.end().await;
    assert!(said.contains("could not pass a request on"), "{said}");
    let line = said.lines().find(|line| line.contains("the-token-in-a-query"));
    assert_eq!(line, None);
}

#[tokio::test]
async fn the_greeting_names_the_backend_without_its_password() {
    let shop = FakeShop::start().await;
    let url = format!("http://the-user-of-the-backend:the-password-of-the-backend@{}", shop.address);
    let program = Program::run(&[("RUST_LOG", "debug"), ("REST_API_URL", &url)]).await;
    let said = program.end().await;
    assert!(said.contains(&format!("@{}", shop.address)), "{said}");
    for secret in ["the-password-of-the-backend", "the-user-of-the-backend"] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[tokio::test]
async fn help_and_complaints_show_no_secret() {
    for arguments in [
        &["--help"][..],
        &["--clients", "0"],
        &["--demo", "--rest-api-url", "http://x"],
        &["--rest-api-url", "ftp://u:the-password-of-the-backend@h"],
        &["--jwks-url", "u:the-password-of-the-backend@h"],
    ] {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_pulso"))
            .env_clear()
            .envs([
                ("JWT_SECRET", SECRET),
                ("NOTIFY_TOKEN", NOTIFY),
                ("REST_API_TOKEN", "the-token-of-the-backend"),
            ])
            .envs([("ADMIN_EMAIL", MAIL), ("ADMIN_PASSWORD", PASSWORD)])
            .envs([("DATABASE_URL", "postgres://u:the-password-of-the-database@h/d")])
            .envs([("REST_API_URL", "http://u:the-password-of-the-backend@h")])
            .args(arguments)
            .output()
            .await
            .expect("it runs");
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!said.is_empty());
        let of_others =
            ["the-token-of-the-backend", "the-password-of-the-database", "the-password-of-the-backend"];
        for secret in [SECRET, NOTIFY, PASSWORD].into_iter().chain(of_others) {
            assert!(!said.contains(secret), "{arguments:?} shows {secret}: {said}");
        }
    }
}
