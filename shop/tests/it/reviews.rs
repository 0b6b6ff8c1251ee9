//! Reviews: one for each delivered order, by its client.

use super::support::*;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

const PATH: &str = "/repair-order-reviews";

fn review(order: &str) -> Value {
    json!({"repairOrderId": order, "rating": 5, "comment": " Muy bien "})
}

async fn delivered(shop: &TestShop, cast: &Cast) -> String {
    let order = shop.order(cast, json!({})).await;
    shop.set_status(&order, "DELIVERED").await;
    order
}

#[tokio::test]
async fn a_client_reviews_an_own_delivered_order_once() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let order = shop.order(&cast, json!({})).await;
    let early = bad_request("Cannot create review before the repair is completed");
    assert_eq!(shop.post(PATH, &cast.owner.token, review(&order)).await, (StatusCode::BAD_REQUEST, early));
    shop.set_status(&order, "DELIVERED").await;
    let not_own = bad_request("Only the client of a repair order can review it");
    for someone in [&cast.stranger.token, &shop.admin] {
        let answer = shop.post(PATH, someone, review(&order)).await;
        assert_eq!(answer, (StatusCode::BAD_REQUEST, not_own.clone()));
    }
    let (status, made) = shop.post(PATH, &cast.owner.token, review(&order)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(
        (&made["rating"], &made["comment"], &made["visible"], &made["repairOrder"]["id"]),
        (&json!(5), &json!("Muy bien"), &json!(true), &json!(order))
    );
    let again = bad_request("This repair order already has a review");
    assert_eq!(shop.post(PATH, &cast.owner.token, review(&order)).await, (StatusCode::BAD_REQUEST, again));
    assert_eq!(shop.number("SELECT COUNT(*) FROM repair_order_reviews").await, 1);
    let nobody = "550e8400-e29b-41d4-a716-446655440000";
    let missing = not_found(format!("Repair order with id {nobody} not found"));
    assert_eq!(shop.post(PATH, &cast.owner.token, review(nobody)).await, (StatusCode::NOT_FOUND, missing));
}

#[tokio::test]
async fn what_a_review_says_is_checked() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let order = delivered(&shop, &cast).await;
    let cases = [
        (
            json!({"repairOrderId": order, "rating": 9, "comment": "x"}),
            vec!["rating must not be greater than 5"],
        ),
        (
            json!({"repairOrderId": order, "rating": 0, "comment": "x"}),
            vec!["rating must not be less than 1"],
        ),
        (
            json!({"repairOrderId": order, "rating": 4.5, "comment": "x"}),
            vec!["rating must be an integer number"],
        ),
        (
            json!({"repairOrderId": "zz", "comment": "", "visible": false}),
            vec![
                "property visible should not exist",
                "repairOrderId must be a UUID",
                "rating must be an integer number",
                "comment should not be empty",
            ],
        ),
    ];
    for (body, faults) in cases {
        let answer = shop.post(PATH, &cast.owner.token, body).await;
        assert_eq!(answer, (StatusCode::BAD_REQUEST, bad_request(json!(faults))));
    }
}

#[tokio::test]
async fn a_review_is_its_authors_and_the_administrators_and_the_list_shows_a_client_the_own_ones() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let mut made = Vec::new();
    for _ in 0..2 {
        let order = delivered(&shop, &cast).await;
        made.push(shop.made(PATH, &cast.owner.token, review(&order)).await);
    }
    let path = format!("{PATH}/{}", made[0]);
    for someone in [&cast.stranger, &cast.worker] {
        assert_eq!(shop.get(&path, &someone.token).await, (StatusCode::FORBIDDEN, forbidden()));
        let change = shop.patch(&path, &someone.token, json!({"rating": 1})).await;
        assert_eq!(change, (StatusCode::FORBIDDEN, forbidden()));
        let deletion = shop.call(Method::DELETE, &path, &someone.token, None).await;
        assert_eq!(deletion, (StatusCode::FORBIDDEN, forbidden()));
    }
    assert_eq!(shop.post(PATH, &cast.worker.token, json!({})).await, (StatusCode::FORBIDDEN, forbidden()));
    // Newest first.
    let ids = |list: &Value| -> Vec<String> {
        let list = list.as_array().expect("a list").iter();
        list.map(|review| review["id"].as_str().expect("an id").to_owned()).collect()
    };
    let all = [made[1].clone(), made[0].clone()];
    for (token, expected) in [
        (&cast.owner.token, &all[..]),
        (&cast.worker.token, &all[..]),
        (&shop.admin, &all[..]),
        (&cast.stranger.token, &[][..]),
    ] {
        assert_eq!(ids(&shop.get(PATH, token).await.1), expected);
    }
    let (status, changed) = shop.patch(&path, &cast.owner.token, json!({"rating": 3})).await;
    assert_eq!(
        (status, &changed["rating"], &changed["comment"]),
        (StatusCode::OK, &json!(3), &json!("Muy bien"))
    );
    let too_many = bad_request(json!(["rating must not be greater than 5"]));
    assert_eq!(
        shop.patch(&path, &cast.owner.token, json!({"rating": 6})).await,
        (StatusCode::BAD_REQUEST, too_many)
    );
    assert_eq!(shop.patch(&path, &shop.admin, json!({"comment": "Bien"})).await.1["comment"], json!("Bien"));
    assert_eq!(shop.call(Method::DELETE, &path, &shop.admin, None).await.0, StatusCode::OK);
    assert_eq!(shop.get(&path, &shop.admin).await.0, StatusCode::NOT_FOUND);
    assert_eq!(shop.get(&format!("{PATH}/zzz"), &shop.admin).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn reviews_are_announced_to_nobody_and_go_with_their_order() {
    let mut shop = TestShop::open().await;
    let cast = shop.cast().await;
    let order = delivered(&shop, &cast).await;
    shop.events();
    let id = shop.made(PATH, &cast.owner.token, review(&order)).await;
    shop.patch(&format!("{PATH}/{id}"), &cast.owner.token, json!({"rating": 2})).await;
    assert_eq!(shop.events(), Vec::<String>::new());
    shop.call(Method::DELETE, &format!("/repair-orders/{order}"), &shop.admin, None).await;
    assert_eq!(shop.number("SELECT COUNT(*) FROM repair_order_reviews").await, 0);
}
