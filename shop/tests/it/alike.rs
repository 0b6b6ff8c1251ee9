//! Where databases differ, the shop does not: order and equality of texts, large sums, and what was not given.

use super::support::*;
use axum::http::StatusCode;
use serde_json::{Value, json};
use shop::Role;

fn column<'a>(rows: &'a Value, name: &str) -> Vec<&'a str> {
    rows.as_array().expect("a list").iter().filter_map(|row| row[name].as_str()).collect()
}

#[tokio::test]
async fn texts_stand_in_the_order_of_their_bytes_and_differ_by_case() {
    let shop = TestShop::open().await;
    for name in ["ana", "Ángel", "Zoe", "Ana", "Ñandú", "10", "9", "_x", "a b", "ab"] {
        shop.person(name, Role::User).await;
        let part = json!({"name": name, "description": "d", "stock": 1, "unitPrice": 1});
        assert_eq!(shop.post("/spare-parts", &shop.admin, part).await.0, StatusCode::CREATED, "{name}");
    }
    let all = shop.shop.stat(shared::Metric::UsersTopClients, 100).await.expect("a body");
    let all: Value = serde_json::from_str(&all).expect("JSON");
    let sorted = ["10", "9", "Ana", "Zoe", "_x", "a b", "ab", "ana", "Ángel", "Ñandú"];
    assert_eq!(column(&all["topClients"], "name"), sorted);
    let (_, parts) = shop.get("/spare-parts", &shop.admin).await;
    assert_eq!(column(&parts, "name").len(), sorted.len());
}

#[tokio::test]
async fn texts_come_back_as_they_were_given() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let text = "Pantalla «rota» 🛠️ '; DROP TABLE users; -- \\ \" \u{202e}%_\u{7f}";
    let body = json!({"equipmentId": cast.device, "problemDescription": text, "imageUrls": ["https://x.co/ñ?a=1&b=%20"]});
    let (status, body) = shop.post("/repair-orders", &cast.owner.token, body).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let id = body["savedOrder"]["id"].as_str().expect("an id");
    let (_, order) = shop.get(&format!("/repair-orders/{id}"), &shop.admin).await;
    assert_eq!(order["problemDescription"], json!(text));
    assert_eq!(order["imageUrls"], json!(["https://x.co/ñ?a=1&b=%20"]));
    // What was not given is null, of whatever type.
    for name in ["diagnosis", "estimatedCost", "warrantyStartDate", "warrantyEndDate"] {
        assert_eq!(order[name], Value::Null, "{name}");
    }
}

#[tokio::test]
async fn sums_go_beyond_what_32_bits_hold() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let work = json!({"serviceId": cast.service, "technicianId": cast.worker.id, "unitPrice": 9_999_999.99});
    let body = json!({"equipmentId": cast.device, "problemDescription": "x", "details": vec![work; 10]});
    for _ in 0..2 {
        let path = format!("/repair-orders/{}", shop.made("/repair-orders", &shop.admin, body.clone()).await);
        let (_, order) = shop.get(&path, &shop.admin).await;
        assert_eq!(order["finalCost"], json!(99_999_999.9));
        assert_eq!(shop.patch(&path, &shop.admin, json!({"status": "DELIVERED"})).await.0, StatusCode::OK);
    }
    let stats = shop.stats().await;
    assert_eq!(stats["orders_revenue_total"], json!({"revenue": 199_999_999.8}));
    assert_eq!(stats["orders_top_services"]["topServices"][0]["revenue"], json!(199_999_999.8));
    assert_eq!(stats["users_top_clients"]["topClients"][0]["totalSpent"], json!(199_999_999.8));
}
