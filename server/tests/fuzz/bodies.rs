//! The bodies of the shop's routes.

use crate::bend;
use crate::world::{HOURS, SECRET, World, soon};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use reqwest::Method;
use serde_json::{Value, json};
use shop::{Role, Tokens};
use std::collections::BTreeMap;

/// Larger ones are not read: the server hangs up.
const BODY_BYTES: usize = 256 * 1024;

/// An order to which all are added becomes slow to read.
const RENEWED_EVERY: usize = 300;

/// A route with a body that it takes.
struct Route {
    method: Method,
    path: String,
    token: String,
    body: Value,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_body_breaks_anything() {
    let (inputs, mut rng) = crate::share(crate::BODIES);
    let mut world = World::start().await;
    let mut routes = routes(&world, &mut rng).await;
    none_is_missing(&world, &routes).await;
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for input in 0..inputs {
        if input % RENEWED_EVERY == RENEWED_EVERY - 1 {
            routes = self::routes(&world, &mut rng).await;
        }
        let route = routes.choose(&mut rng).expect("there are routes");
        let valid = unused_name(&mut rng, &route.body);
        let mut body = bend::body(&mut rng, &valid);
        body.truncate(BODY_BYTES);
        let before = world.changes().await;
        let status = call(&world, route, body.clone()).await;
        let told =
            || format!("input {input}: {} {} {}", route.method, route.path, String::from_utf8_lossy(&body));
        assert!((200..500).contains(&status), "{status} to {}", told());
        if status >= 400 {
            assert_eq!(
                world.changes().await,
                before,
                "refused with {status}, and something changed: {}",
                told()
            );
        }
        *counts.entry(status).or_default() += 1;
    }
    println!("{inputs} bodies for {} routes, by status: {counts:?}", routes.len());
    assert!(
        counts.contains_key(&400) && counts.keys().any(|status| *status < 300),
        "both were tried: {counts:?}"
    );
    world.still_serves().await;
}

/// What the server says that it takes bodies for is tried, each of it; notifications have a test of their own.
async fn none_is_missing(world: &World, routes: &[Route]) {
    let document =
        world.http.get(format!("http://{}/openapi.json", world.address)).send().await.expect("an answer");
    let document: Value = document.json().await.expect("JSON");
    let tried: Vec<_> =
        routes.iter().map(|route| format!("{} {}", route.method, template(&route.path))).collect();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let named = format!("{} {path}", method.to_uppercase());
            let has_body = operation.get("requestBody").is_some() && path != "/notify";
            assert!(!has_body || tried.contains(&named), "nothing is tried for {named}");
        }
    }
}

fn template(path: &str) -> String {
    let part = |part: &str| if part.len() == 36 { "{id}".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

async fn call(world: &World, route: &Route, body: Vec<u8>) -> u16 {
    let request = world
        .http
        .request(route.method.clone(), format!("http://{}{}", world.address, route.path))
        .bearer_auth(&route.token)
        .header("content-type", "application/json")
        .body(body);
    let answer = soon("an answer", request.send()).await.expect("an answer");
    let status = answer.status().as_u16();
    let bytes = answer.bytes().await.expect("a body");
    if status >= 400 {
        let error: Value = serde_json::from_slice(&bytes).expect("the error is JSON");
        assert_eq!(error["statusCode"], status);
        assert!(error["message"].is_string() || error["message"].is_array(), "{error}");
    }
    status
}

/// Names and mail addresses are taken once they were used.
fn unused_name(rng: &mut StdRng, body: &Value) -> Value {
    let mut body = body.clone();
    let number: u64 = rng.random();
    for name in ["name", "serviceName"] {
        if body.get(name).is_some() {
            body[name] = json!(format!("Nombre {number}"));
        }
    }
    if body.get("email").is_some() {
        body["email"] = json!(format!("a{number}@taller.ec"));
    }
    body
}

async fn routes(world: &World, rng: &mut StdRng) -> Vec<Route> {
    let person = json!({"name": "Juan", "lastName": "Pérez", "email": "j@taller.ec", "password": "secreto", "phone": "099", "address": "Quito"});
    let mut technician = person.clone();
    technician["specialty"] = json!("Laptops");
    technician["isEvaluator"] = json!(true);
    technician["experienceYears"] = json!(3);
    technician["active"] = json!(true);
    let service = json!({"serviceName": "Limpieza", "description": "d", "basePrice": 20.5, "type": "MAINTENANCE", "estimatedTimeMinutes": 30, "requiresParts": false, "imageUrls": ["https://x.ec/1.png"], "active": true, "notes": "n"});
    let part = json!({"name": "SSD", "description": "d", "stock": 1_000_000, "unitPrice": 65.99});
    let device =
        json!({"name": "Laptop", "type": "LAPTOP", "brand": "Dell", "model": "XPS", "serialNumber": "1"});

    let admin = world.admin.clone();
    let client_id = world.made("/users", &admin, unused_name(rng, &person)).await;
    let technician_id = world.made("/users/technician", &admin, unused_name(rng, &technician)).await;
    let service_id = world.made("/services", &admin, unused_name(rng, &service)).await;
    let part_id = world.made("/spare-parts", &admin, unused_name(rng, &part)).await;
    let token = |id: &str, role| Tokens::new(SECRET.as_bytes()).issue(id, "x@taller.ec", role, HOURS);
    let (client, worker) = (token(&client_id, Role::User), token(&technician_id, Role::Technician));
    let device_id = world.made("/equipments", &client, device.clone()).await;

    let detail = json!({"serviceId": service_id, "technicianId": technician_id, "unitPrice": 30, "discount": 5, "notes": "n"});
    let order = json!({"equipmentId": device_id, "problemDescription": "No enciende", "imageUrls": ["https://x.ec/2.png"], "diagnosis": "d", "estimatedCost": 40, "details": [detail], "parts": [{"partId": part_id, "quantity": 1, "imgUrl": "https://x.ec/3.png"}]});
    let order_id = world.made("/repair-orders", &admin, order.clone()).await;
    let path = format!("/repair-orders/{order_id}");
    let found = world
        .http
        .get(format!("http://{}{path}", world.address))
        .bearer_auth(&admin)
        .send()
        .await
        .expect("an answer");
    let found: Value = found.json().await.expect("JSON");
    let detail_id = found["repairOrderDetails"][0]["id"].as_str().expect("an id");
    let used_id = found["repairOrderParts"][0]["id"].as_str().expect("an id");
    let change = json!({"problemDescription": "Otra", "diagnosis": "d", "estimatedCost": 41.5, "status": "IN_REPAIR", "warrantyStartDate": "2026-01-01", "warrantyEndDate": "2026-04-01",
        "details": [{"id": detail_id, "unitPrice": 31, "discount": 1, "status": "IN_PROGRESS"}, detail], "parts": [{"id": used_id, "quantity": 2}, {"partId": part_id, "quantity": 1}]});
    let work = format!("/repair-orders/technician/detail/{detail_id}");

    let ready = json!({"equipmentId": device_id, "problemDescription": "Lista"});
    let delivered = world.made("/repair-orders", &client, ready).await;
    world.changed(&format!("/repair-orders/{delivered}"), &admin, json!({"status": "DELIVERED"})).await;
    let review = json!({"repairOrderId": delivered, "rating": 5, "comment": "Muy bien"});
    let review_id = world.made("/repair-order-reviews", &client, review.clone()).await;
    let mut profile = technician.clone();
    for raised in ["isEvaluator", "active"] {
        profile.as_object_mut().expect("an object").remove(raised);
    }
    let stored = json!({"name": "Laptop", "type": "PC", "brand": "HP", "model": "X", "serialNumber": "2", "currentStatus": "AVAILABLE"});

    let route = |method: Method, path: &str, token: &str, body: Value| Route {
        method,
        path: path.to_owned(),
        token: token.to_owned(),
        body,
    };
    vec![
        route(Method::POST, "/auth/register", "", person.clone()),
        route(Method::POST, "/auth/login", "", json!({"email": "ana@taller.ec", "password": "secreto"})),
        route(Method::POST, "/users", &admin, person.clone()),
        route(Method::POST, "/users/technician", &admin, technician.clone()),
        route(Method::POST, "/equipments", &client, device.clone()),
        route(Method::POST, "/services", &admin, service.clone()),
        route(Method::POST, "/spare-parts", &worker, part.clone()),
        route(Method::POST, "/repair-orders", &client, order),
        route(Method::PATCH, &path, &admin, change.clone()),
        route(Method::PATCH, &path, &worker, change.clone()),
        route(Method::PATCH, &path, &client, change),
        route(
            Method::PATCH,
            &work,
            &worker,
            json!({"status": "IN_PROGRESS", "unitPrice": 33.3, "discount": 0, "imageUrl": "https://x.ec/4.png", "notes": "n"}),
        ),
        route(Method::PATCH, &format!("{work}/status"), &worker, json!({"status": "PENDING", "notes": "n"})),
        route(Method::PATCH, "/users/profile", &client, person.clone()),
        route(Method::PATCH, "/users/technician/profile", &worker, profile),
        route(Method::PATCH, &format!("/users/{client_id}"), &admin, person),
        route(Method::PATCH, &format!("/users/technician/{technician_id}"), &admin, technician),
        route(Method::PATCH, &format!("/equipments/{device_id}"), &client, stored),
        route(Method::PATCH, &format!("/services/{service_id}"), &admin, service),
        route(Method::PATCH, &format!("/spare-parts/{part_id}"), &worker, part),
        route(Method::POST, "/repair-order-reviews", &client, review),
        route(
            Method::PATCH,
            &format!("/repair-order-reviews/{review_id}"),
            &client,
            json!({"rating": 4, "comment": "Bien"}),
        ),
        route(Method::POST, "/auth/link", "", json!({"code": "0123456789abcdef"})),
        route(Method::POST, "/screens/token", "", json!({"secret": "0123456789abcdef"})),
        route(Method::POST, "/screens/approve", &admin, json!({"code": "123456", "name": "Pared"})),
    ]
}
