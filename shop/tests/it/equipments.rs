//! Devices: changed and deleted by whom they belong to.

use super::support::*;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn owners_and_administrators_change_a_device() {
    let mut shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.events();
    let path = format!("/equipments/{}", cast.device);
    let (status, body) =
        shop.patch(&path, &cast.owner.token, json!({"brand": "HP", "serialNumber": "7"})).await;
    assert_eq!(
        (status, &body["brand"], &body["serialNumber"], &body["model"], &body["user"]["id"]),
        (StatusCode::OK, &json!("HP"), &json!("7"), &json!("XPS"), &json!(cast.owner.id))
    );
    assert_eq!(shop.next_event().await, ("EQUIPMENT_UPDATED".into(), Some(cast.device.clone())));
    for status in ["IN_REPAIR", "RETIRED", "AVAILABLE"] {
        let (answer, body) = shop.patch(&path, &shop.admin, json!({"currentStatus": status})).await;
        assert_eq!((answer, &body["currentStatus"]), (StatusCode::OK, &json!(status)));
    }
    let faults = json!({"type": "TOASTER", "currentStatus": "LOST", "name": "", "userId": cast.owner.id});
    let expected = bad_request(json!([
        "property userId should not exist",
        "name should not be empty",
        "type must be one of the following values: PC, LAPTOP, CELLPHONE, PRINTER, TABLET",
        "currentStatus must be one of the following values: AVAILABLE, IN_REPAIR, RETIRED",
    ]));
    assert_eq!(shop.patch(&path, &shop.admin, faults).await, (StatusCode::BAD_REQUEST, expected));
    // What is another's might as well not exist.
    let missing = not_found(format!("Equipment with id {} not found", cast.device));
    for token in [&cast.stranger.token, &cast.worker.token] {
        assert_eq!(
            shop.patch(&path, token, json!({"brand": "X"})).await,
            (StatusCode::NOT_FOUND, missing.clone())
        );
        assert_eq!(
            shop.call(Method::DELETE, &path, token, None).await,
            (StatusCode::NOT_FOUND, missing.clone())
        );
    }
    assert_eq!(shop.get(&path, &cast.owner.token).await.1["brand"], json!("HP"));
}

#[tokio::test]
async fn a_device_with_orders_stays() {
    let mut shop = TestShop::open().await;
    let cast = shop.cast().await;
    let path = format!("/equipments/{}", cast.device);
    let order = json!({"equipmentId": cast.device, "problemDescription": "x"});
    let order = shop.made("/repair-orders", &cast.owner.token, order).await;
    let message = format!("Equipment with id {} cannot be deleted: repair orders depend on it", cast.device);
    let expected = json!({"message": message, "error": "Conflict", "statusCode": 409});
    for token in [&cast.owner.token, &shop.admin] {
        assert_eq!(
            shop.call(Method::DELETE, &path, token, None).await,
            (StatusCode::CONFLICT, expected.clone())
        );
    }
    let order = format!("/repair-orders/{order}");
    assert_eq!(shop.call(Method::DELETE, &order, &shop.admin, None).await.0, StatusCode::OK);
    shop.events();
    assert_eq!(
        shop.call(Method::DELETE, &path, &cast.owner.token, None).await,
        (StatusCode::OK, Value::Null)
    );
    assert_eq!(shop.next_event().await, ("EQUIPMENT_DELETED".into(), Some(cast.device.clone())));
    assert_eq!(shop.get(&path, &cast.owner.token).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_administrator_takes_in_what_belongs_to_a_client_or_themselves() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let other = shop.person("Eva", shop::Role::Admin).await;
    let take_in = async |owner: &str| {
        let device = json!({"name": "PC", "type": "PC", "brand": "b", "model": "m", "userId": owner});
        shop.post("/equipments", &other.token, device).await
    };
    for owner in [&cast.owner.id, &other.id] {
        assert_eq!(take_in(owner).await.0, StatusCode::CREATED);
    }
    let own = shop.call(Method::GET, "/auth/profile", &shop.admin, None).await.1["id"].clone();
    for owner in [&cast.worker.id, own.as_str().expect("an id")] {
        let refused = bad_request("userId must be that of a client");
        assert_eq!(take_in(owner).await, (StatusCode::BAD_REQUEST, refused));
    }
}
