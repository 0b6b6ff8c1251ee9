//! Profiles, clients and technicians: changed and deleted.

use super::support::*;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use shop::Role;
use tower::ServiceExt;

const NOBODY: &str = "550e8400-e29b-41d4-a716-446655440000";

async fn signs_in(shop: &TestShop, email: &str, password: &str) -> bool {
    let (status, _) = shop.post("/auth/login", "", json!({"email": email, "password": password})).await;
    status == StatusCode::OK
}

#[tokio::test]
async fn everyone_changes_their_own_profile_and_a_new_password_is_hashed() {
    let mut shop = TestShop::open().await;
    let client = shop.person("Juan", Role::User).await;
    let wish =
        json!({"phone": "099", "lastName": " Pérez ", "email": "Juan@Correo.ec", "password": " newsecret "});
    let (status, body) = shop.patch("/users/profile", &client.token, wish).await;
    assert_eq!(
        (status, &body["phone"], &body["lastName"], &body["email"], &body["name"]),
        (StatusCode::OK, &json!("099"), &json!("Pérez"), &json!("juan@correo.ec"), &json!("Juan"))
    );
    assert_eq!(shop.next_event().await, ("USER_UPDATED".into(), Some(client.id.clone())));
    assert!(!body.to_string().contains("assword"), "{body}");
    assert!(signs_in(&shop, "juan@correo.ec", "newsecret").await);
    assert!(!signs_in(&shop, "juan@correo.ec", "!").await);
    let hashed =
        "SELECT COUNT(*) FROM users WHERE password_hash LIKE '$argon2id$%' AND email = 'juan@correo.ec'";
    assert_eq!(shop.number(hashed).await, 1);

    for (role, event) in [(Role::Technician, "TECHNICIAN_UPDATED"), (Role::Admin, "USER_UPDATED")] {
        let someone = shop.person("Rita", role).await;
        let (status, body) = shop.patch("/users/profile", &someone.token, json!({"phone": "1"})).await;
        assert_eq!((status, &body["phone"]), (StatusCode::OK, &json!("1")), "{role:?}");
        assert_eq!(shop.next_event().await.0, event);
    }
    let own = shop.get("/auth/profile", &client.token).await.1;
    assert_eq!(own["phone"], json!("099"));
}

#[tokio::test]
async fn nobody_raises_themselves() {
    let shop = TestShop::open().await;
    let technician = shop.person("Rita", Role::Technician).await;
    let client = shop.person("Juan", Role::User).await;
    for (field, value) in [("role", json!("Admin")), ("isEvaluator", json!(true)), ("active", json!(false))] {
        for path in ["/users/profile", "/users/technician/profile"] {
            for someone in [&technician, &client] {
                let (status, body) = shop.patch(path, &someone.token, json!({field: value})).await;
                let expected = bad_request(json!([format!("property {field} should not exist")]));
                assert_eq!((status, body), (StatusCode::BAD_REQUEST, expected), "{path}");
            }
        }
    }
    let raised = "SELECT COUNT(*) FROM users WHERE is_evaluator = 1 OR active = 0";
    assert_eq!(shop.number(raised).await, 0);

    let skills = json!({"specialty": "Tablets", "experienceYears": 4, "phone": "1"});
    let (status, body) = shop.patch("/users/technician/profile", &technician.token, skills.clone()).await;
    assert_eq!(
        (status, &body["specialty"], &body["experienceYears"], &body["phone"]),
        (StatusCode::OK, &json!("Tablets"), &json!(4), &json!("1"))
    );
    // Clients have no skills, and technicians name theirs on the other route.
    for (path, token) in [("/users/technician/profile", &client.token), ("/users/profile", &technician.token)]
    {
        assert_eq!(shop.patch(path, token, skills.clone()).await.0, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn an_administrator_changes_clients_and_technicians_each_by_their_route() {
    let mut shop = TestShop::open().await;
    let client = shop.person("Juan", Role::User).await;
    let technician = shop.person("Rita", Role::Technician).await;
    let boss = shop.person("Eva", Role::Admin).await;
    let (as_client, as_technician) =
        (|id: &str| format!("/users/{id}"), |id: &str| format!("/users/technician/{id}"));
    let (status, body) =
        shop.patch(&as_client(&client.id), &shop.admin, json!({"name": "Juana", "address": "Centro"})).await;
    assert_eq!(
        (status, &body["name"], &body["address"]),
        (StatusCode::OK, &json!("Juana"), &json!("Centro"))
    );
    assert_eq!(shop.next_event().await, ("USER_UPDATED".into(), Some(client.id.clone())));

    let wish = json!({"active": false, "isEvaluator": true, "experienceYears": 7});
    let (status, body) = shop.patch(&as_technician(&technician.id), &shop.admin, wish).await;
    assert_eq!(
        (status, &body["active"], &body["isEvaluator"], &body["experienceYears"], &body["specialty"]),
        (StatusCode::OK, &json!(false), &json!(true), &json!(7), &json!("Laptops"))
    );
    assert_eq!(shop.next_event().await, ("TECHNICIAN_UPDATED".into(), Some(technician.id.clone())));

    // Not even with nothing to change, and administrators by neither.
    let wrong = bad_request("Cannot update a technician with this endpoint");
    for id in [&technician.id, &boss.id] {
        assert_eq!(
            shop.patch(&as_client(id), &shop.admin, json!({"phone": "1"})).await,
            (StatusCode::BAD_REQUEST, wrong.clone())
        );
    }
    for id in [&client.id, &boss.id] {
        let (status, _) = shop.patch(&as_technician(id), &shop.admin, json!({})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    let missing = not_found(format!("User with id {NOBODY} not found"));
    for path in [as_client(NOBODY), as_technician(NOBODY)] {
        assert_eq!(shop.patch(&path, &shop.admin, json!({})).await, (StatusCode::NOT_FOUND, missing.clone()));
    }
    let untouched = "SELECT COUNT(*) FROM users WHERE phone IS NOT NULL";
    assert_eq!((shop.number(untouched).await, shop.events()), (0, vec![]));
}

#[tokio::test]
async fn a_mail_address_belongs_to_one() {
    let shop = TestShop::open().await;
    let (juan, eva) = (shop.person("Juan", Role::User).await, shop.person("Eva", Role::User).await);
    let taken = bad_request("A user already exists with this associated email address.");
    let evas = json!({"email": format!("{}@X.co", eva.id)});
    assert_eq!(
        shop.patch("/users/profile", &juan.token, evas.clone()).await,
        (StatusCode::BAD_REQUEST, taken.clone())
    );
    let juans_path = format!("/users/{}", juan.id);
    assert_eq!(shop.patch(&juans_path, &shop.admin, evas.clone()).await, (StatusCode::BAD_REQUEST, taken));
    // One's own is no other's.
    assert_eq!(shop.patch("/users/profile", &eva.token, evas).await.0, StatusCode::OK);
    let faults = json!({"email": "x", "password": "123", "name": " "});
    let (status, body) = shop.patch("/users/profile", &juan.token, faults).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["message"].as_array().map(Vec::len), Some(3), "{body}");
}

#[tokio::test]
async fn who_is_needed_is_not_deleted() {
    let mut shop = TestShop::open().await;
    let cast = shop.cast().await;
    let order = json!({"equipmentId": cast.device, "problemDescription": "x",
        "details": [{"serviceId": cast.service, "technicianId": cast.worker.id}]});
    shop.made("/repair-orders", &cast.owner.token, order).await;
    shop.events();
    let delete = async |id: &str| shop.call(Method::DELETE, &format!("/users/{id}"), &shop.admin, None).await;
    for (who, what) in [
        (&cast.owner, "equipments"),
        (&cast.evaluator, "evaluated repair orders"),
        (&cast.worker, "details of repair orders"),
    ] {
        let message = format!("User with id {} cannot be deleted: {what} depend on it", who.id);
        let expected = json!({"message": message, "error": "Conflict", "statusCode": 409});
        assert_eq!(delete(&who.id).await, (StatusCode::CONFLICT, expected));
    }
    assert_eq!(delete(&cast.stranger.id).await, (StatusCode::OK, Value::Null));
    let gone = not_found(format!("User with id {} not found", cast.stranger.id));
    assert_eq!(delete(&cast.stranger.id).await, (StatusCode::NOT_FOUND, gone));
    // The token of who is gone is of nobody.
    let (status, _) = shop.patch("/users/profile", &cast.stranger.token, json!({"phone": "1"})).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(shop.next_event().await, ("USER_DELETED".into(), Some(cast.stranger.id.clone())));
    let newcomer = shop.person("Leo", Role::Technician).await;
    let path = format!("/users/{}", newcomer.id);
    assert_eq!(shop.call(Method::DELETE, &path, &shop.admin, None).await.0, StatusCode::OK);
    assert_eq!(shop.next_event().await, ("TECHNICIAN_DELETED".into(), Some(newcomer.id)));
    assert_eq!(shop.events(), [""; 0]);
}

#[tokio::test]
async fn a_shop_keeps_an_administrator() {
    let shop = TestShop::open().await;
    let second = shop.person("Eva", Role::Admin).await;
    let path = format!("/users/{}", second.id);
    assert_eq!(shop.call(Method::DELETE, &path, &second.token, None).await.0, StatusCode::OK);
    let (_, me) = shop.get("/auth/profile", &shop.admin).await;
    let path = format!("/users/{}", me["id"].as_str().expect("an id"));
    let (status, body) = shop.call(Method::DELETE, &path, &shop.admin, None).await;
    assert_eq!(
        (status, &body["message"]),
        (StatusCode::CONFLICT, &json!("The last administrator cannot be deleted"))
    );
}

#[tokio::test]
async fn a_client_is_not_told_how_to_reach_technicians() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.run("UPDATE users SET phone = '0991', address = 'Av. 1' WHERE role = 'Technician'").await;
    let order = json!({"equipmentId": cast.device, "problemDescription": "x",
        "details": [{"serviceId": cast.service, "technicianId": cast.worker.id}]});
    let token = &cast.owner.token;
    let (_, created) = shop.post("/repair-orders", token, order).await;
    let path = format!("/repair-orders/{}", created["savedOrder"]["id"].as_str().expect("an id"));
    let seen = [
        created["savedOrder"].clone(),
        shop.get(&path, token).await.1,
        shop.get("/repair-orders", token).await.1[0].clone(),
        shop.patch(&path, token, json!({"problemDescription": "y"})).await.1,
    ];
    for order in &seen {
        let (evaluator, worker) = (&order["evaluatedBy"], &order["repairOrderDetails"][0]["technician"]);
        assert_eq!((&evaluator["name"], &worker["name"]), (&json!("Luis"), &json!("Rita")), "{order}");
        for technician in [evaluator, worker] {
            for secret in ["email", "phone", "address"] {
                assert!(technician.get(secret).is_none(), "{technician}");
            }
        }
        assert!(order["equipment"]["user"]["email"].is_string(), "their own they know");
    }
    for path in ["/equipments", "/auth/profile"] {
        let body = shop.get(path, token).await.1.to_string();
        assert!(!body.contains(&cast.worker.id) && !body.contains(&cast.evaluator.id), "{body}");
    }
    // Colleagues and administrators call each other.
    for token in [&cast.worker.token, &shop.admin] {
        assert_eq!(shop.get(&path, token).await.1["evaluatedBy"]["phone"], json!("0991"));
    }
}

#[tokio::test]
async fn who_changes_the_own_password_too_often_waits_and_nobody_else_does() {
    let shop = TestShop::open().await;
    let (flood, other) = (shop.person("Juan", Role::User).await, shop.person("Eva", Role::User).await);
    let change = || json!({"password": "secreto2"}).to_string();
    for (path, expected) in [
        ("/users/profile", StatusCode::OK),
        ("/users/technician/profile", StatusCode::OK),
        ("/users/profile", StatusCode::OK),
        ("/users/technician/profile", StatusCode::TOO_MANY_REQUESTS),
        ("/users/profile", StatusCode::TOO_MANY_REQUESTS),
    ] {
        let request = request(Method::PATCH, path, &flood.token, change());
        let answer = shop.router.clone().oneshot(request).await.expect("infallible");
        assert_eq!(answer.status(), expected, "{path}");
        assert_eq!(answer.headers().contains_key("retry-after"), expected != StatusCode::OK, "{path}");
    }
    // What needs no hash, what an administrator does, and what others do is not held up.
    let patched = [
        ("/users/profile".to_owned(), &flood.token, json!({"name": "Juana"})),
        (format!("/users/{}", flood.id), &shop.admin, json!({"password": "secreto3"})),
        ("/users/profile".to_owned(), &other.token, json!({"password": "secreto2"})),
    ];
    for (path, token, body) in patched {
        assert_eq!(shop.patch(&path, token, body).await.0, StatusCode::OK, "{path}");
    }
}
