//! Services and spare parts: looked at, changed and deleted.

use super::support::*;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

const NOBODY: &str = "550e8400-e29b-41d4-a716-446655440000";

fn conflict(message: String) -> Value {
    json!({"message": message, "error": "Conflict", "statusCode": 409})
}

#[tokio::test]
async fn a_service_is_changed_and_keeps_its_name_to_itself() {
    let mut shop = TestShop::open().await;
    let cast = shop.cast().await;
    let other = json!({"serviceName": "Pantalla", "description": "d", "basePrice": 45.5, "type": "REPAIR"});
    shop.made("/services", &shop.admin, other).await;
    shop.events();
    let path = format!("/services/{}", cast.service);
    let wish = json!({"basePrice": 22.1, "active": false, "requiresParts": true, "imageUrls": ["a"], "type": "DATA",
        "estimatedTimeMinutes": 30, "notes": "n"});
    let (status, body) = shop.patch(&path, &shop.admin, wish.clone()).await;
    assert_eq!(status, StatusCode::OK);
    for (field, value) in wish.as_object().expect("an object") {
        assert_eq!(&body[field], value, "{field}");
    }
    assert_eq!((&body["serviceName"], &body["description"]), (&json!("Limpieza"), &json!("d")));
    assert_eq!(shop.next_event().await, ("SERVICE_UPDATED".into(), Some(cast.service.clone())));
    assert_eq!(shop.get(&path, &cast.stranger.token).await, (StatusCode::OK, body));

    let taken = conflict("Service with name Pantalla already exists".to_owned());
    assert_eq!(
        shop.patch(&path, &shop.admin, json!({"serviceName": "Pantalla"})).await,
        (StatusCode::CONFLICT, taken.clone())
    );
    let twice = json!({"serviceName": "Pantalla", "description": "d", "basePrice": 1, "type": "REPAIR"});
    assert_eq!(shop.post("/services", &shop.admin, twice).await, (StatusCode::CONFLICT, taken));
    let own = json!({"serviceName": "Limpieza"});
    assert_eq!(shop.patch(&path, &shop.admin, own).await.0, StatusCode::OK);
    let faults = json!({"basePrice": -1, "type": "X", "active": "yes"});
    let (status, body) = shop.patch(&path, &shop.admin, faults).await;
    assert_eq!(
        (status, body["message"].as_array().map(Vec::len)),
        (StatusCode::BAD_REQUEST, Some(3)),
        "{body}"
    );
}

#[tokio::test]
async fn a_spare_part_is_changed_and_keeps_its_name_to_itself() {
    let mut shop = TestShop::open().await;
    let cast = shop.cast().await;
    let other = json!({"name": "Batería", "description": "d", "stock": 1, "unitPrice": 1});
    shop.made("/spare-parts", &cast.worker.token, other).await;
    shop.events();
    let path = format!("/spare-parts/{}", cast.part);
    let (status, body) = shop.patch(&path, &cast.worker.token, json!({"stock": 0, "unitPrice": 60})).await;
    assert_eq!(
        (status, &body["stock"], &body["unitPrice"], &body["name"]),
        (StatusCode::OK, &json!(0), &json!(60), &json!("SSD 500"))
    );
    assert_eq!(shop.next_event().await, ("SPARE_PART_UPDATED".into(), Some(cast.part.clone())));
    assert_eq!(shop.get(&path, &cast.worker.token).await, (StatusCode::OK, body));
    let taken = bad_request("Spare part with name Batería already exists");
    assert_eq!(
        shop.patch(&path, &shop.admin, json!({"name": "Batería"})).await,
        (StatusCode::BAD_REQUEST, taken)
    );
    let (status, body) = shop.patch(&path, &shop.admin, json!({"stock": -1})).await;
    assert_eq!(
        (status, body),
        (StatusCode::BAD_REQUEST, bad_request(json!(["stock must not be less than 0"])))
    );
}

#[tokio::test]
async fn what_orders_name_is_not_deleted_and_keeps_its_price_there() {
    let mut shop = TestShop::open().await;
    let cast = shop.cast().await;
    let order = json!({"equipmentId": cast.device, "problemDescription": "x",
        "details": [{"serviceId": cast.service, "technicianId": cast.worker.id}],
        "parts": [{"partId": cast.part, "quantity": 2}]});
    let order = format!("/repair-orders/{}", shop.made("/repair-orders", &cast.owner.token, order).await);
    let (service, part) = (format!("/services/{}", cast.service), format!("/spare-parts/{}", cast.part));
    shop.patch(&service, &shop.admin, json!({"basePrice": 1})).await;
    shop.patch(&part, &shop.admin, json!({"unitPrice": 1})).await;
    assert_eq!(shop.get(&order, &shop.admin).await.1["finalCost"], json!(151.98));
    for (path, message) in [
        (
            &service,
            format!(
                "Service with id {} cannot be deleted: details of repair orders depend on it",
                cast.service
            ),
        ),
        (
            &part,
            format!(
                "Spare part with id {} cannot be deleted: parts of repair orders depend on it",
                cast.part
            ),
        ),
    ] {
        let answer = shop.call(Method::DELETE, path, &shop.admin, None).await;
        assert_eq!(answer, (StatusCode::CONFLICT, conflict(message)));
    }
    assert_eq!(shop.call(Method::DELETE, &order, &shop.admin, None).await.0, StatusCode::OK);
    shop.events();
    for (path, event) in [(&service, "SERVICE_DELETED"), (&part, "SPARE_PART_DELETED")] {
        let answer = shop.call(Method::DELETE, path, &shop.admin, None).await;
        assert_eq!(answer, (StatusCode::OK, Value::Null));
        assert_eq!(shop.next_event().await.0, event);
        assert_eq!(shop.get(path, &shop.admin).await.0, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let shop = TestShop::open().await;
    for (path, what) in [("/services", "Service"), ("/spare-parts", "Spare part")] {
        let path = format!("{path}/{NOBODY}");
        let missing = (StatusCode::NOT_FOUND, not_found(format!("{what} with id {NOBODY} not found")));
        assert_eq!(shop.get(&path, &shop.admin).await, missing);
        assert_eq!(shop.patch(&path, &shop.admin, json!({})).await, missing);
        assert_eq!(shop.call(Method::DELETE, &path, &shop.admin, None).await, missing);
    }
    assert_eq!(
        shop.get(&format!("/services/{NOBODY}"), "").await,
        (StatusCode::UNAUTHORIZED, unauthorized())
    );
}
