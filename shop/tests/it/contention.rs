//! Many at once on the same rows: everyone's change counts, and whoever looks sees one state.

use super::support::*;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tower::ServiceExt;

fn asked(shop: &TestShop, method: Method, path: &str, body: &Value) -> JoinHandle<StatusCode> {
    let answer = shop.router.clone().oneshot(request(method, path, &shop.admin, body.to_string()));
    tokio::spawn(async { answer.await.expect("infallible").status() })
}

async fn all_are(answers: Vec<JoinHandle<StatusCode>>, status: StatusCode) {
    for answer in answers {
        assert_eq!(answer.await.expect("no panic"), status);
    }
}

async fn plain_order(shop: &TestShop, device: &str) -> String {
    let body = json!({"equipmentId": device, "problemDescription": "x"});
    format!("/repair-orders/{}", shop.made("/repair-orders", &shop.admin, body).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_of_one_order_at_once_all_count() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.run("UPDATE spare_parts SET stock = 100").await;
    let path = plain_order(&shop, &cast.device).await;
    let body = json!({"details": [{"serviceId": cast.service, "technicianId": cast.worker.id, "unitPrice": 1.25}],
        "parts": [{"partId": cast.part, "quantity": 2}]});
    all_are((0..20).map(|_| asked(&shop, Method::PATCH, &path, &body)).collect(), StatusCode::OK).await;
    let (_, order) = shop.get(&path, &shop.admin).await;
    assert_eq!(order["repairOrderDetails"].as_array().expect("a list").len(), 20);
    // 20 × 1.25 and 40 × 65.99
    assert_eq!(order["finalCost"], json!(2664.6));
    assert_eq!(shop.number("SELECT stock FROM spare_parts").await, 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn orders_that_take_the_same_parts_the_other_way_round_all_get_them() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.run("UPDATE spare_parts SET stock = 100").await;
    let other = json!({"name": "RAM 16", "description": "d", "stock": 100, "unitPrice": 1});
    let other = shop.made("/spare-parts", &shop.admin, other).await;
    let taking = |first: &str, second: &str| json!({"parts": [{"partId": first, "quantity": 1}, {"partId": second, "quantity": 1}]});
    let (one, two) = (taking(&cast.part, &other), taking(&other, &cast.part));
    let mut answers = Vec::new();
    for _ in 0..6 {
        for body in [&one, &two] {
            let path = plain_order(&shop, &cast.device).await;
            answers.push(asked(&shop, Method::PATCH, &path, body));
        }
    }
    all_are(answers, StatusCode::OK).await;
    assert_eq!(shop.number("SELECT COUNT(*) FROM spare_parts WHERE stock = 88").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_reads_while_orders_come_in_sees_totals_that_agree() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let body = json!({"equipmentId": cast.device, "problemDescription": "x"});
    let orders: Vec<_> = (0..30).map(|_| asked(&shop, Method::POST, "/repair-orders", &body)).collect();
    loop {
        let stats = shop.stats().await;
        let bars = stats["orders_by_status"]["ordersByStatus"].as_array().expect("a list");
        let in_bars: u64 = bars.iter().filter_map(|bar| bar["count"].as_u64()).sum();
        assert_eq!(json!(in_bars), stats["orders_overview"]["totalOrders"]);
        assert_eq!(json!(in_bars), stats["orders_count_total"]["count"]);
        if in_bars == 30 {
            break;
        }
    }
    all_are(orders, StatusCode::CREATED).await;
}
