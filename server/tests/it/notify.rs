//! POST /notify: bad input is input.

use crate::support::{FakeShop, Server};
use serde_json::json;
use shared::Metric;

#[tokio::test]
async fn whatever_is_no_object_is_refused_and_changes_nothing() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let mut client = server.join("?version=0").await;
    client.next().await;
    let deep = "[".repeat(10_000);
    for body in ["", "{", "null", "[]", "\"x\"", "42", "{\"type\":}", "\u{0}", &deep] {
        assert_eq!(server.notify(body).await, (400, "JSON inválido".into()), "{body:.20}");
    }
    let request = server.http.post(server.url("/notify")).body(vec![b'{', 0xFF, b'}']);
    assert_eq!(request.send().await.expect("an answer").status(), 400);
    let (status, text) = server.notify(&format!("{{\"type\":\"{}\"}}", "x".repeat(65 * 1024))).await;
    assert_eq!(status, 413);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("JSON")["statusCode"], 413);
    // Nothing of that was an event: the next one is the first that is announced.
    shop.set_count(Metric::UsersCountClients, 7);
    server.event("USER_CREATED").await;
    assert_eq!(client.next().await["notifications"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_missing_type_means_everything_and_an_unknown_one_keeps_its_name() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    for body in ["{}", "{\"type\":42}", "{\"type\":null,\"zz\":[]}"] {
        assert_eq!(server.notify(body).await, (200, "Notificación recibida: DASHBOARD_FULL_UPDATE".into()));
    }
    server.event("ALGO_NUEVO").await;
    let long = "x".repeat(100);
    let (_, text) = server.notify(&format!("{{\"type\":\"{long}\"}}")).await;
    assert_eq!(text, format!("Notificación recibida: {}", &long[..64]));
}

#[tokio::test]
async fn other_methods_are_told_which_one_works() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let method = method.parse::<reqwest::Method>().expect("a method");
        let response = server.http.request(method, server.url("/notify")).send().await.expect("an answer");
        assert_eq!(
            (response.status().as_u16(), &response.headers()["allow"]),
            (405, &"POST".parse().expect("a value"))
        );
    }
}

#[tokio::test]
async fn a_stranger_may_not_notify() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    for (name, value) in
        [("x-forwarded-for", "10.0.0.1"), ("forwarded", "for=10.0.0.1"), ("host", "taller.ec")]
    {
        let request = server.http.post(server.url("/notify")).header(name, value).body("{}");
        assert_eq!(request.send().await.expect("an answer").status(), 401, "{name}");
    }
    let guarded = Server::before_with(&shop, &["--notify-token", "s3cret"]).await;
    assert_eq!(guarded.notify("{}").await.0, 401);
    for (token, status) in [("wrong", 401), ("s3cre", 401), ("s3cret", 200)] {
        let request = guarded.http.post(guarded.url("/notify")).bearer_auth(token).body("{}");
        assert_eq!(request.send().await.expect("an answer").status(), status, "{token}");
    }
    assert_eq!(guarded.json("/health").await["events"], json!(19));
}
