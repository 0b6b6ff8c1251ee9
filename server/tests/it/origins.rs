//! Web pages of elsewhere, and what every answer tells a browser.

use crate::program::Program;
use crate::support::{FakeShop, Server, soon};
use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use shared::Metric;
use std::time::Duration;

async fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = server.http.request(method.parse().expect("a method"), server.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    soon("an answer", request.send()).await.expect("an answer")
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().expect("a text"))
}

/// What the backend heard of the last request that was passed on.
fn heard(shop: &FakeShop) -> HeaderMap {
    let asked = shop.asked().into_iter().rev().find(|asked| asked.path == "/users");
    asked.expect("it was passed on").headers
}

const LISTED: [&str; 2] = ["--allowed-origins", "https://panel.ec"];

#[tokio::test]
async fn a_page_of_elsewhere_can_neither_read_nor_write() {
    let shop = FakeShop::start().await;
    shop.reply("/users", 201, "application/json", "{}");
    let server = Server::before_with(&shop, &LISTED).await;
    let stat = Metric::OrdersOverview.path();
    for (origin, allowed) in [
        ("https://evil.example", false),
        ("null", false),
        ("https://panel.ec.evil.example", false),
        ("http://panel.ec", false),
        ("https://panel.ec", true),
        ("http://localhost:5173", true),
        (server.url("").trim_end_matches('/'), true),
    ] {
        let read = ask(&server, "GET", stat, &[("origin", origin)]).await;
        assert_eq!(read.status(), 200, "{origin}");
        assert_eq!(header(&read, "access-control-allow-origin"), allowed.then_some(origin), "{origin}");
        for method in ["POST", "PATCH", "DELETE", "PUT"] {
            let written = || shop.asked().iter().filter(|asked| asked.path == "/users").count();
            let before = written();
            let write = ask(&server, method, "/users", &[("origin", origin)]).await;
            assert_eq!(write.status() != 403, allowed, "{method} from {origin}");
            assert_eq!(written() > before, allowed, "{method} from {origin} reached the shop");
        }
        let notified = ask(&server, "POST", "/notify", &[("origin", origin)]).await;
        assert_eq!(notified.status() != 403, allowed, "{origin}");
        let joined = server.try_join("?version=0", &[("origin", origin)]).await.map(|_| ());
        assert_eq!(joined, if allowed { Ok(()) } else { Err(403) }, "{origin}");
    }
    let refused = ask(&server, "POST", "/users", &[("origin", "https://evil.example")]).await;
    assert_eq!(refused.json::<Value>().await.expect("JSON")["statusCode"], 403);
}

#[tokio::test]
async fn a_refused_handshake_has_a_body_and_no_socket() {
    let shop = FakeShop::start().await;
    let secret = "a key of thirty-two bytes or more";
    let server = Server::before_with(&shop, &["--jwt-secret", secret]).await;
    let tokens = shop::Tokens::new(secret.as_bytes());
    let of = |role| format!("Bearer {}", tokens.issue("7", "x@y.ec", role, Duration::from_secs(60)));
    let (admin, technician) = (of(shop::Role::Admin), of(shop::Role::Technician));
    let check = async |headers: &[(&str, &str)], expected: Value| {
        let handshake = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let answer = ask(&server, "GET", "/ws?version=0", &[&handshake[..], headers].concat()).await;
        assert_eq!(answer.status(), expected["statusCode"].as_u64().expect("a status") as u16, "{headers:?}");
        assert_eq!(answer.json::<Value>().await.expect("JSON"), expected);
    };
    let unauthorized = json!({"message": "Unauthorized", "statusCode": 401});
    let forbidden = json!({"message": "Forbidden resource", "error": "Forbidden", "statusCode": 403});
    check(&[], unauthorized.clone()).await;
    check(&[("authorization", "Bearer x.y.z")], unauthorized).await;
    check(&[("authorization", &technician)], forbidden.clone()).await;
    check(&[("authorization", &admin), ("origin", "https://evil.example")], forbidden).await;
}

#[tokio::test]
async fn the_log_says_which_page_was_refused_and_which_would_not_be() {
    let shop = FakeShop::start().await;
    let program =
        Program::run(&[("REST_API_URL", &shop.url()), ("ALLOWED_ORIGINS", "https://panel.ec")]).await;
    let http = reqwest::Client::new();
    let written = http.post(program.url("/users")).header("origin", "https://evil.example").send().await;
    assert_eq!(written.expect("an answer").status(), 403);
    let expected = format!(
        "origin https://evil.example refused: expected that of {}, one of ALLOWED_ORIGINS (https://panel.ec) or a loopback origin",
        program.address
    );
    let log = program.end().await;
    assert!(log.contains(&expected), "{log}");
}

#[tokio::test]
async fn cookies_go_only_to_pages_of_the_same_site() {
    let shop = FakeShop::start().await;
    let listed = ["--allowed-origins", "https://panel.ec,https://panel.taller.ec"];
    let server = Server::before_with(&shop, &listed).await;
    let secure = [("host", "taller.ec"), ("x-forwarded-proto", "https")];
    let plain = [("host", "localhost:8081")];
    let check = async |origin: &str, others: &[(&str, &str)], expected: bool| {
        let preflight = [("origin", origin), ("access-control-request-method", "POST")];
        for (method, headers) in [("GET", &[("origin", origin)][..]), ("OPTIONS", &preflight)] {
            let answer = ask(&server, method, "/health", &[headers, others].concat()).await;
            let credentials = header(&answer, "access-control-allow-credentials");
            assert_eq!(credentials, expected.then_some("true"), "{method} {origin} {others:?}");
        }
    };
    check("https://panel.taller.ec", &secure, true).await;
    check("https://taller.ec", &secure, true).await;
    check("https://panel.ec", &secure, false).await;
    check("https://evil.example", &secure, false).await;
    check("http://localhost:5173", &plain, true).await;
    check("http://127.0.0.1:5173", &plain, false).await;
}

#[tokio::test]
async fn every_answer_tells_browsers_what_they_may_do_with_it() {
    let shop = FakeShop::start().await;
    shop.reply("/users", 200, "application/json", "{}");
    let server = Server::before(&shop).await;
    for (method, path) in [
        ("GET", "/health"),
        ("GET", Metric::OrdersOverview.path()),
        ("GET", "/users"),
        ("GET", "/nope"),
        ("POST", "/notify"),
        ("GET", "/ws"),
        ("OPTIONS", "/health"),
    ] {
        let answer = ask(&server, method, path, &[]).await;
        assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(header(&answer, "referrer-policy"), Some("strict-origin"), "{path}");
        let policy = header(&answer, "content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(header(&answer, "strict-transport-security"), None, "{path}: nobody said TLS");
        assert!(header(&answer, "x-request-id").is_some_and(|id| id.len() == 16), "{path}");
    }
    let page = ask(&server, "GET", "/", &[("accept", "text/html"), ("x-forwarded-proto", "https")]).await;
    let policy = header(&page, "content-security-policy").expect("a policy");
    assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval'"), "{policy}");
    assert_eq!(header(&page, "strict-transport-security"), Some("max-age=31536000"));
}

#[tokio::test]
async fn a_request_has_one_name_on_its_whole_way() {
    let shop = FakeShop::start().await;
    shop.reply("/users", 200, "application/json", "{}");
    let server = Server::before(&shop).await;
    let asked = async |server: &Server, id: &str| {
        let answer = ask(server, "GET", "/users", &[("x-request-id", id)]).await;
        let behind = heard(&shop)["x-request-id"].clone();
        let told = header(&answer, "x-request-id").expect("an id").to_owned();
        assert_eq!(told, behind, "one name for both");
        told
    };
    assert_eq!(asked(&server, "proxy-1.a_B").await, "proxy-1.a_B");
    for odd in ["", "a b", "\"x\"", &"x".repeat(65)] {
        assert_eq!(asked(&server, odd).await.len(), 16, "{odd}");
    }
    let stranger = Server::before_with(&shop, &["--trusted-proxies", ""]).await;
    assert_eq!(asked(&stranger, "proxy-1").await.len(), 16, "nobody is believed");
}

#[tokio::test]
async fn the_backend_hears_who_asks_and_not_what_callers_say_of_themselves() {
    let shop = FakeShop::start().await;
    let server = Server::before_with(&shop, &["--trusted-proxies", "10.0.0.1"]).await;
    let said =
        [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1"), ("x-forwarded-proto", "https")];
    ask(&server, "GET", "/users", &said).await;
    let heard = heard(&shop);
    assert_eq!(heard["x-forwarded-for"], "127.0.0.1");
    assert_eq!(heard["x-forwarded-proto"], "http");
    assert!(!heard.contains_key("forwarded"));
}
