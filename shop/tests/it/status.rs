//! From state to state: which arrows there are, for whom, and what follows.

use super::support::*;
use axum::http::StatusCode;
use serde_json::json;
use shared::OrderStatus;

#[tokio::test]
async fn each_arrow_is_for_its_role_and_there_are_no_others() {
    const STAFF: [(&str, &str); 8] = [
        ("IN_REVIEW", "WAITING_APPROVAL"),
        ("IN_REVIEW", "REJECTED"),
        ("IN_REVIEW", "IN_REPAIR"),
        ("IN_REPAIR", "WAITING_PARTS"),
        ("WAITING_PARTS", "IN_REPAIR"),
        ("IN_REPAIR", "READY"),
        ("READY", "DELIVERED"),
        ("READY", "IN_REPAIR"),
    ];
    const OWNER: [(&str, &str); 2] = [("WAITING_APPROVAL", "IN_REPAIR"), ("WAITING_APPROVAL", "REJECTED")];
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
    for from in OrderStatus::ALL.map(OrderStatus::code) {
        for to in OrderStatus::ALL.map(OrderStatus::code) {
            for (token, mine, others) in
                [(&cast.evaluator.token, &STAFF[..], &OWNER[..]), (&cast.owner.token, &OWNER[..], &STAFF[..])]
            {
                shop.run(&format!("UPDATE repair_orders SET status = '{from}'")).await;
                let (status, body) = shop.patch(&path, token, json!({"status": to})).await;
                let expected = match (from, to) {
                    _ if from == to || mine.contains(&(from, to)) => StatusCode::OK,
                    _ if others.contains(&(from, to)) => StatusCode::FORBIDDEN,
                    _ => StatusCode::CONFLICT,
                };
                assert_eq!(status, expected, "{from} to {to}: {body}");
            }
            shop.run(&format!("UPDATE repair_orders SET status = '{from}'")).await;
            assert_eq!(
                shop.patch(&path, &shop.admin, json!({"status": to})).await.0,
                StatusCode::OK,
                "{from} to {to}"
            );
        }
    }
    shop.run("UPDATE repair_orders SET status = 'READY'").await;
    let (_, body) = shop.patch(&path, &cast.evaluator.token, json!({"status": "IN_REVIEW"})).await;
    let says = "An order that is READY cannot become IN_REVIEW. Allowed: DELIVERED, IN_REPAIR";
    assert_eq!(body, json!({"message": says, "error": "Conflict", "statusCode": 409}));
}

#[tokio::test]
async fn each_change_is_a_row_of_history_and_the_same_status_is_none() {
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
    shop.patch(&path, &cast.evaluator.token, json!({"status": "WAITING_APPROVAL"})).await;
    shop.patch(&path, &cast.evaluator.token, json!({"status": "WAITING_APPROVAL"})).await;
    shop.patch(&path, &cast.evaluator.token, json!({"status": "IN_REPAIR"})).await;
    shop.patch(&path, &cast.owner.token, json!({"status": "IN_REPAIR"})).await;
    let sql =
        "SELECT COALESCE(from_status, ''), to_status, changed_by FROM order_status_changes ORDER BY seq";
    let rows: Vec<(String, String, String)> = sqlx::query_as(sql).fetch_all(&shop.rows).await.expect("rows");
    let row = |from: &str, to: &str, by: &str| (from.to_owned(), to.to_owned(), by.to_owned());
    assert_eq!(
        rows,
        [
            row("", "IN_REVIEW", &cast.owner.id),
            row("IN_REVIEW", "WAITING_APPROVAL", &cast.evaluator.id),
            row("WAITING_APPROVAL", "IN_REPAIR", &cast.owner.id),
        ]
    );
}

#[tokio::test]
async fn repair_and_delivery_are_seen_on_the_device_and_a_warranty_begins() {
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
    let (_, order) = shop.patch(&path, &shop.admin, json!({"status": "IN_REPAIR"})).await;
    assert_eq!(order["equipment"]["currentStatus"], json!("IN_REPAIR"));
    let (_, order) = shop.patch(&path, &shop.admin, json!({"status": "DELIVERED"})).await;
    assert_eq!(order["equipment"]["currentStatus"], json!("AVAILABLE"));
    let today = time::OffsetDateTime::now_utc().date();
    assert_eq!(order["warrantyStartDate"], json!(today.to_string()));
    let end = order["warrantyEndDate"].as_str().expect("a date").to_owned();
    assert!(
        end > (today + time::Duration::days(88)).to_string()
            && end < (today + time::Duration::days(93)).to_string(),
        "{end}"
    );
    assert_eq!(shop.number("SELECT COUNT(*) FROM repair_orders WHERE delivered_at > 1600000000000").await, 1);
    shop.patch(&path, &shop.admin, json!({"status": "READY"})).await;
    assert_eq!(shop.number("SELECT COUNT(*) FROM repair_orders WHERE delivered_at IS NULL").await, 1);
}

#[tokio::test]
async fn a_rejected_order_gives_its_parts_back_and_takes_them_again() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let body = json!({"equipmentId": cast.device, "problemDescription": "x", "parts": [{"partId": cast.part, "quantity": 3}]});
    let path = format!("/repair-orders/{}", shop.made("/repair-orders", &cast.owner.token, body).await);
    let stock = async || shop.number("SELECT stock FROM spare_parts").await;
    assert_eq!(stock().await, 2);
    assert_eq!(
        shop.patch(&path, &cast.evaluator.token, json!({"status": "REJECTED"})).await.0,
        StatusCode::OK
    );
    assert_eq!(stock().await, 5);
    shop.patch(&path, &shop.admin, json!({"status": "IN_REVIEW"})).await;
    assert_eq!(stock().await, 2);
    shop.patch(&path, &shop.admin, json!({"status": "REJECTED"})).await;
    // Its parts are gone meanwhile, so it stays as it is.
    shop.run("UPDATE spare_parts SET stock = 1").await;
    let short = (StatusCode::BAD_REQUEST, bad_request("Low stock. Available: 1, required: 3"));
    assert_eq!(shop.patch(&path, &shop.admin, json!({"status": "IN_REVIEW"})).await, short);
    assert_eq!(shop.get(&path, &shop.admin).await.1["status"], json!("REJECTED"));
    // What a rejected order is changed to takes nothing from the stock, either.
    let part = shop.get(&path, &shop.admin).await.1["repairOrderParts"][0]["id"].clone();
    shop.patch(&path, &shop.admin, json!({"parts": [{"id": part, "quantity": 1}]})).await;
    assert_eq!(stock().await, 1);
    shop.patch(&path, &shop.admin, json!({"status": "IN_REVIEW"})).await;
    assert_eq!(stock().await, 0);
}

#[tokio::test]
async fn the_last_piece_of_work_makes_the_order_ready() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let detail = |who: &str| json!({"serviceId": cast.service, "technicianId": who});
    let body = json!({"equipmentId": cast.device, "problemDescription": "x", "details": [detail(&cast.worker.id), detail(&cast.evaluator.id)]});
    let path = format!("/repair-orders/{}", shop.made("/repair-orders", &cast.owner.token, body).await);
    let (_, order) = shop.patch(&path, &shop.admin, json!({"status": "IN_REPAIR"})).await;
    let work = |at: usize| {
        format!(
            "/repair-orders/technician/detail/{}",
            order["repairOrderDetails"][at]["id"].as_str().expect("an id")
        )
    };

    let not_yours = not_found("Detail not found or you are not assigned to it");
    let done = json!({"status": "COMPLETED", "notes": "listo"});
    assert_eq!(
        shop.patch(&format!("{}/status", work(0)), &cast.evaluator.token, done.clone()).await,
        (StatusCode::NOT_FOUND, not_yours)
    );
    let (status, body) = shop.patch(&format!("{}/status", work(0)), &cast.worker.token, done).await;
    assert_eq!(
        (status, &body["status"], &body["notes"], &body["repairOrder"]["status"]),
        (StatusCode::OK, &json!("COMPLETED"), &json!("listo"), &json!("IN_REPAIR"))
    );
    let priced = json!({"status": "COMPLETED", "unitPrice": 45.5, "discount": 5.25});
    let (status, body) = shop.patch(&work(1), &cast.evaluator.token, priced).await;
    assert_eq!(
        (status, &body["subTotal"], &body["repairOrder"]["status"], &body["repairOrder"]["finalCost"]),
        (StatusCode::OK, &json!(40.25), &json!("READY"), &json!(60.25))
    );
    // Back in repair, it does not bounce.
    let (_, order) = shop.patch(&path, &cast.evaluator.token, json!({"status": "IN_REPAIR"})).await;
    assert_eq!(order["status"], json!("IN_REPAIR"));
    let wrong =
        bad_request(json!(["status must be one of the following values: PENDING, IN_PROGRESS, COMPLETED"]));
    assert_eq!(
        shop.patch(&format!("{}/status", work(0)), &cast.worker.token, json!({"status": "X"})).await,
        (StatusCode::BAD_REQUEST, wrong)
    );
}

#[tokio::test]
async fn an_owner_changes_the_description_and_nothing_else() {
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
    let (status, order) = shop.patch(&path, &cast.owner.token, json!({"problemDescription": "y"})).await;
    assert_eq!((status, &order["problemDescription"]), (StatusCode::OK, &json!("y")));
    for wish in
        [json!({"diagnosis": "z"}), json!({"estimatedCost": 0}), json!({"warrantyEndDate": "2030-01-01"})]
    {
        assert_eq!(shop.patch(&path, &cast.owner.token, wish).await, (StatusCode::FORBIDDEN, forbidden()));
    }
    assert_eq!(
        shop.patch(&path, &cast.stranger.token, json!({"problemDescription": "z"})).await.0,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn a_change_of_work_and_status_together_does_the_work_first() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let piece = json!({"serviceId": cast.service, "technicianId": cast.worker.id});
    let cases = [
        // From, what is asked for beside the completion of the only piece, and what comes of it.
        ("IN_REPAIR", json!({}), "READY", vec!["READY"]),
        ("IN_REPAIR", json!({"status": "IN_REPAIR"}), "READY", vec!["READY"]),
        ("IN_REPAIR", json!({"status": "READY"}), "READY", vec!["READY"]),
        ("IN_REPAIR", json!({"status": "WAITING_PARTS"}), "WAITING_PARTS", vec!["WAITING_PARTS"]),
        ("IN_REVIEW", json!({"status": "IN_REPAIR"}), "READY", vec!["IN_REPAIR", "READY"]),
        ("IN_REVIEW", json!({"status": "REJECTED"}), "REJECTED", vec!["REJECTED"]),
        ("WAITING_PARTS", json!({}), "WAITING_PARTS", vec![]),
    ];
    for (from, mut wish, to, history) in cases {
        let id = shop.order(&cast, json!({"details": [piece]})).await;
        let order = shop.set_status(&id, from).await;
        let before = shop.number("SELECT MAX(seq) FROM order_status_changes").await;
        wish["details"] = json!([{"id": order["repairOrderDetails"][0]["id"], "status": "COMPLETED"}]);
        let path = format!("/repair-orders/{id}");
        let (status, order) = shop.patch(&path, &cast.evaluator.token, wish.clone()).await;
        assert_eq!((status, &order["status"]), (StatusCode::OK, &json!(to)), "{from} {wish}: {order}");
        let sql = format!(
            "SELECT to_status FROM order_status_changes WHERE seq > {before} AND changed_by = '{}' ORDER BY seq",
            cast.evaluator.id
        );
        let rows: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&shop.rows).await.expect("rows");
        assert_eq!(rows, history, "{from} {wish}");
    }
}

#[tokio::test]
async fn a_new_piece_of_work_does_not_make_an_order_ready_and_work_done_again_does() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let piece = json!({"serviceId": cast.service, "technicianId": cast.worker.id});
    let id = shop.order(&cast, json!({"details": [piece]})).await;
    let path = format!("/repair-orders/{id}");
    let order = shop.set_status(&id, "IN_REPAIR").await;
    let detail = order["repairOrderDetails"][0]["id"].as_str().expect("an id").to_owned();
    let work = format!("/repair-orders/technician/detail/{detail}/status");
    let done = json!({"status": "COMPLETED"});
    let (_, told) = shop.patch(&work, &cast.worker.token, done.clone()).await;
    assert_eq!(told["repairOrder"]["status"], json!("READY"));
    // Sent back: a note does not make it ready again, nor does a price, nor work that is sent along as it was.
    let as_it_was = json!([{"id": detail, "status": "COMPLETED", "unitPrice": 20}]);
    let (_, order) =
        shop.patch(&path, &cast.evaluator.token, json!({"status": "IN_REPAIR", "details": as_it_was})).await;
    assert_eq!(order["status"], json!("IN_REPAIR"));
    let note = json!({"details": [{"id": detail, "notes": "sigue fallando"}]});
    assert_eq!(shop.patch(&path, &cast.evaluator.token, note).await.1["status"], json!("IN_REPAIR"));
    let price = json!({"status": "COMPLETED", "unitPrice": 25});
    let (_, told) = shop.patch(work.trim_end_matches("/status"), &cast.worker.token, price).await;
    assert_eq!(told["repairOrder"]["status"], json!("IN_REPAIR"));
    // Doing it again does.
    shop.patch(&work, &cast.worker.token, json!({"status": "IN_PROGRESS"})).await;
    let (_, told) = shop.patch(&work, &cast.worker.token, done).await;
    assert_eq!(told["repairOrder"]["status"], json!("READY"));
}

#[tokio::test]
async fn a_warranty_begins_on_the_day_that_it_is_where_the_shop_stands() {
    // It is never the same day in both.
    for zone in ["Pacific/Kiritimati", "Etc/GMT+12"] {
        let shop = TestShop::in_zone(zone).await;
        let cast = shop.cast().await;
        let id = shop.order(&cast, json!({})).await;
        let zone = jiff::tz::TimeZone::get(zone).expect("a zone");
        let today = || jiff::Timestamp::now().to_zoned(zone.clone()).date();
        let before = today();
        let order = shop.set_status(&id, "DELIVERED").await;
        let start = order["warrantyStartDate"].as_str().expect("a date");
        // It may be midnight there just now.
        assert!([before, today()].map(|day| day.to_string()).contains(&start.to_owned()), "{start}");
        let end = start.parse::<jiff::civil::Date>().expect("a date") + jiff::Span::new().months(3);
        assert_eq!(order["warrantyEndDate"], json!(end.to_string()));
    }
}

#[tokio::test]
async fn a_part_is_exchanged_when_what_it_gives_back_is_taken_in_the_same_change() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let id = shop.order(&cast, json!({"parts": [{"partId": cast.part, "quantity": 5}]})).await;
    let path = format!("/repair-orders/{id}");
    let part = shop.get(&path, &shop.admin).await.1["repairOrderParts"][0]["id"].clone();
    let parts = json!([{"partId": cast.part, "quantity": 2}, {"id": part, "quantity": 3}]);
    let (status, order) = shop.patch(&path, &cast.evaluator.token, json!({"parts": parts})).await;
    assert_eq!((status, shop.number("SELECT stock FROM spare_parts").await), (StatusCode::OK, 0), "{order}");
}
