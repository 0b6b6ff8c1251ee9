//! In front of an existing backend: what is not ours is passed on as it is.

use crate::support::{FakeShop, Server};
use serde_json::Value;

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
