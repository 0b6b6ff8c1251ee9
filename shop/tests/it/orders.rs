//! Orders: all of them or nothing.

use super::support::*;
use axum::http::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn an_order_comes_with_work_and_parts_and_their_cost() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let body = json!({"equipmentId": cast.device, "problemDescription": " Pantalla rota ", "imageUrls": ["https://x.co/1.jpg"],
        "estimatedCost": 100,
        "details": [{"serviceId": cast.service, "technicianId": cast.worker.id, "unitPrice": 45.5, "discount": 5.25},
                    {"serviceId": cast.service, "technicianId": cast.evaluator.id}],
        "parts": [{"partId": cast.part, "quantity": 2}]});
    let (status, body) = shop.post("/repair-orders", &cast.owner.token, body).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let order = &body["savedOrder"];
    // 40.25 and the service's usual 20, and two parts at 65.99.
    assert_eq!(order["finalCost"], json!(192.23));
    assert_eq!(order["status"], json!("IN_REVIEW"));
    assert_eq!(order["problemDescription"], json!("Pantalla rota"));
    assert_eq!(order["imageUrls"], json!(["https://x.co/1.jpg"]));
    assert_eq!(order["evaluatedBy"]["id"], json!(cast.evaluator.id));
    assert_eq!(order["equipment"]["user"]["id"], json!(cast.owner.id));
    let detail = &order["repairOrderDetails"][0];
    assert_eq!((&detail["subTotal"], &detail["status"]), (&json!(40.25), &json!("PENDING")));
    assert_eq!(
        (&detail["service"]["basePrice"], &detail["technician"]["name"]),
        (&json!(20), &json!("Rita"))
    );
    assert_eq!(order["repairOrderDetails"][1]["subTotal"], json!(20));
    let part = &order["repairOrderParts"][0];
    assert_eq!(
        (&part["quantity"], &part["subTotal"], &part["part"]["stock"]),
        (&json!(2), &json!(131.98), &json!(3))
    );
    assert_eq!(shop.number("SELECT COUNT(*) FROM order_status_changes WHERE from_status IS NULL").await, 1);
}

#[tokio::test]
async fn without_an_evaluator_no_order_is_taken_in() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.run("UPDATE users SET is_evaluator = 0").await;
    let body = json!({"equipmentId": cast.device, "problemDescription": "x"});
    let refused = (StatusCode::NOT_FOUND, not_found("No evaluator technician found"));
    assert_eq!(shop.post("/repair-orders", &cast.owner.token, body).await, refused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_orders_for_the_last_part_exactly_one_gets_it() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.run("UPDATE spare_parts SET stock = 1").await;
    let body = json!({"equipmentId": cast.device, "problemDescription": "x", "parts": [{"partId": cast.part, "quantity": 1}]});
    let orders: Vec<_> = (0..12)
        .map(|_| {
            let request = request(Method::POST, "/repair-orders", &cast.owner.token, body.to_string());
            tokio::spawn(tower::ServiceExt::oneshot(shop.router.clone(), request))
        })
        .collect();
    let mut answers = Vec::new();
    for order in orders {
        answers.push(order.await.expect("no panic").expect("infallible").status().as_u16());
    }
    answers.sort_unstable();
    assert_eq!((answers[0], &answers[1..]), (201, &[400; 11][..]));
    assert_eq!(
        (
            shop.number("SELECT stock FROM spare_parts").await,
            shop.number("SELECT COUNT(*) FROM repair_orders").await
        ),
        (0, 1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_writers_at_once_lose_nothing() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let detail = json!([{"serviceId": cast.service, "technicianId": cast.worker.id, "unitPrice": 0.1}]);
    let body = json!({"equipmentId": cast.device, "problemDescription": "x", "details": detail}).to_string();
    let writers: Vec<_> = (0..50)
        .map(|_| {
            let request = request(Method::POST, "/repair-orders", &cast.owner.token, body.clone());
            tokio::spawn(tower::ServiceExt::oneshot(shop.router.clone(), request))
        })
        .collect();
    for writer in writers {
        assert_eq!(writer.await.expect("no panic").expect("infallible").status(), StatusCode::CREATED);
    }
    assert_eq!(shop.stats().await["orders_count_total"], json!({"count": 50}));
    assert_eq!(shop.stats().await["orders_top_services"]["topServices"][0]["revenue"], json!(5));
}

#[tokio::test]
async fn staff_add_and_change_work_and_parts_and_the_cost_follows() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let id = shop
        .made(
            "/repair-orders",
            &cast.owner.token,
            json!({"equipmentId": cast.device, "problemDescription": "x"}),
        )
        .await;
    let path = format!("/repair-orders/{id}");
    let add = json!({"diagnosis": "LCD", "estimatedCost": 100.5,
        "details": [{"serviceId": cast.service, "technicianId": cast.worker.id, "unitPrice": 30}],
        "parts": [{"partId": cast.part, "quantity": 2}]});
    let (status, order) = shop.patch(&path, &cast.evaluator.token, add).await;
    assert_eq!(
        (status, &order["finalCost"], &order["diagnosis"], &order["estimatedCost"]),
        (StatusCode::OK, &json!(161.98), &json!("LCD"), &json!(100.5))
    );
    let (detail, part) = (&order["repairOrderDetails"][0]["id"], &order["repairOrderParts"][0]["id"]);

    let change = json!({"details": [{"id": detail, "discount": 5}], "parts": [{"id": part, "quantity": 5}]});
    let (_, order) = shop.patch(&path, &cast.evaluator.token, change).await;
    assert_eq!(order["finalCost"], json!(354.95));
    assert_eq!(shop.number("SELECT stock FROM spare_parts").await, 0);
    let more = json!({"parts": [{"id": part, "quantity": 6}]});
    let short = (StatusCode::BAD_REQUEST, bad_request("Low stock. Available: 0, required: 1"));
    assert_eq!(shop.patch(&path, &cast.evaluator.token, more).await, short);
    let (_, order) =
        shop.patch(&path, &cast.evaluator.token, json!({"parts": [{"id": part, "quantity": 1}]})).await;
    assert_eq!((&order["finalCost"], shop.number("SELECT stock FROM spare_parts").await), (&json!(90.99), 4));

    // A technician plans nobody else's work, and the owner plans none.
    let others = json!({"details": [{"serviceId": cast.service, "technicianId": cast.evaluator.id}]});
    assert_eq!(
        shop.patch(&path, &cast.worker.token, others.clone()).await,
        (StatusCode::FORBIDDEN, forbidden())
    );
    assert_eq!(shop.patch(&path, &cast.owner.token, others).await, (StatusCode::FORBIDDEN, forbidden()));
    let own = json!({"details": [{"id": detail, "notes": "listo"}]});
    assert_eq!(shop.patch(&path, &cast.worker.token, own).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_warranty_ends_after_it_begins() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let id = shop
        .made(
            "/repair-orders",
            &cast.owner.token,
            json!({"equipmentId": cast.device, "problemDescription": "x"}),
        )
        .await;
    let path = format!("/repair-orders/{id}");
    let refused =
        (StatusCode::BAD_REQUEST, bad_request("Warranty start date must be earlier than the end date."));
    let both = |start: &str, end: &str| json!({"warrantyStartDate": start, "warrantyEndDate": end});
    assert_eq!(shop.patch(&path, &shop.admin, both("2026-02-01", "2026-01-01")).await, refused);
    let (_, order) = shop.patch(&path, &shop.admin, both("2026-02-01", "2026-03-01T00:00:00.000Z")).await;
    assert_eq!(
        (&order["warrantyStartDate"], &order["warrantyEndDate"]),
        (&json!("2026-02-01"), &json!("2026-03-01"))
    );
    assert_eq!(shop.patch(&path, &shop.admin, json!({"warrantyEndDate": "2026-01-31"})).await, refused);
    let (status, body) = shop.patch(&path, &shop.admin, json!({"warrantyEndDate": "2026-02-30"})).await;
    let fault = bad_request(json!(["warrantyEndDate must be a valid ISO 8601 date string"]));
    assert_eq!((status, body), (StatusCode::BAD_REQUEST, fault.clone()));
    for (rest, is_good) in [
        ("T10:30", true),
        ("T10:30:00+05:00", true),
        ("T", false),
        ("T25:00:00Z", false),
        (" or so", false),
        ("1", false),
        ("T10:30Zzz", false),
    ] {
        let wish = json!({"warrantyEndDate": format!("2026-03-02{rest}")});
        let (status, body) = shop.patch(&path, &shop.admin, wish).await;
        match is_good {
            true => assert_eq!(body["warrantyEndDate"], json!("2026-03-02"), "{rest}: {body}"),
            false => assert_eq!((status, body), (StatusCode::BAD_REQUEST, fault.clone()), "{rest}"),
        }
    }
}
