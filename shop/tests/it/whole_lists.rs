//! Whole lists, however long: one state of the shop, written as it is read.

use super::support::*;
use axum::body::{Body, BodyDataStream};
use axum::http::{Method, StatusCode};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

const COLUMNS: &str = "problem_description, status, created_at, updated_at";

async fn stream(shop: &TestShop, path: &str) -> BodyDataStream {
    let answer = shop.router.clone().oneshot(request(Method::GET, path, &shop.admin, Body::empty()));
    let answer = tokio::time::timeout(SOON, answer).await.expect("an answer").expect("infallible");
    assert_eq!(answer.status(), StatusCode::OK);
    answer.into_body().into_data_stream()
}

async fn next_piece(list: &mut BodyDataStream) -> Option<Vec<u8>> {
    let piece = tokio::time::timeout(SOON, list.next()).await.expect("in time")?;
    Some(piece.expect("a piece").to_vec())
}

#[tokio::test]
async fn a_long_list_comes_in_pieces_and_shows_the_shop_as_it_was_when_it_began() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.many_orders(&cast, 1_234, COLUMNS, "'x', 'READY', i, i").await;
    let mut list = stream(&shop, "/repair-orders").await;
    let mut json = next_piece(&mut list).await.expect("a first piece");
    // Before the rest is read, one comes in, one goes, and one changes.
    shop.order(&cast, json!({})).await;
    let first = "/repair-orders/10000001-0000-4000-8000-000000000000";
    assert_eq!(shop.call(Method::DELETE, first, &shop.admin, None).await.0, StatusCode::OK);
    shop.set_status("10000002-0000-4000-8000-000000000000", "REJECTED").await;
    let mut pieces = 1;
    while let Some(piece) = next_piece(&mut list).await {
        assert!(piece.len() < 1_000_000, "a piece is small");
        json.extend(piece);
        pieces += 1;
    }
    assert_eq!(pieces, 7);
    let orders: Vec<Value> = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(orders.len(), 1_234);
    for (order, number) in orders.iter().zip((1..=1_234).rev()) {
        assert_eq!(order["id"], json!(format!("{}-0000-4000-8000-000000000000", 10_000_000 + number)));
        assert_eq!(order["status"], json!("READY"));
    }
}

#[tokio::test]
async fn who_hangs_up_makes_room_for_others() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.many_orders(&cast, 1_000, COLUMNS, "'x', 'READY', i, i").await;
    for path in ["/repair-orders", "/repair-orders"] {
        // More than are written at once, and more than there are connections to the database.
        for _ in 0..12 {
            let mut list = stream(&shop, path).await;
            next_piece(&mut list).await.expect("a first piece");
        }
    }
    let (status, orders) = shop.get("/repair-orders", &shop.admin).await;
    assert_eq!((status, orders.as_array().map(Vec::len)), (StatusCode::OK, Some(1_000)));
}

#[tokio::test]
async fn who_reads_slowly_holds_up_no_short_list_and_no_write() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.many_orders(&cast, 1_000, COLUMNS, "'x', 'READY', i, i").await;
    let mut slow = Vec::new();
    for _ in 0..3 {
        slow.push(stream(&shop, "/repair-orders").await);
    }
    let order = shop.order(&cast, json!({})).await;
    assert_eq!(shop.get("/repair-orders?limit=5", &shop.admin).await.0, StatusCode::OK);
    assert_eq!(shop.get("/repair-orders", &cast.stranger.token).await, (StatusCode::OK, json!([])));
    shop.set_status(&order, "READY").await;
    // A fourth waits until one of them is done.
    let waiting = shop.get("/repair-orders", &shop.admin);
    let finishing = async {
        let mut first = slow.swap_remove(0);
        while next_piece(&mut first).await.is_some() {}
    };
    let ((status, orders), ()) = tokio::join!(waiting, finishing);
    assert_eq!((status, orders.as_array().map(Vec::len)), (StatusCode::OK, Some(1_001)));
}

#[tokio::test]
async fn a_technician_sees_own_work_newest_first_with_what_it_is_about_and_whose() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let mine = json!({"serviceId": cast.service, "technicianId": cast.worker.id, "notes": "mío"});
    let others = json!({"serviceId": cast.service, "technicianId": cast.evaluator.id});
    let first = shop.order(&cast, json!({"details": [mine, others]})).await;
    let second = shop.order(&cast, json!({"details": [mine]})).await;
    let path = "/repair-orders/technician/my-details";
    let (status, work) = shop.get(path, &cast.worker.token).await;
    assert_eq!(status, StatusCode::OK, "{work}");
    let orders: Vec<_> =
        work.as_array().expect("a list").iter().map(|work| &work["repairOrder"]["id"]).collect();
    assert_eq!(orders, [&json!(second), &json!(first)]);
    let newest = &work[0];
    assert_eq!(newest["service"]["serviceName"], json!("Limpieza"));
    assert_eq!(newest["repairOrder"]["equipment"]["user"]["id"], json!(cast.owner.id));
    assert_eq!((&newest["notes"], &newest["status"]), (&json!("mío"), &json!("PENDING")));
    assert_eq!(shop.get(path, &cast.owner.token).await, (StatusCode::FORBIDDEN, forbidden()));
    assert_eq!(shop.get(path, &shop.admin).await, (StatusCode::OK, json!([])));
}
