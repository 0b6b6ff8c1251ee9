//! Who is turned away, and what a load balancer is told.

use crate::support::{FakeShop, Server, soon, until};
use serde_json::{Value, json};
use shared::Metric;

#[tokio::test]
async fn beyond_the_limit_a_client_is_told_to_come_back_later() {
    let shop = FakeShop::start().await;
    let server = Server::before_with(&shop, &["--clients", "2"]).await;
    let (first, _second) = (server.join("?version=0").await, server.join("").await);
    assert_eq!(server.try_join("?version=0", &[]).await.err(), Some(503));
    drop(first);
    until("the place to be free again", async || server.try_join("?version=0", &[]).await.is_ok()).await;
}

#[tokio::test]
async fn a_refusal_is_http_with_a_body_and_a_time() {
    let shop = FakeShop::start().await;
    let server = Server::before_with(&shop, &["--clients-per-address", "1"]).await;
    let _inside = server.join("?version=0").await;
    let request = server
        .http
        .get(server.url("/ws?version=0"))
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let refused = soon("an answer", request.send()).await.expect("an answer");
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (503, &"10".parse().expect("a value"))
    );
    let body: Value = refused.json().await.expect("JSON");
    assert_eq!(body["message"], "no more than 1 clients may be connected from one address");
}

#[tokio::test]
async fn a_parameter_that_stands_twice_is_refused_as_the_contract_says() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let refused = server.get("/ws?token=a&token=b").await;
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.headers()["content-type"], "application/json");
    let body: Value = refused.json().await.expect("JSON");
    assert_eq!((&body["statusCode"], &body["error"]), (&json!(400), &json!("Bad Request")));
}

#[tokio::test]
async fn whoever_stands_behind_a_proxy_of_this_machine_is_counted_by_the_address_that_it_names() {
    let shop = FakeShop::start().await;
    let flags = ["--clients-per-address", "1", "--jwt-secret", "a key of thirty-two bytes or more"];
    let server = Server::before_with(&shop, &flags).await;
    let token = shop::Tokens::new(b"a key of thirty-two bytes or more").issue(
        "someone",
        "x@y.ec",
        shop::Role::Admin,
        std::time::Duration::from_secs(60),
    );
    let query = format!("?version=0&token={token}");
    let _one = server.try_join(&query, &[("x-forwarded-for", "10.0.0.1")]).await.expect("room");
    let _other = server.try_join(&query, &[("x-forwarded-for", "10.0.0.1, 10.0.0.2")]).await.expect("room");
    assert_eq!(server.try_join(&query, &[("x-forwarded-for", "10.0.0.2")]).await.err(), Some(503));
}

#[tokio::test]
async fn a_cold_server_lives_and_is_ready_once_it_has_read_everything() {
    let shop = FakeShop::start().await;
    shop.hold(Metric::OrdersRecent);
    let server = Server::before(&shop).await;
    assert_eq!(server.get("/livez").await.status(), 200);
    let cold = server.get("/readyz").await;
    assert_eq!((cold.status().as_u16(), cold.headers().contains_key("retry-after")), (503, true));
    shop.release(Metric::OrdersRecent);
    until("readiness", async || server.get("/readyz").await.status() == 200).await;
}

#[tokio::test]
async fn callers_who_want_the_same_list_cost_the_upstream_one_request() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    server.join("?version=0").await.next().await;
    let asked = shop.times_asked(Metric::OrdersRecent);
    shop.hold(Metric::OrdersRecent);
    shop.set(Metric::OrdersRecent, "[]");
    let path = format!("{}?limit=3", Metric::OrdersRecent.path());
    let release = async {
        shop.was_asked(Metric::OrdersRecent, asked + 1).await;
        // Time enough for a second request, if there were one.
        for _ in 0..5 {
            server.get("/livez").await;
        }
        assert_eq!(shop.times_asked(Metric::OrdersRecent), asked + 1);
        shop.release(Metric::OrdersRecent);
    };
    let answers = tokio::join!(server.get(&path), server.get(&path), server.get(&path), release);
    for answer in [answers.0, answers.1, answers.2] {
        assert_eq!(answer.json::<Value>().await.expect("JSON"), json!([]));
    }
    let asked = shop.times_asked(Metric::OrdersRecent);
    server.get(&path).await;
    assert_eq!(shop.times_asked(Metric::OrdersRecent), asked + 1, "an answer is not kept");
}
