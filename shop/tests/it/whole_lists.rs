//! Whole lists, however long: one state of the shop, written as it is read.

use super::support::*;
use axum::body::{Body, BodyDataStream};
use axum::http::{Method, StatusCode};
use futures_util::StreamExt;
use futures_util::future::select_all;
use serde_json::{Value, json};
use shop::Role;
use std::time::Duration;
use tower::ServiceExt;

const COLUMNS: &str = "problem_description, status, created_at, updated_at";

async fn stream(shop: &TestShop, path: &str, token: &str) -> BodyDataStream {
    let answer = shop.router.clone().oneshot(request(Method::GET, path, token, Body::empty()));
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
    let mut list = stream(&shop, "/repair-orders", &shop.admin).await;
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

/// A list that takes three pieces, whom it is shown to, and the ids in it.
struct Long<'a> {
    path: &'static str,
    token: &'a str,
    ids: Vec<String>,
}

const LONG: i64 = 450;

/// Of each kind so many, told apart by the first digit of their ids; of the devices only every other one has an order.
async fn long_lists<'a>(shop: &'a TestShop, cast: &'a Cast) -> Vec<Long<'a>> {
    shop.many_orders(cast, usize::try_from(LONG).expect("few"), COLUMNS, "'x', 'DELIVERED', i, i").await;
    let Cast { owner, worker, evaluator, device, service, .. } = cast;
    shop.run(&format!(
        "INSERT INTO users (id, role, name, email, password_hash, created_at, updated_at) \
         SELECT '2' || SUBSTR(id, 2), 'User', 'Cliente', id || '@x.co', '!', 0, 0 FROM repair_orders ORDER BY seq; \
         INSERT INTO equipments (id, user_id, name, type, brand, model, created_at) \
         SELECT '3' || SUBSTR(id, 2), '2' || SUBSTR(id, 2), 'Laptop', 'LAPTOP', 'Dell', 'XPS', 0 \
         FROM repair_orders ORDER BY seq; \
         INSERT INTO order_details (id, order_id, service_id, technician_id, unit_price, sub_total, created_at, updated_at) \
         SELECT '4' || SUBSTR(id, 2), id, '{service}', '{}', 0, 0, created_at, 0 FROM repair_orders ORDER BY seq; \
         INSERT INTO repair_order_reviews (id, order_id, user_id, rating, comment, created_at, updated_at) \
         SELECT '5' || SUBSTR(id, 2), id, '{}', 5, 'x', created_at, 0 FROM repair_orders ORDER BY seq; \
         UPDATE repair_orders SET equipment_id = '3' || SUBSTR(id, 2) WHERE created_at % 2 = 0",
        worker.id, owner.id
    ))
    .await;
    let ids = |kind: i64| (1..=LONG).map(move |number| id(kind, number));
    let newest_first = |kind: i64| ids(kind).rev().collect::<Vec<_>>();
    let clients = [owner.id.clone(), cast.stranger.id.clone()].into_iter().chain(ids(2)).collect();
    let devices = ids(3).rev().chain([device.clone()]).collect();
    let list = |path, token, ids| Long { path, token, ids };
    vec![
        list("/repair-orders", &shop.admin, newest_first(1)),
        list("/repair-orders", &worker.token, newest_first(1)),
        list("/repair-orders/evaluator", &evaluator.token, newest_first(1)),
        list("/repair-orders/technician/my-details", &worker.token, newest_first(4)),
        list("/repair-order-reviews", &shop.admin, newest_first(5)),
        list("/repair-order-reviews", &owner.token, newest_first(5)),
        list("/equipments", &shop.admin, devices),
        list("/users", &shop.admin, clients),
    ]
}

fn id(kind: i64, number: i64) -> String {
    format!("{}-0000-4000-8000-000000000000", kind * 10_000_000 + number)
}

#[tokio::test]
async fn every_long_list_comes_in_pieces_and_holds_everything_in_its_order() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    for Long { path, token, ids } in long_lists(&shop, &cast).await {
        let mut list = stream(&shop, path, token).await;
        let (mut json, mut pieces) = (Vec::new(), 0);
        while let Some(piece) = next_piece(&mut list).await {
            json.extend(piece);
            pieces += 1;
        }
        assert_eq!(pieces, 3, "{path}");
        let rows: Vec<Value> = serde_json::from_slice(&json).expect("JSON");
        let listed: Vec<_> = rows.iter().map(|row| row["id"].as_str().expect("an id")).collect();
        assert_eq!(listed, ids, "{path}");
    }
}

#[tokio::test]
async fn clients_are_listed_with_their_devices_and_devices_with_their_orders_in_every_piece() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    long_lists(&shop, &cast).await;
    let orders_of = |device: &Value| -> Vec<Value> {
        let orders = device["repairOrders"].as_array().expect("orders");
        orders.iter().map(|order| order["id"].clone()).collect()
    };
    let own = |number: i64| if number % 2 == 0 { vec![json!(id(1, number))] } else { Vec::new() };
    let (_, clients) = shop.get("/users", &shop.admin).await;
    let clients = clients.as_array().expect("a list");
    let of_owner = clients[0]["equipments"].as_array().expect("devices");
    let odd: Vec<_> =
        (1..=LONG).rev().filter(|number| number % 2 == 1).map(|number| json!(id(1, number))).collect();
    assert_eq!((of_owner.len(), orders_of(&of_owner[0])), (1, odd.clone()));
    assert_eq!(clients[1]["equipments"], json!([]));
    for (client, number) in clients[2..].iter().zip(1..) {
        let devices = client["equipments"].as_array().expect("devices");
        assert_eq!((devices.len(), &devices[0]["id"]), (1, &json!(id(3, number))));
        assert!(devices[0].get("user").is_none(), "the owner is not named again");
        assert_eq!(orders_of(&devices[0]), own(number));
    }
    let (_, devices) = shop.get("/equipments", &shop.admin).await;
    let devices = devices.as_array().expect("a list");
    assert_eq!(orders_of(devices.last().expect("the first one")), odd);
    for (device, number) in devices.iter().zip((1..=LONG).rev()) {
        assert_eq!((&device["user"]["id"], orders_of(device)), (&json!(id(2, number)), own(number)));
    }
}

#[tokio::test]
async fn who_hangs_up_makes_room_for_others() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    for Long { path, token, ids } in long_lists(&shop, &cast).await {
        // More than are written at once, and more than there are connections to the database.
        for _ in 0..12 {
            let mut list = stream(&shop, path, token).await;
            next_piece(&mut list).await.expect("a first piece");
        }
        let (status, rows) = shop.get(path, token).await;
        assert_eq!((status, rows.as_array().map(Vec::len)), (StatusCode::OK, Some(ids.len())), "{path}");
    }
}

#[tokio::test]
async fn who_reads_slowly_holds_up_no_short_list_and_no_write() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.many_orders(&cast, 1_000, COLUMNS, "'x', 'READY', i, i").await;
    let mut slow = Vec::new();
    for name in ["Mar", "Sol", "Luz"] {
        slow.push(stream(&shop, "/repair-orders", &shop.person(name, Role::Admin).await.token).await);
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
async fn one_caller_has_one_long_list_at_a_time_and_takes_nobody_elses_place() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.many_orders(&cast, 1_000, COLUMNS, "'x', 'READY', i, i").await;
    let mut slow = stream(&shop, "/repair-orders", &shop.admin).await;
    let another = || {
        let request = request(Method::GET, "/repair-orders", &shop.admin, Body::empty());
        tokio::spawn(shop.router.clone().oneshot(request))
    };
    let waiting: Vec<_> = std::iter::repeat_with(another).take(4).collect();
    let other = shop.person("Luz", Role::Admin).await.token;
    let (status, orders) = shop.get("/repair-orders", &other).await;
    assert_eq!((status, orders.as_array().map(Vec::len)), (StatusCode::OK, Some(1_000)));
    assert!(!waiting.iter().any(|answer| answer.is_finished()), "their turn comes later");
    // Nor do they hold up what is short.
    assert_eq!(shop.get("/repair-orders?limit=5", &shop.admin).await.0, StatusCode::OK);
    while next_piece(&mut slow).await.is_some() {}
    let (next, ..) = tokio::time::timeout(SOON, select_all(waiting)).await.expect("in time");
    assert_eq!(next.expect("no panic").expect("infallible").status(), StatusCode::OK);
}

#[tokio::test]
async fn a_list_that_is_not_taken_to_its_end_in_five_minutes_is_cut_short() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.many_orders(&cast, 1_000, COLUMNS, "'x', 'READY', i, i").await;
    let mut slow = stream(&shop, "/repair-orders", &shop.admin).await;
    next_piece(&mut slow).await.expect("a first piece");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(301)).await;
    tokio::time::resume();
    // Meanwhile the next list of the same caller has its turn.
    let (status, orders) = shop.get("/repair-orders", &shop.admin).await;
    assert_eq!((status, orders.as_array().map(Vec::len)), (StatusCode::OK, Some(1_000)));
    let rest = tokio::time::timeout(SOON, slow.collect::<Vec<_>>()).await.expect("an end");
    assert!(rest.last().is_some_and(Result::is_err), "it must not look as if it had ended well");
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
