//! The invented shop.

use super::support::*;
use axum::http::{Method, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use shop::{Admin, Options, Role, Shop};
use sqlx::AnyPool;
use testing::Database;
use tower::ServiceExt;

async fn open(database: &Database, demo: bool, admin: Option<&str>) -> (Shop, AnyPool) {
    let admin = admin.map(|email| Admin { email: email.into(), password: SecretString::from("secreto") });
    let shop =
        Shop::open(Options { demo, admin, ..options(database) }, nobody_listens()).await.expect("a shop");
    (shop, rows_of(database).await)
}

async fn number(rows: &AnyPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(rows).await.expect(sql)
}

async fn sign_in(shop: &Shop, email: &str, password: &str) -> StatusCode {
    let body = json!({"email": email, "password": password}).to_string();
    shop.router().oneshot(request(Method::POST, "/auth/login", "", body)).await.expect("infallible").status()
}

async fn stat(shop: &Shop, metric: shared::Metric) -> Value {
    serde_json::from_str(&shop.stat(metric, 100).await.expect("a body")).expect("JSON")
}

#[tokio::test]
async fn the_demo_has_a_past_and_is_made_once() {
    let database = new_database().await;
    let (shop, rows) = open(&database, true, None).await;
    let known = shop.sign_in().expect("the demo's own administrator").clone();
    assert_eq!((known.email.as_str(), known.password.as_str()), ("admin@pulso.demo", "pulso-demo"));
    assert_eq!(sign_in(&shop, &known.email, &known.password).await, StatusCode::OK);
    for row in stat(&shop, shared::Metric::OrdersByStatus).await["ordersByStatus"].as_array().expect("a list")
    {
        assert!(row["count"].as_u64() >= Some(5), "{row}");
    }
    assert_eq!(stat(&shop, shared::Metric::OrdersOverview).await["totalOrders"], json!(400));
    assert_eq!(
        stat(&shop, shared::Metric::UsersOverview).await,
        json!({"totalClients": 25, "totalTechnicians": 8, "activeTechnicians": 6})
    );
    // History stands in order, begins when the order came in, and ends where the order is.
    let disordered = "SELECT COUNT(*) FROM order_status_changes a JOIN order_status_changes b \
                      ON a.order_id = b.order_id AND a.seq < b.seq AND a.changed_at > b.changed_at";
    assert_eq!(number(&rows, disordered).await, 0);
    let ends = "SELECT COUNT(*) FROM repair_orders o WHERE o.status <> (SELECT to_status FROM order_status_changes c \
                WHERE c.order_id = o.id ORDER BY c.seq DESC LIMIT 1)";
    assert_eq!(number(&rows, ends).await, 0);
    let newest = "SELECT MAX(changed_at) FROM order_status_changes";
    assert!(number(&rows, newest).await <= now_ms());
    let delivered =
        "SELECT COUNT(*) FROM repair_orders WHERE (status = 'DELIVERED') <> (delivered_at IS NOT NULL)";
    assert_eq!(number(&rows, delivered).await, 0);
    let costs = "SELECT COUNT(*) FROM repair_orders o WHERE final_cost <> \
                 (SELECT COALESCE(SUM(sub_total), 0) FROM order_details WHERE order_id = o.id) + \
                 (SELECT COALESCE(SUM(sub_total), 0) FROM order_parts WHERE order_id = o.id)";
    assert_eq!(number(&rows, costs).await, 0);

    let (again, rows) = open(&database, true, None).await;
    assert_eq!(number(&rows, "SELECT COUNT(*) FROM repair_orders").await, 400);
    assert!(again.sign_in().is_some());
}

#[tokio::test]
async fn a_given_administrator_takes_the_place_of_the_demos_own() {
    let database = new_database().await;
    let (shop, _) = open(&database, true, None).await;
    assert_eq!(sign_in(&shop, "rosa.quishpe@pulso.demo", "pulso-demo").await, StatusCode::OK);
    let (shop, rows) = open(&database, true, Some("jefa@x.co")).await;
    assert!(shop.sign_in().is_none());
    assert_eq!(sign_in(&shop, "jefa@x.co", "secreto").await, StatusCode::OK);
    for email in ["admin@pulso.demo", "rosa.quishpe@pulso.demo", "ivan.nanez@pulso.demo"] {
        assert_eq!(sign_in(&shop, email, "pulso-demo").await, StatusCode::UNAUTHORIZED, "{email}");
    }
    assert_eq!(number(&rows, "SELECT COUNT(*) FROM users WHERE role = 'Admin'").await, 1);
}

/// A demo whose administrator took another password.
async fn demo_with_another_password(database: &Database) -> Shop {
    let (shop, rows) = open(database, true, None).await;
    let taken: Vec<String> = sqlx::query_scalar("SELECT id FROM users WHERE email = 'admin@pulso.demo'")
        .fetch_all(&rows)
        .await
        .expect("an administrator");
    let token = shop.tokens().issue(&taken[0], "admin@pulso.demo", Role::Admin, SOON);
    let change = request(Method::PATCH, "/users/profile", &token, json!({"password": "propia1"}).to_string());
    assert_eq!(shop.router().oneshot(change).await.expect("infallible").status(), StatusCode::OK);
    drop(shop);
    open(database, true, None).await.0
}

const INVENTED: [&str; 3] =
    ["angel.guaman@pulso.demo", "rosa.quishpe@pulso.demo", "ines.chimborazo@pulso.demo"];

#[tokio::test]
async fn nobody_invented_signs_in_at_a_shop_that_others_reach_when_its_administrator_has_another_password() {
    let database = new_database().await;
    let shop = demo_with_another_password(&database).await;
    assert!(shop.sign_in().is_none());
    assert_eq!(sign_in(&shop, INVENTED[0], "pulso-demo").await, StatusCode::OK);
    shop.lock_invented_people_out().await.expect("a shop that answers");
    for email in INVENTED {
        assert_eq!(sign_in(&shop, email, "pulso-demo").await, StatusCode::UNAUTHORIZED, "{email}");
    }
    assert_eq!(sign_in(&shop, "admin@pulso.demo", "propia1").await, StatusCode::OK);
}

#[tokio::test]
async fn a_given_administrator_locks_the_invented_people_out_whatever_password_the_demos_own_has() {
    let database = new_database().await;
    drop(demo_with_another_password(&database).await);
    let (shop, _) = open(&database, true, Some("jefa@x.co")).await;
    for email in INVENTED {
        assert_eq!(sign_in(&shop, email, "pulso-demo").await, StatusCode::UNAUTHORIZED, "{email}");
    }
    assert_eq!(sign_in(&shop, "admin@pulso.demo", "propia1").await, StatusCode::OK);
}

#[tokio::test]
async fn a_shop_that_is_in_use_gets_no_demo() {
    let database = new_database().await;
    open(&database, false, Some("jefa@x.co")).await;
    let (shop, rows) = open(&database, true, Some("jefa@x.co")).await;
    assert!(shop.sign_in().is_none());
    assert_eq!(number(&rows, "SELECT COUNT(*) FROM users").await, 1);
}
