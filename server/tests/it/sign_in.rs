//! Signing in, staying signed in and signing out, as a browser does it; and what the program says about it.

use crate::support::{Server, soon};
use reqwest::{Response, StatusCode, header};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const ADMIN: [&str; 4] = ["--admin-email", "ana@taller.ec", "--admin-password", "secreto"];

fn database(folder: &tempfile::TempDir) -> String {
    format!("sqlite://{}", folder.path().join("shop.db").display())
}

async fn post(url: &str, cookie: &str, body: Value) -> Response {
    let request = reqwest::Client::new().post(url).header(header::COOKIE, cookie).json(&body);
    soon("an answer", request.send()).await.expect("an answer")
}

/// As the next request sends it.
fn cookie(answer: &Response) -> String {
    let set = answer.headers()[header::SET_COOKIE].to_str().expect("a text");
    set.split(';').next().expect("a pair").to_owned()
}

async fn token(answer: Response) -> String {
    assert_eq!(answer.status(), StatusCode::OK);
    let body: Value = answer.json().await.expect("JSON");
    body["access_token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn a_browser_stays_signed_in_until_it_signs_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = database(&folder);
    let server =
        Server::start(&[&["--database-url", &url, "--access-token-secs", "60"], &ADMIN[..]].concat()).await;
    let credentials = json!({"email": "ana@taller.ec", "password": "secreto"});
    let signed_in = post(&server.url("/auth/login"), "", credentials).await;
    let set = signed_in.headers()[header::SET_COOKIE].to_str().expect("a text").to_owned();
    let (pair, attributes) = set.split_once("; ").expect("attributes");
    assert!(pair.starts_with("pulso-refresh=") && pair.len() > 70, "a sign-in and 256 bits");
    assert_eq!(attributes, "Path=/auth; Max-Age=2592000; HttpOnly; SameSite=Strict");
    let first = pair.to_owned();
    token(signed_in).await;

    let refreshed = post(&server.url("/auth/refresh"), &first, Value::Null).await;
    let second = cookie(&refreshed);
    assert_ne!(second, first);
    let token = token(refreshed).await;
    let _live = server.join(&format!("?version=0&token={token}")).await;

    let out = post(&server.url("/auth/logout"), &second, Value::Null).await;
    assert_eq!((out.status(), cookie(&out).as_str()), (StatusCode::NO_CONTENT, "pulso-refresh="));
    let over = post(&server.url("/auth/refresh"), &second, Value::Null).await;
    assert_eq!((over.status(), cookie(&over).as_str()), (StatusCode::UNAUTHORIZED, "pulso-refresh="));
    let expected = json!({"message": "Unauthorized", "statusCode": 401});
    assert_eq!(over.json::<Value>().await.expect("JSON"), expected);
}

#[tokio::test]
async fn the_page_knows_whether_it_may_offer_an_account() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = database(&folder);
    let offers = async |flags: &[&str]| {
        let server = Server::start(&[&["--database-url", &url], flags].concat()).await;
        let config = server.json("/config.json").await;
        let features = config["features"].as_array().expect("a list").clone();
        let person = json!({"name": "Eva", "email": "eva@x.co", "password": "secreto"});
        let status = post(&server.url("/auth/register"), "", person).await.status();
        assert!(features.contains(&json!("refresh")));
        (features.contains(&json!("register")), status)
    };
    assert_eq!(offers(&["--registration", "closed"]).await, (false, StatusCode::FORBIDDEN));
    assert_eq!(offers(&[]).await, (true, StatusCode::CREATED));
}

#[tokio::test]
async fn whoever_guesses_is_told_when_to_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = database(&folder);
    let server = Server::start(&[&["--database-url", &url], &ADMIN[..]].concat()).await;
    let wrong = json!({"email": "ana@taller.ec", "password": "geheim"});
    for _ in 0..10 {
        assert_eq!(
            post(&server.url("/auth/login"), "", wrong.clone()).await.status(),
            StatusCode::UNAUTHORIZED
        );
    }
    let refused = post(&server.url("/auth/login"), "", wrong).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds = refused.headers()[header::RETRY_AFTER].to_str().expect("a text").parse::<u32>();
    assert!((1..=60).contains(&seconds.expect("a number")));
    // Another address that the proxy on this machine names.
    let body = json!({"email": "luis@taller.ec", "password": "geheim"});
    let elsewhere =
        server.http.post(server.url("/auth/login")).header("x-forwarded-for", "10.0.0.9").json(&body);
    assert_eq!(elsewhere.send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
}

/// The program; what it greeted whoever started it with; and its log in a file.
struct Program {
    child: Child,
    greeting: Vec<String>,
    _stdout: Lines<BufReader<ChildStdout>>,
}

async fn started(folder: &Path, settings: &[(&str, &str)]) -> Program {
    let log = std::fs::File::create(folder.join("log")).expect("a file");
    let mut child = Command::new(env!("CARGO_BIN_EXE_pulso"))
        .env_clear()
        .env("DATABASE_URL", format!("sqlite://{}", folder.join("shop.db").display()))
        .env("PULSO_LISTEN", "127.0.0.1:0")
        .env("RUST_LOG", "trace")
        .envs(settings.iter().copied())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut greeting: Vec<String> = Vec::new();
    // It stands between two empty lines.
    while greeting.len() < 2 || greeting.last().is_some_and(|line| !line.is_empty()) {
        greeting.push(soon("a greeting", lines.next_line()).await.expect("a line").expect("a greeting"));
    }
    Program { child, greeting, _stdout: lines }
}

#[tokio::test]
async fn the_demo_prints_a_link_that_signs_in_once_and_no_log_tells_a_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut program = started(folder.path(), &[("PULSO_DEMO", "1")]).await;
    let line = program.greeting.iter().find(|line| line.contains("?sign-in=")).expect("a link").clone();
    let (before, after) = line.split_once("/?sign-in=").expect("a link");
    let base = &before[before.find("http://").expect("an address")..];
    let code = after.split_whitespace().next().expect("a code");

    // As the browser opens it, whether or not a page is built in.
    reqwest::get(format!("{base}/?sign-in={code}")).await.expect("an answer");
    let url = format!("{base}/auth/link");
    let proxied =
        reqwest::Client::new().post(&url).header("x-forwarded-for", "127.0.0.1").json(&json!({"code": code}));
    let proxied = proxied.send().await.expect("an answer");
    assert_eq!(proxied.status(), StatusCode::UNAUTHORIZED, "a proxy stands in between");
    let signed_in = post(&url, "", json!({"code": code})).await;
    let first = cookie(&signed_in);
    let access = token(signed_in).await;
    let stats =
        reqwest::Client::new().get(format!("{base}/repair-orders/stats/overview")).bearer_auth(&access);
    assert_eq!(stats.send().await.expect("an answer").status(), StatusCode::OK);
    assert_eq!(post(&url, "", json!({"code": code})).await.status(), StatusCode::UNAUTHORIZED);

    let refreshed = post(&format!("{base}/auth/refresh"), &first, Value::Null).await;
    let second = cookie(&refreshed);
    let next = token(refreshed).await;
    let third = cookie(&post(&format!("{base}/auth/refresh"), &second, Value::Null).await);
    let reused = post(&format!("{base}/auth/refresh"), &first, Value::Null).await;
    assert_eq!(reused.status(), StatusCode::UNAUTHORIZED);
    let credentials = json!({"email": "admin@pulso.demo", "password": "pulso-demo"});
    let by_password = token(post(&format!("{base}/auth/login"), "", credentials).await).await;

    program.child.kill().await.expect("it runs");
    let log = std::fs::read_to_string(folder.path().join("log")).expect("a log");
    assert!(log.contains("an old refresh token was used again"), "{log:.2000}");
    let secret = |cookie: &str| cookie.split_once('.').expect("a secret").1.to_owned();
    let signature = |token: &str| token.rsplit('.').next().expect("a signature").to_owned();
    for (what, secret) in [
        ("the code", code.to_owned()),
        ("a refresh token", secret(&first)),
        ("a refresh token", secret(&second)),
        ("a refresh token", secret(&third)),
        ("a token", signature(&access)),
        ("a token", signature(&next)),
        ("a token", signature(&by_password)),
        ("a password", "pulso-demo\"".to_owned()),
        ("a mail address", "admin@pulso.demo".to_owned()),
    ] {
        let found = log.lines().find(|line| line.contains(&secret));
        assert_eq!(found, None, "{what} is in the log");
    }
}

#[tokio::test]
async fn a_shop_without_an_administrator_says_how_one_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let says = |program: &Program, what: &str| program.greeting.iter().any(|line| line.contains(what));
    let without = started(folder.path(), &[]).await;
    assert!(says(&without, "pulso admin create --email"), "{:?}", without.greeting);
    assert!(!says(&without, "?sign-in="), "a shop of one's own has no link");
    let settings = [("ADMIN_EMAIL", "ana@taller.ec"), ("ADMIN_PASSWORD", "secreto")];
    let with = started(folder.path(), &settings).await;
    assert!(!says(&with, "admin create"), "{:?}", with.greeting);
}
