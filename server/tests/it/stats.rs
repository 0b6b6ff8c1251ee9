//! The statistics over HTTP.

use crate::support::{FakeShop, Server};
use serde_json::{Value, json};
use shared::Metric;

#[tokio::test]
async fn every_metric_is_served_from_the_snapshot_as_the_backend_wrote_it() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let recorded: Value =
        serde_json::from_str(include_str!("../../../shared/tests/upstream-stats.json")).expect("JSON");
    for _ in 0..3 {
        for metric in Metric::ALL {
            let response = server.get(metric.path()).await;
            assert_eq!(response.headers()["cache-control"], "private, no-cache");
            assert_eq!(response.json::<Value>().await.expect("JSON"), recorded[metric.path()], "{metric:?}");
        }
    }
    assert_eq!(shop.asked().len(), Metric::COUNT);
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let path = Metric::OrdersOverview.path();
    let tag = server.get(path).await.headers()["etag"].to_str().expect("a tag").to_owned();
    let first = server.join("?version=0").await.next().await;
    assert_eq!(tag, format!("\"{}-{}\"", first["epoch"].as_str().expect("an epoch"), first["version"]));
    for known in [tag.clone(), format!("W/{tag}")] {
        let request = server.http.get(server.url(path)).header("if-none-match", known);
        let response = request.send().await.expect("an answer");
        assert_eq!(
            (response.status().as_u16(), response.headers()["etag"].to_str().expect("a tag")),
            (304, &*tag)
        );
    }
    let mut client = server.join("?version=0").await;
    client.next().await;
    shop.set(
        Metric::OrdersOverview,
        r#"{"totalOrders":1,"activeOrders":1,"rejectedOrders":0,"completedOrders":0}"#,
    );
    server.event("REPAIR_ORDER_CREATED").await;
    client.next().await;
    let request = server.http.get(server.url(path)).header("if-none-match", tag);
    assert_eq!(request.send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn another_limit_is_asked_of_the_source() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    assert_eq!(server.get("/repair-orders/stats/recent?limit=10").await.status(), 200);
    assert_eq!(shop.times_asked(Metric::OrdersRecent), 1, "the usual limit is in the snapshot");
    let response = server.get("/repair-orders/stats/recent?limit=3").await;
    assert_eq!((response.status().as_u16(), response.headers().get("etag")), (200, None));
    assert_eq!(shop.asked().last().expect("asked").query.as_deref(), Some("limit=3"));
    for wrong in ["0", "101", "x", "-1"] {
        let response = server.get(&format!("/repair-orders/stats/recent?limit={wrong}")).await;
        assert_eq!(response.status(), 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_metric_without_a_body_says_why() {
    let shop = FakeShop::start().await;
    shop.reply(Metric::OrdersOverview.path(), 404, "application/json", "{}");
    shop.reply(Metric::OrdersRevenue.path(), 403, "application/json", "{}");
    shop.reply(Metric::OrdersByStatus.path(), 401, "application/json", "{}");
    shop.reply(Metric::OrdersRecent.path(), 500, "application/json", "{}");
    let server = Server::before(&shop).await;
    for (metric, status) in [
        (Metric::OrdersOverview, 404),
        (Metric::OrdersRevenue, 403),
        (Metric::OrdersByStatus, 403),
        (Metric::OrdersRecent, 503),
    ] {
        let response = server.get(metric.path()).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.headers().contains_key("retry-after"), status == 503);
        assert_eq!(response.json::<Value>().await.expect("JSON")["statusCode"], status);
    }
    let first = server.join("?version=0").await.next().await;
    let states: Vec<_> = ["orders_overview", "orders_revenue", "orders_by_status", "orders_recent"]
        .map(|key| first["status"]["metrics"][key]["state"].clone())
        .into();
    assert_eq!(states, ["absent", "forbidden", "forbidden", "failed"]);
}

#[tokio::test]
async fn a_failed_metric_still_answers_its_last_body() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let mut client = server.join("?version=0").await;
    client.next().await;
    let before = server.json(Metric::OrdersRecent.path()).await;
    shop.reply(Metric::OrdersRecent.path(), 500, "text/plain", "");
    server.event("EQUIPMENT_CREATED").await;
    client.next().await;
    assert_eq!(server.json(Metric::OrdersRecent.path()).await, before);
}

#[tokio::test]
async fn the_page_learns_what_it_needs_before_it_signs_in() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let config = server.json("/config.json").await;
    assert_eq!((&config["mode"], &config["auth"]), (&json!("upstream"), &json!("open")));
    assert_eq!(
        (&config["locale"], &config["currency"], &config["timeZone"]),
        (&json!("es-EC"), &json!("USD"), &json!("America/Guayaquil"))
    );
    let health = server.json("/health").await;
    assert_eq!(
        (&health["status"], &health["clients"], &health["events"]),
        (&json!("ok"), &json!(0), &json!(19))
    );
}
