//! Where the original is wrong, this shop is right: one test for each of its faults, named after what is right.

use super::support::*;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

const NOBODY: &str = "550e8400-e29b-41d4-a716-446655440000";

// It leaves a half-made order behind when stock is low.
#[tokio::test]
async fn low_stock_or_another_fault_leaves_nothing_behind() {
    let mut shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.events();
    let detail =
        |service: &str, technician: &str| json!([{"serviceId": service, "technicianId": technician}]);
    let nobody = "550e8400-e29b-41d4-a716-446655440000";
    let good = detail(&cast.service, &cast.worker.id);
    let cases = [
        (
            good.clone(),
            json!([{"partId": cast.part, "quantity": 1}, {"partId": cast.part, "quantity": 99}]),
            (StatusCode::BAD_REQUEST, bad_request("Low stock. Available: 4, required: 99")),
        ),
        (
            good.clone(),
            json!([{"partId": nobody, "quantity": 1}]),
            (StatusCode::NOT_FOUND, not_found(format!("Spare part with id {nobody} not found"))),
        ),
        (
            detail(nobody, &cast.worker.id),
            json!([]),
            (StatusCode::NOT_FOUND, not_found(format!("Service with id {nobody} not found"))),
        ),
        (
            detail(&cast.service, &cast.owner.id),
            json!([]),
            (StatusCode::NOT_FOUND, not_found(format!("Technician with id {} not found", cast.owner.id))),
        ),
        (
            json!([{"serviceId": cast.service, "technicianId": cast.worker.id, "unitPrice": 1, "discount": 2}]),
            json!([]),
            (StatusCode::BAD_REQUEST, bad_request("discount must not be greater than unitPrice")),
        ),
    ];
    let before = shop.stats().await;
    for (details, parts, refused) in cases {
        let body = json!({"equipmentId": cast.device, "problemDescription": "x", "details": details, "parts": parts});
        assert_eq!(shop.post("/repair-orders", &cast.owner.token, body).await, refused);
    }
    for table in ["repair_orders", "order_details", "order_parts", "order_status_changes"] {
        assert_eq!(shop.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
    }
    assert_eq!(shop.number("SELECT stock FROM spare_parts").await, 5);
    assert_eq!((shop.stats().await, shop.events()), (before, vec![]));
}

// The same holds for a change: what went well before the fault is undone with it.
#[tokio::test]
async fn a_change_with_one_fault_changes_nothing() {
    let mut shop = TestShop::open().await;
    let cast = shop.cast().await;
    let id = shop.order(&cast, json!({"parts": [{"partId": cast.part, "quantity": 1}]})).await;
    let path = format!("/repair-orders/{id}");
    let part = shop.get(&path, &shop.admin).await.1["repairOrderParts"][0]["id"].clone();
    shop.events();
    let before = shop.dump().await;
    let work = json!([{"serviceId": cast.service, "technicianId": cast.worker.id}]);
    let wishes = [
        json!({"diagnosis": "LCD", "details": work, "parts": [{"id": part, "quantity": 9}]}),
        json!({"diagnosis": "LCD", "details": work, "parts": [{"id": NOBODY, "quantity": 1}]}),
        json!({"parts": [{"id": part, "quantity": 2}], "details": [{"id": NOBODY, "notes": "x"}]}),
        json!({"parts": [{"id": part, "quantity": 2}], "details": work, "status": "DELIVERED"}),
    ];
    for (wish, status) in wishes.into_iter().zip([400, 404, 404, 409]) {
        let (answer, body) = shop.patch(&path, &cast.evaluator.token, wish).await;
        assert_eq!(answer.as_u16(), status, "{body}");
        assert_eq!(shop.dump().await, before);
    }
    assert_eq!(shop.events(), Vec::<String>::new());
}

// It sends password hashes.
#[tokio::test]
async fn no_answer_shows_a_password_or_its_hash() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    shop.run("UPDATE users SET password_hash = '$argon2id$secret'").await;
    let order = json!({"equipmentId": cast.device, "problemDescription": "x",
        "details": [{"serviceId": cast.service, "technicianId": cast.worker.id}], "parts": [{"partId": cast.part, "quantity": 1}]});
    let id = shop.made("/repair-orders", &shop.admin, order).await;
    let order = format!("/repair-orders/{id}");
    let user = format!("/users/{}", cast.owner.id);
    let device = format!("/equipments/{}", cast.device);
    for path in [
        "/users",
        "/users/technician",
        &user,
        "/auth/profile",
        "/equipments",
        &device,
        "/repair-orders",
        &order,
    ] {
        let (status, body) = shop.get(path, &shop.admin).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let text = body.to_string().to_lowercase();
        assert!(!text.contains("argon2") && !text.contains("password"), "{path}: {text}");
    }
}

// It says which mail addresses it knows.
#[tokio::test]
async fn an_unknown_mail_and_a_wrong_password_get_the_same_answer() {
    let shop = TestShop::open().await;
    shop.post("/auth/register", "", json!({"name": "Ana", "email": "ana@x.co", "password": "secret1"})).await;
    let refused = json!({"message": "Invalid credentials", "error": "Unauthorized", "statusCode": 401});
    for email in ["ana@x.co", "no@x.co"] {
        let answer = shop.post("/auth/login", "", json!({"email": email, "password": "secret2"})).await;
        assert_eq!(answer, (StatusCode::UNAUTHORIZED, refused.clone()), "{email}");
    }
}

// It answers 500 for a malformed id, and 200 with an empty body for an order that is not there.
#[tokio::test]
async fn a_malformed_id_is_400_and_a_missing_thing_404() {
    let shop = TestShop::open().await;
    let things = [
        ("/users", "User"),
        ("/equipments", "Equipment"),
        ("/repair-orders", "Repair order"),
        ("/repair-order-reviews", "Review"),
        ("/services", "Service"),
        ("/spare-parts", "Spare part"),
    ];
    for (path, what) in things {
        for method in [Method::GET, Method::PATCH, Method::DELETE] {
            let body = Some(json!({}));
            let malformed = bad_request("Validation failed (uuid is expected)");
            for id in ["zzz", "%FF", "%00", "1"] {
                let answer =
                    shop.call(method.clone(), &format!("{path}/{id}"), &shop.admin, body.clone()).await;
                assert_eq!(answer, (StatusCode::BAD_REQUEST, malformed.clone()), "{method} {path}/{id}");
            }
            let missing = not_found(format!("{what} with id {NOBODY} not found"));
            let answer = shop.call(method.clone(), &format!("{path}/{NOBODY}"), &shop.admin, body).await;
            assert_eq!(answer, (StatusCode::NOT_FOUND, missing), "{method} {path}");
        }
    }
    let malformed = bad_request("Validation failed (uuid is expected)");
    let work = "/repair-orders/technician/detail/zzz";
    for path in [work, &format!("{work}/status")] {
        let answer = shop.patch(path, &shop.admin, json!({"status": "COMPLETED"})).await;
        assert_eq!(answer, (StatusCode::BAD_REQUEST, malformed.clone()), "{path}");
    }
}

// It answers 404 for a service of that name.
#[tokio::test]
async fn a_second_service_of_a_name_is_409() {
    let shop = TestShop::open().await;
    shop.cast().await;
    let service =
        json!({"serviceName": "Limpieza", "description": "d", "basePrice": 20, "type": "MAINTENANCE"});
    let (status, body) = shop.post("/services", &shop.admin, service).await;
    assert_eq!(
        (status, &body["message"]),
        (StatusCode::CONFLICT, &json!("Service with name Limpieza already exists"))
    );
    let part = json!({"name": "SSD 500", "description": "d", "stock": 1, "unitPrice": 1});
    let taken = bad_request("Spare part with name SSD 500 already exists");
    assert_eq!(shop.post("/spare-parts", &shop.admin, part).await, (StatusCode::BAD_REQUEST, taken));
}

// It answers 500.
#[tokio::test]
async fn what_others_depend_on_is_not_deleted_and_says_so_with_409() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let details = json!([{"serviceId": cast.service, "technicianId": cast.worker.id}]);
    let parts = json!([{"partId": cast.part, "quantity": 1}]);
    let order = shop.order(&cast, json!({"details": details, "parts": parts})).await;
    shop.set_status(&order, "DELIVERED").await;
    let review = json!({"repairOrderId": order, "rating": 5, "comment": "x"});
    shop.made("/repair-order-reviews", &cast.owner.token, review).await;
    let before = shop.dump().await;
    for path in [
        format!("/users/{}", cast.owner.id),
        format!("/users/{}", cast.evaluator.id),
        format!("/users/{}", cast.worker.id),
        format!("/equipments/{}", cast.device),
        format!("/services/{}", cast.service),
        format!("/spare-parts/{}", cast.part),
    ] {
        let (status, body) = shop.call(Method::DELETE, &path, &shop.admin, None).await;
        assert_eq!((status, &body["error"]), (StatusCode::CONFLICT, &json!("Conflict")), "{path}: {body}");
        assert!(body["message"].as_str().is_some_and(|message| message.contains("depend on it")), "{body}");
    }
    assert_eq!(shop.dump().await, before);
}

// It reports 0 orders and 0 spent for everyone.
#[tokio::test]
async fn top_clients_add_up_to_the_revenue() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let device = json!({"name": "PC", "type": "PC", "brand": "b", "model": "m"});
    let other = shop.made("/equipments", &cast.stranger.token, device).await;
    let mut cents = 0;
    for (at, price) in [10.25, 0.1, 99.99, 45.5].into_iter().enumerate() {
        let (device, owner) =
            if at % 2 == 0 { (&cast.device, &cast.owner) } else { (&other, &cast.stranger) };
        let details =
            json!([{"serviceId": cast.service, "technicianId": cast.worker.id, "unitPrice": price}]);
        let body = json!({"equipmentId": device, "problemDescription": "x", "details": details});
        let order = shop.made("/repair-orders", &owner.token, body).await;
        if at > 0 {
            shop.set_status(&order, "DELIVERED").await;
            cents += (price * 100.0_f64).round() as i64;
        }
    }
    let stats = shop.stats().await;
    let clients = &stats["users_top_clients"]["topClients"];
    let row = |at: usize| (&clients[at]["name"], &clients[at]["totalOrders"], &clients[at]["totalSpent"]);
    assert_eq!(row(0), (&json!("Juan"), &json!(2), &json!(99.99)));
    assert_eq!(row(1), (&json!("Eva"), &json!(2), &json!(45.6)));
    assert_eq!(stats["orders_revenue"]["totalRevenue"], json!(cents as f64 / 100.0));
}

// It forgets the parts, or the other details.
#[tokio::test]
async fn the_final_cost_is_always_of_all_details_and_parts() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let detail =
        |who: &str, price: f64| json!({"serviceId": cast.service, "technicianId": who, "unitPrice": price});
    let details = json!([detail(&cast.worker.id, 10.5), detail(&cast.evaluator.id, 20.25)]);
    let parts = json!([{"partId": cast.part, "quantity": 1}]);
    let id = shop.order(&cast, json!({"details": details, "parts": parts})).await;
    let path = format!("/repair-orders/{id}");
    let (_, order) = shop.get(&path, &shop.admin).await;
    assert_eq!(order["finalCost"], json!(96.74));
    let (work, part) = (&order["repairOrderDetails"], &order["repairOrderParts"][0]["id"]);
    let own = format!("/repair-orders/technician/detail/{}", work[0]["id"].as_str().expect("an id"));
    let priced = json!({"status": "IN_PROGRESS", "unitPrice": 30, "discount": 5});
    let (_, told) = shop.patch(&own, &cast.worker.token, priced).await;
    assert_eq!(told["repairOrder"]["finalCost"], json!(111.24));
    let change =
        async |body: Value| shop.patch(&path, &cast.evaluator.token, body).await.1["finalCost"].clone();
    assert_eq!(change(json!({"parts": [{"id": part, "quantity": 2}]})).await, json!(177.23));
    assert_eq!(change(json!({"details": [{"id": work[1]["id"], "discount": 20.25}]})).await, json!(156.98));
    assert_eq!(change(json!({"details": [detail(&cast.worker.id, 0.02)]})).await, json!(157));
    assert_eq!(change(json!({"diagnosis": "LCD"})).await, json!(157));
    // What was agreed on stays when the part has another price by now, until there is another quantity.
    shop.run("UPDATE spare_parts SET unit_price = 1").await;
    assert_eq!(change(json!({"parts": [{"id": part, "imgUrl": "x"}]})).await, json!(157));
    assert_eq!(change(json!({"parts": [{"id": part, "quantity": 1}]})).await, json!(25.03));
}

// It saves whatever row the body names.
#[tokio::test]
async fn a_technician_touches_no_row_of_anybody_else() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let detail = |who: &str| json!({"serviceId": cast.service, "technicianId": who});
    let parts = json!([{"partId": cast.part, "quantity": 1}]);
    let mixed = json!({"details": [detail(&cast.worker.id), detail(&cast.evaluator.id)], "parts": parts});
    let (own, other) = (shop.order(&cast, mixed.clone()).await, shop.order(&cast, mixed).await);
    let (_, mine) = shop.get(&format!("/repair-orders/{own}"), &shop.admin).await;
    let (_, theirs) = shop.get(&format!("/repair-orders/{other}"), &shop.admin).await;
    let before = shop.dump().await;
    let path = format!("/repair-orders/{own}");
    let attempts = [
        // Someone else's work in one's own order, one's own and theirs in another order, and giving work away.
        (
            &cast.worker,
            json!({"details": [{"id": mine["repairOrderDetails"][1]["id"], "unitPrice": 1}]}),
            403,
        ),
        (
            &cast.worker,
            json!({"details": [{"id": theirs["repairOrderDetails"][0]["id"], "unitPrice": 1}]}),
            403,
        ),
        (
            &cast.worker,
            json!({"details": [{"id": theirs["repairOrderDetails"][1]["id"], "unitPrice": 1}]}),
            403,
        ),
        (&cast.worker, json!({"parts": [{"id": theirs["repairOrderParts"][0]["id"], "quantity": 3}]}), 404),
        (&cast.worker, json!({"details": [detail(&cast.evaluator.id)]}), 403),
        (
            &cast.worker,
            json!({"details": [{"id": mine["repairOrderDetails"][0]["id"], "technicianId": cast.evaluator.id}]}),
            403,
        ),
        // The evaluator plans the work of this order, and of no other.
        (
            &cast.evaluator,
            json!({"details": [{"id": theirs["repairOrderDetails"][1]["id"], "unitPrice": 1}]}),
            404,
        ),
        (
            &cast.evaluator,
            json!({"parts": [{"id": theirs["repairOrderParts"][0]["id"], "quantity": 3}]}),
            404,
        ),
    ];
    for (someone, body, status) in attempts {
        let (answer, told) = shop.patch(&path, &someone.token, body.clone()).await;
        assert_eq!(answer.as_u16(), status, "{body}: {told}");
        assert_eq!(shop.dump().await, before, "{body}");
    }
    let direct = theirs["repairOrderDetails"][1]["id"].as_str().expect("an id");
    let direct = format!("/repair-orders/technician/detail/{direct}/status");
    let answer = shop.patch(&direct, &cast.worker.token, json!({"status": "COMPLETED"})).await;
    assert_eq!(answer.0, StatusCode::NOT_FOUND);
    assert_eq!(shop.dump().await, before);
    let allowed = json!({"details": [{"id": mine["repairOrderDetails"][0]["id"], "unitPrice": 1}]});
    assert_eq!(shop.patch(&path, &cast.worker.token, allowed).await.0, StatusCode::OK);
}

// It keeps them out of stock for ever.
#[tokio::test]
async fn stock_comes_back_when_a_part_or_its_order_goes_away() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let id = shop.order(&cast, json!({"parts": [{"partId": cast.part, "quantity": 4}]})).await;
    let path = format!("/repair-orders/{id}");
    let stock = async || shop.number("SELECT stock FROM spare_parts").await;
    assert_eq!(stock().await, 1);
    let part = shop.get(&path, &shop.admin).await.1["repairOrderParts"][0]["id"].clone();
    shop.patch(&path, &cast.evaluator.token, json!({"parts": [{"id": part, "quantity": 1}]})).await;
    assert_eq!(stock().await, 4);
    shop.set_status(&id, "REJECTED").await;
    assert_eq!(stock().await, 5);
    shop.set_status(&id, "IN_REVIEW").await;
    assert_eq!(stock().await, 4);
    assert_eq!(shop.call(Method::DELETE, &path, &shop.admin, None).await.0, StatusCode::OK);
    assert_eq!(stock().await, 5);
}

#[tokio::test]
async fn a_deleted_order_gives_its_parts_back_unless_a_rejection_had() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let body = json!({"equipmentId": cast.device, "problemDescription": "x", "parts": [{"partId": cast.part, "quantity": 2}]});
    let stock = async || shop.number("SELECT stock FROM spare_parts").await;
    for status in ["DELIVERED", "REJECTED"] {
        let path =
            format!("/repair-orders/{}", shop.made("/repair-orders", &cast.owner.token, body.clone()).await);
        assert_eq!(stock().await, 3);
        assert_eq!(shop.patch(&path, &shop.admin, json!({"status": status})).await.0, StatusCode::OK);
        assert_eq!(shop.call(Method::DELETE, &path, &shop.admin, None).await.0, StatusCode::OK);
        assert_eq!(stock().await, 5, "{status}");
    }
    for table in ["repair_orders", "order_parts", "order_status_changes"] {
        assert_eq!(shop.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
    }
}

// It stores the password as it was written, and nobody signs in with it any more.
#[tokio::test]
async fn a_profile_patch_hashes_the_new_password() {
    let shop = TestShop::open().await;
    let person = json!({"name": "Ana", "email": "ana@x.co", "password": "secret1"});
    assert_eq!(shop.post("/auth/register", "", person).await.0, StatusCode::CREATED);
    let sign_in = async |password: &str| {
        shop.post("/auth/login", "", json!({"email": "ana@x.co", "password": password})).await
    };
    let token = sign_in("secret1").await.1["access_token"].as_str().expect("a token").to_owned();
    let (status, told) = shop.patch("/users/profile", &token, json!({"password": "newsecret"})).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(sign_in("newsecret").await.0, StatusCode::OK);
    assert_eq!(sign_in("secret1").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(shop.number("SELECT COUNT(*) FROM users WHERE password_hash LIKE '$argon2id$%'").await, 1);
    assert!(!shop.dump().await.contains("newsecret"));
}

// It lets anyone set any status.
#[tokio::test]
async fn a_client_does_not_declare_an_order_delivered() {
    let shop = TestShop::open().await;
    let cast = shop.cast().await;
    let id = shop.order(&cast, json!({})).await;
    let path = format!("/repair-orders/{id}");
    let (status, body) = shop.patch(&path, &cast.owner.token, json!({"status": "DELIVERED"})).await;
    assert_eq!((status, &body["error"]), (StatusCode::CONFLICT, &json!("Conflict")));
    assert_eq!(shop.get(&path, &shop.admin).await.1["status"], json!("IN_REVIEW"));
}

// It answers 500 where a text is expected and a number comes.
#[tokio::test]
async fn a_number_for_a_name_is_a_fault_of_the_body() {
    let shop = TestShop::open().await;
    let person = json!({"name": 123, "email": "n@x.co", "password": "secret1"});
    let expected = (StatusCode::BAD_REQUEST, bad_request(json!(["name must be a string"])));
    assert_eq!(shop.post("/auth/register", "", person).await, expected);
}
