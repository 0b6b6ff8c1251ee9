//! What becomes of a device when orders of it begin and end.

use super::support::*;
use axum::http::{Method, StatusCode};
use serde_json::json;

async fn device(shop: &TestShop, cast: &Cast) -> String {
    let (_, device) = shop.get(&format!("/equipments/{}", cast.device), &shop.admin).await;
    device["currentStatus"].as_str().expect("a status").to_owned()
}

#[tokio::test]
async fn however_a_repair_ends_its_device_is_available() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    for end in ["DELIVERED", "REJECTED", "IN_REVIEW", "WAITING_APPROVAL", "deletion"] {
        for during in ["IN_REPAIR", "WAITING_PARTS", "READY"] {
            let order = shop.order(&cast, json!({})).await;
            shop.set_status(&order, "IN_REPAIR").await;
            shop.set_status(&order, during).await;
            assert_eq!(device(&shop, &cast).await, "IN_REPAIR", "{during}");
            if end == "deletion" {
                let path = format!("/repair-orders/{order}");
                assert_eq!(shop.call(Method::DELETE, &path, &shop.admin, None).await.0, StatusCode::OK);
            } else {
                let told = shop.set_status(&order, end).await;
                assert_eq!(told["equipment"]["currentStatus"], json!("AVAILABLE"), "{during} to {end}");
            }
            assert_eq!(device(&shop, &cast).await, "AVAILABLE", "{during} to {end}");
        }
    }
}

#[tokio::test]
async fn a_device_stays_in_repair_while_another_order_of_it_does() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    for end in ["DELIVERED", "REJECTED", "deletion"] {
        let (first, second) = (shop.order(&cast, json!({})).await, shop.order(&cast, json!({})).await);
        shop.set_status(&first, "IN_REPAIR").await;
        shop.set_status(&second, "IN_REPAIR").await;
        shop.set_status(&second, "READY").await;
        match end {
            "deletion" => {
                shop.call(Method::DELETE, &format!("/repair-orders/{first}"), &shop.admin, None).await;
            }
            status => {
                shop.set_status(&first, status).await;
            }
        }
        assert_eq!(device(&shop, &cast).await, "IN_REPAIR", "{end}");
        shop.set_status(&second, "DELIVERED").await;
        assert_eq!(device(&shop, &cast).await, "AVAILABLE", "{end}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_orders_of_a_device_that_end_at_once_the_second_releases_it() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    for _ in 0..10 {
        let mut ends = Vec::new();
        for _ in 0..4 {
            let order = shop.order(&cast, json!({})).await;
            shop.set_status(&order, "IN_REPAIR").await;
            let body = json!({"status": "DELIVERED"}).to_string();
            ends.push(request(Method::PATCH, &format!("/repair-orders/{order}"), &shop.admin, body));
        }
        let ends: Vec<_> = ends
            .into_iter()
            .map(|end| tokio::spawn(tower::ServiceExt::oneshot(shop.router.clone(), end)))
            .collect();
        for end in ends {
            assert_eq!(end.await.expect("no panic").expect("infallible").status(), StatusCode::OK);
        }
        assert_eq!(device(&shop, &cast).await, "AVAILABLE");
    }
}

#[tokio::test]
async fn a_retired_device_stays_retired_until_it_is_repaired_after_all() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let order = shop.order(&cast, json!({})).await;
    shop.set_status(&order, "IN_REPAIR").await;
    shop.run("UPDATE equipments SET current_status = 'RETIRED'").await;
    shop.set_status(&order, "DELIVERED").await;
    assert_eq!(device(&shop, &cast).await, "RETIRED");
    shop.set_status(&order, "IN_REPAIR").await;
    assert_eq!(device(&shop, &cast).await, "IN_REPAIR");
}

#[tokio::test]
async fn an_order_that_was_never_in_repair_leaves_the_device_alone() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    // Somebody said so by hand.
    shop.run("UPDATE equipments SET current_status = 'IN_REPAIR'").await;
    let order = shop.order(&cast, json!({})).await;
    shop.set_status(&order, "REJECTED").await;
    assert_eq!(device(&shop, &cast).await, "IN_REPAIR");
}
