//! Every change is told once, after it is kept, whatever the client does meanwhile.

use super::support::*;
use axum::http::{Method, StatusCode};
use serde_json::json;
use sqlx::{AnyConnection, Connection};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::sync::mpsc;
use tower::ServiceExt;

#[tokio::test]
async fn each_write_is_announced_once_and_by_its_id() {
    let mut shop = TestShop::open().await;
    let cast = shop.cast().await;
    assert_eq!(shop.events(), ["EQUIPMENT_CREATED", "SERVICE_CREATED", "SPARE_PART_CREATED"]);
    let person = |mail: &str| json!({"name": "Ana", "email": mail, "password": "secret1"});
    let client = shop.made("/users", &shop.admin, person("c@x.co")).await;
    assert_eq!(shop.next_event().await, ("USER_CREATED".into(), Some(client)));
    let mut technician = person("t@x.co");
    technician["specialty"] = json!("Laptops");
    let technician = shop.made("/users/technician", &shop.admin, technician).await;
    assert_eq!(shop.next_event().await, ("TECHNICIAN_CREATED".into(), Some(technician)));
    let order = shop
        .made(
            "/repair-orders",
            &cast.owner.token,
            json!({"equipmentId": cast.device, "problemDescription": "x"}),
        )
        .await;
    assert_eq!(shop.next_event().await, ("REPAIR_ORDER_CREATED".into(), Some(order.clone())));
    let path = format!("/repair-orders/{order}");
    shop.patch(&path, &shop.admin, json!({"status": "READY"})).await;
    assert_eq!(shop.next_event().await, ("REPAIR_ORDER_UPDATED".into(), Some(order.clone())));
    assert_eq!(shop.call(Method::DELETE, &path, &shop.admin, None).await.0, StatusCode::OK);
    assert_eq!(shop.next_event().await, ("REPAIR_ORDER_DELETED".into(), Some(order)));
    assert_eq!(shop.call(Method::DELETE, &path, &shop.admin, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(shop.events(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_announced_when_everyone_can_see_its_change() {
    let (told, events) = mpsc::channel(100);
    let database = new_database().await;
    let url = database.url().to_owned();
    let announce = Arc::new(move |event: shared::Event, id: Option<String>| {
        // Another connection, as another server would have it.
        let url = url.clone();
        let id = id.expect("an id");
        let look = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let mut rows = AnyConnection::connect(&url).await.expect("a connection");
                let sql = "SELECT COUNT(*) FROM (SELECT id FROM repair_orders UNION ALL SELECT id FROM equipments \
                           UNION ALL SELECT id FROM services UNION ALL SELECT id FROM spare_parts) AS all_ids WHERE id = $1";
                let seen: i64 = sqlx::query_scalar(sql).bind(id).fetch_one(&mut rows).await.expect("a count");
                seen
            })
        });
        let seen = look.join().expect("a look");
        told.try_send((format!("{} {seen}", event.name()), None)).expect("room");
    });
    let mut shop = TestShop::in_database(database, announce, events).await;
    let cast = shop.cast().await;
    shop.made(
        "/repair-orders",
        &cast.owner.token,
        json!({"equipmentId": cast.device, "problemDescription": "x"}),
    )
    .await;
    assert_eq!(
        shop.events(),
        ["EQUIPMENT_CREATED 1", "SERVICE_CREATED 1", "SPARE_PART_CREATED 1", "REPAIR_ORDER_CREATED 1"]
    );
}

#[tokio::test]
async fn a_write_whose_client_hung_up_goes_on_to_its_end_and_is_announced() {
    let mut shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.events();
    let body = json!({"equipmentId": cast.device, "problemDescription": "x"}).to_string();
    {
        let request = request(Method::POST, "/repair-orders", &cast.owner.token, body);
        let mut answer = pin!(shop.router.clone().oneshot(request));
        // Everything before the write is at hand, so the first step is as far as the write's own task.
        assert!(matches!(answer.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
    }
    let (event, id) = shop.next_event().await;
    assert_eq!(event, "REPAIR_ORDER_CREATED");
    assert_eq!(
        shop.get(&format!("/repair-orders/{}", id.expect("an id")), &shop.admin).await.0,
        StatusCode::OK
    );
}
