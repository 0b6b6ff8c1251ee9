//! In front of an existing backend: what is not ours is passed on as it is.

use crate::support::{FakeShop, Server, soon};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn requests_and_answers_are_passed_on_whole() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    shop.reply(
        "/auth/login",
        401,
        "application/json",
        r#"{"message":"Invalid credentials","error":"Unauthorized","statusCode":401}"#,
    );
    shop.reply("/users/7", 200, "application/json", r#"{"id":"7"}"#);
    let login = server.http.post(server.url("/auth/login")).json(&serde_json::json!({"email": "a@b.co"}));
    let response = login.send().await.expect("an answer");
    assert_eq!(response.status(), 401);
    assert_eq!(response.json::<Value>().await.expect("JSON")["message"], "Invalid credentials");

    let request =
        server.http.patch(server.url("/users/7?a=%20b")).bearer_auth("caller's own").header("x-mine", "1");
    let response = request.body("{\"phone\":\"1\"}").send().await.expect("an answer");
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-from"]),
        (200, &"the shop".parse().expect("a value"))
    );
    assert!(response.headers().get("x-hop").is_none(), "a header of one hop");
    assert_eq!(response.text().await.expect("a text"), r#"{"id":"7"}"#);
    let asked = shop.asked().pop().expect("asked");
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str(), asked.query.as_deref()),
        ("PATCH", "/users/7", Some("a=%20b"))
    );
    assert_eq!(
        (&asked.headers["authorization"], &asked.headers["x-mine"]),
        (&"Bearer caller's own".parse().expect("a value"), &"1".parse().expect("a value"))
    );
    assert_eq!(asked.headers["host"], shop.address.to_string());
    assert_eq!(&asked.body[..], b"{\"phone\":\"1\"}");
}

#[tokio::test]
async fn our_own_token_fetches_the_statistics_and_is_not_lent_to_callers() {
    let shop = FakeShop::start().await;
    let server = Server::before_with(&shop, &["--rest-api-token", "ours"]).await;
    server.join("?version=0").await.next().await;
    assert!(shop.asked().iter().all(|asked| asked.headers["authorization"] == "Bearer ours"));
    server.get("/users").await;
    assert!(shop.asked().last().expect("asked").headers.get("authorization").is_none());
}

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_is_a_bad_gateway() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    server.join("?version=0").await.next().await;
    shop.stop().await;
    let response = server.get("/users").await;
    assert_eq!(response.status(), 502);
    assert_eq!(response.json::<Value>().await.expect("JSON")["statusCode"], 502);
}

#[tokio::test]
async fn a_large_body_is_refused() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let request = server.http.post(server.url("/users")).body(vec![b'x'; 2 * 1024 * 1024]);
    // The server may hang up while the client is still sending; either way nothing reaches the shop whole.
    if let Ok(response) = request.send().await {
        assert_eq!(response.status(), 413);
    }
    assert!(shop.asked().iter().all(|asked| asked.body.len() < 2 * 1024 * 1024 || asked.path != "/users"));
}

/// Clients that tidy up what they ask for would hide what a server has to withstand.
async fn status_of(server: &Server, target: &str) -> u16 {
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("a socket");
    let mut answer = String::new();
    soon("an answer", stream.read_to_string(&mut answer)).await.expect("a text");
    answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{target}: {answer}"))
}

#[tokio::test]
async fn no_spelling_of_a_statistic_goes_past_whoever_may_see_it() {
    let shop = FakeShop::start().await;
    let flags = ["--jwt-secret", "a key of thirty-two bytes or more", "--reconcile-secs", "3600"];
    let server = Server::before_with(&shop, &flags).await;
    for path in [
        "/repair-orders/stats/overview/",
        "/repair-orders/stats/%6Fverview",
        "/repair-orders/STATS/overview",
        "/repair-orders/%53tats/overview",
        "/repair-orders//stats/overview",
        "/repair-orders/stats%2Foverview",
        "/repair-orders/stats",
    ] {
        assert_eq!(status_of(&server, path).await, 404, "{path}");
        let known = shared::Metric::ALL.map(shared::Metric::path);
        let passed = shop.asked().into_iter().find(|asked| !known.contains(&asked.path.as_str()));
        assert!(passed.is_none(), "{path} was passed on: {passed:?}");
    }
    assert_eq!(status_of(&server, "/repair-orders/./stats/overview").await, 400);
    shop.reply("/services/7/stats", 200, "application/json", "{}");
    assert_eq!(status_of(&server, "/services/7/stats").await, 200, "no statistic of ours");
}

#[tokio::test]
async fn nobody_climbs_out_of_the_folder_that_the_backend_lives_in() {
    let shop = FakeShop::start().await;
    let base = format!("{}/api", shop.url());
    let server = Server::start(&["--rest-api-url", &base, "--reconcile-secs", "3600"]).await;
    for path in [
        "/auth/../../secret/x",
        "/auth/%2e%2E/%2e%2e/secret/y",
        "/auth/.%2e/x",
        "/auth/..\\..\\back",
        "/auth/..%5c..%5Cback",
        "/auth/..%2f..%2Fback",
        "/auth/./x",
        "/auth/..",
        "/auth/a\\b",
    ] {
        assert_eq!(status_of(&server, path).await, 400, "{path}");
        let outside = |path: &str| !path.starts_with("/api/") || path.starts_with("/api/auth");
        let passed = shop.asked().into_iter().find(|asked| outside(&asked.path));
        assert!(passed.is_none(), "{path} was passed on: {passed:?}");
    }
    shop.reply("/api/users/a.b..c", 200, "application/json", "{}");
    assert_eq!(status_of(&server, "/users/a.b..c").await, 200, "dots inside a name");
}

#[tokio::test]
async fn the_user_in_the_backends_url_is_ours_and_not_lent_to_callers() {
    let shop = FakeShop::start().await;
    let base = format!("http://pulso:the-password@{}", shop.address);
    let server = Server::start(&["--rest-api-url", &base]).await;
    server.join("?version=0").await.next().await;
    assert!(
        shop.asked().iter().all(|asked| asked.headers["authorization"] == "Basic cHVsc286dGhlLXBhc3N3b3Jk")
    );
    server.get("/users").await;
    assert!(shop.asked().iter().filter(|asked| asked.path == "/users").count() == 1);
    let lent = shop
        .asked()
        .into_iter()
        .find(|asked| asked.path == "/users" && asked.headers.contains_key("authorization"));
    assert!(lent.is_none(), "{lent:?}");
    let both = Server::start(&["--rest-api-url", &base, "--rest-api-token", "ours"]).await;
    let from = shop.asked().len();
    both.join("?version=0").await.next().await;
    let fetched = shop.asked().split_off(from);
    let bearers = fetched.iter().filter(|asked| asked.headers["authorization"] == "Bearer ours").count();
    let values: usize =
        fetched.iter().map(|asked| asked.headers.get_all("authorization").iter().count()).sum();
    assert!(bearers > 0 && values == bearers, "{fetched:?}");
}

#[tokio::test]
async fn who_may_read_an_answer_is_not_the_backends_to_say() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let answer = server.get("/users").await;
    assert_eq!(answer.headers()["x-from"], "the shop");
    let said = answer.headers().keys().find(|name| name.as_str().starts_with("access-control-allow-"));
    assert_eq!(said, None);
}

#[tokio::test]
async fn a_caller_says_nothing_of_where_it_comes_from() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let request = server
        .http
        .get(server.url("/users"))
        .header("connection", "x-forwarded-for, X-Forwarded-Proto, x-request-id, x-mine")
        .header("x-mine", "1")
        .header("x-forwarded-for", "192.0.2.7")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-port", "1")
        .header("x-real-ip", "192.0.2.7")
        .header("forwarded", "for=192.0.2.7");
    soon("an answer", request.send()).await.expect("an answer");
    let asked = shop.asked().into_iter().find(|asked| asked.path == "/users").expect("asked");
    for name in ["x-mine", "x-forwarded-host", "x-forwarded-port", "x-real-ip", "forwarded"] {
        assert!(!asked.headers.contains_key(name), "{name}");
    }
    for name in ["x-forwarded-for", "x-forwarded-proto", "x-request-id"] {
        assert!(asked.headers.contains_key(name), "{name}");
    }
}
