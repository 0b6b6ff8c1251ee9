//! Bad input: the contract's answer, and nothing changed.

use super::support::*;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn every_fault_of_a_body_is_named() {
    let mut shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.events();
    let device = json!({"name": "x", "type": "TOASTER", "brand": "b", "model": "m"});
    let statuses = "IN_REVIEW, WAITING_APPROVAL, REJECTED, IN_REPAIR, WAITING_PARTS, READY, DELIVERED";
    let order = format!("/repair-orders/{}", cast.device);
    let cases: Vec<(Method, &str, Value, Vec<&str>)> = vec![
        (
            Method::POST,
            "/auth/register",
            json!({"name": "", "email": "x", "password": "123"}),
            vec![
                "name should not be empty",
                "email must be an email",
                "password must be longer than or equal to 6 characters",
            ],
        ),
        (
            Method::POST,
            "/auth/register",
            json!({"email": "a@b.co", "password": "123456"}),
            vec!["name should not be empty", "name must be a string"],
        ),
        (
            Method::POST,
            "/auth/register",
            json!({"name": "a", "email": "a@b.co", "password": "123456", "role": "Admin"}),
            vec!["property role should not exist"],
        ),
        (
            Method::POST,
            "/auth/login",
            json!({"email": "adm", "password": "s"}),
            vec!["email must be an email", "password must be longer than or equal to 6 characters"],
        ),
        (
            Method::POST,
            "/users/technician",
            json!({"name": "T", "email": "t@x.co", "password": "secret1"}),
            vec!["specialty should not be empty", "specialty must be a string"],
        ),
        (
            Method::POST,
            "/equipments",
            device,
            vec!["type must be one of the following values: PC, LAPTOP, CELLPHONE, PRINTER, TABLET"],
        ),
        (
            Method::POST,
            "/repair-orders",
            json!({"equipmentId": "zz", "problemDescription": ""}),
            vec!["equipmentId must be a UUID", "problemDescription should not be empty"],
        ),
        (
            Method::POST,
            "/repair-orders",
            json!({"equipmentId": cast.device, "problemDescription": "q",
                "details": [{"serviceId": cast.service, "technicianId": "x", "unitPrice": -1}]}),
            vec!["details.0.technicianId must be a UUID", "details.0.unitPrice must not be less than 0"],
        ),
        (
            Method::POST,
            "/spare-parts",
            json!({"name": "Z", "description": "d", "stock": 0, "unitPrice": 1}),
            vec!["stock must not be less than 1"],
        ),
        (
            Method::PATCH,
            &order,
            json!({"status": "FOO", "zz": 1}),
            vec![
                "property zz should not exist",
                &*Box::leak(
                    format!("status must be one of the following values: {statuses}").into_boxed_str(),
                ),
            ],
        ),
    ];
    for (method, path, body, faults) in cases {
        let answer = shop.call(method, path, &shop.admin, Some(body)).await;
        assert_eq!(answer, (StatusCode::BAD_REQUEST, bad_request(json!(faults))), "{path}");
    }
    assert_eq!(shop.events(), Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_read_changes_nothing() {
    let mut shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.events();
    for body in
        ["{bad", "[]", "7", "null", "\"x\"", "{\"name\":\"a\\u0000b\"}", &"[".repeat(1_000), "{\"name\":1}{"]
    {
        for path in [
            "/auth/login",
            "/auth/register",
            "/users",
            "/equipments",
            "/services",
            "/spare-parts",
            "/repair-orders",
        ] {
            let (status, answer) = shop.call_raw(Method::POST, path, &shop.admin, body.to_owned()).await;
            assert_eq!(
                (status, &answer["statusCode"]),
                (StatusCode::BAD_REQUEST, &json!(400)),
                "{path} {body:.20} {answer}"
            );
        }
    }
    let (status, answer) = shop.call_raw(Method::POST, "/services", &shop.admin, vec![0xff, 0xfe]).await;
    assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("Bad Request")));
    assert_eq!(shop.events(), Vec::<String>::new());
    assert_eq!(shop.number("SELECT COUNT(*) FROM users").await, 5);
    assert_eq!(shop.get(&format!("/equipments/{}", cast.device), &shop.admin).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_told_so_in_the_contracts_form() {
    let shop = TestShop::open().await;
    let body = json!({"name": "x".repeat(300_000)}).to_string();
    let large =
        json!({"message": "request entity too large", "error": "Payload Too Large", "statusCode": 413});
    assert_eq!(
        shop.call_raw(Method::POST, "/auth/register", "", body).await,
        (StatusCode::PAYLOAD_TOO_LARGE, large)
    );
}
