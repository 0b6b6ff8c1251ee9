//! Whose things someone sees and changes. (Which routes are for which role: server/tests/it/roles.rs.)

use super::support::*;
use axum::http::StatusCode;
use serde_json::json;
use shop::Role;

#[tokio::test]
async fn a_client_sees_and_orders_for_own_devices_only() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let device = format!("/equipments/{}", cast.device);
    let missing = not_found(format!("Equipment with id {} not found", cast.device));
    assert_eq!(shop.get(&device, &cast.stranger.token).await, (StatusCode::NOT_FOUND, missing.clone()));
    let order = json!({"equipmentId": cast.device, "problemDescription": "x"});
    assert_eq!(
        shop.post("/repair-orders", &cast.stranger.token, order.clone()).await,
        (StatusCode::NOT_FOUND, missing)
    );

    let id = shop.made("/repair-orders", &cast.owner.token, order).await;
    let path = format!("/repair-orders/{id}");
    let no_access = json!({"message": "You do not have access to this repair order.", "error": "Forbidden", "statusCode": 403});
    for (someone, may) in
        [(&cast.owner, true), (&cast.evaluator, true), (&cast.stranger, false), (&cast.worker, false)]
    {
        let (status, body) = shop.get(&path, &someone.token).await;
        assert_eq!(status == StatusCode::OK, may, "{body}");
        assert!(may || body == no_access, "{body}");
        let (_, list) = shop.get("/repair-orders", &someone.token).await;
        assert_eq!(list.as_array().expect("a list").len(), usize::from(may));
    }
    let (_, own) = shop.get("/equipments", &cast.owner.token).await;
    assert_eq!((&own[0]["id"], &own[0]["repairOrders"][0]["id"]), (&json!(cast.device), &json!(id)));
    assert_eq!(shop.get("/equipments", &cast.stranger.token).await.1, json!([]));
    let (_, evaluated) = shop.get("/repair-orders/evaluator", &cast.evaluator.token).await;
    assert_eq!(evaluated[0]["id"], json!(id));
}

#[tokio::test]
async fn at_the_counter_an_administrator_takes_in_a_clients_device() {
    let shop = TestShop::open().await;
    let client = shop.person("Juan", Role::User).await;
    let device = |extra: serde_json::Value| {
        let mut body = json!({"name": "x", "type": "PC", "brand": "b", "model": "m"});
        body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        body
    };
    let (status, made) = shop.post("/equipments", &shop.admin, device(json!({"userId": client.id}))).await;
    assert_eq!(
        (status, &made["user"]["id"], &made["currentStatus"]),
        (StatusCode::CREATED, &json!(client.id), &json!("AVAILABLE"))
    );
    let nobody = "550e8400-e29b-41d4-a716-446655440000";
    let (status, _) = shop.post("/equipments", &shop.admin, device(json!({"userId": nobody}))).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    // A client has no such field.
    let (status, body) = shop.post("/equipments", &client.token, device(json!({"userId": nobody}))).await;
    assert_eq!(
        (status, body),
        (StatusCode::BAD_REQUEST, bad_request(json!(["property userId should not exist"])))
    );
    let (_, users) = shop.get("/users", &shop.admin).await;
    assert_eq!((&users[0]["id"], &users[0]["equipments"][0]["id"]), (&json!(client.id), &made["id"]));
    assert!(users[0]["equipments"][0].get("user").is_none());
}
