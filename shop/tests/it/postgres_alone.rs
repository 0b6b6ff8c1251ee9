//! What can only happen on PostgreSQL, where several write at once.

use crate::postgres::support::*;
use axum::http::{Method, StatusCode};
use secrecy::SecretString;
use serde_json::json;
use shop::{Admin, Options, Shop};
use sqlx::{AnyPool, Executor};
use tower::ServiceExt;

/// How many wait for a row or another lock.
const WAITING: &str =
    "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

async fn until_it_is(count: i64, rows: &AnyPool, sql: &'static str) {
    let asked = async {
        while sqlx::query_scalar::<_, i64>(sql).fetch_one(rows).await.expect(sql) != count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, asked).await.expect(sql);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_was_undone_is_made_again_and_its_caller_never_learns() {
    let mut shop = TestShop::open().await;
    let cast = shop.cast().await;
    let order = json!({"equipmentId": cast.device, "problemDescription": "x"});
    let id = shop.made("/repair-orders", &shop.admin, order).await;
    shop.events();
    // Another server has the part, and will want the order.
    let mut other = shop.rows.begin().await.expect("a transaction");
    other.execute("UPDATE spare_parts SET stock = stock").await.expect("the part's row");
    let body = json!({"parts": [{"partId": cast.part, "quantity": 1}]}).to_string();
    let change = request(Method::PATCH, &format!("/repair-orders/{id}"), &shop.admin, body);
    let change = tokio::spawn(shop.router.clone().oneshot(change));
    // It has the order, and wants the part. It has waited longer than the other will have, so it is the one to go.
    until_it_is(1, &shop.rows, WAITING).await;
    other.execute("UPDATE repair_orders SET diagnosis = 'LCD'").await.expect("the order's row");
    other.commit().await.expect("the other goes through");
    assert_eq!(change.await.expect("no panic").expect("infallible").status(), StatusCode::OK);
    until_it_is(
        1,
        &shop.rows,
        "SELECT CAST(deadlocks AS BIGINT) FROM pg_stat_database WHERE datname = current_database()",
    )
    .await;
    assert_eq!(shop.number("SELECT COUNT(*) FROM order_parts").await, 1);
    assert_eq!(shop.number("SELECT stock FROM spare_parts").await, 4);
    assert_eq!(shop.events(), ["REPAIR_ORDER_UPDATED"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_servers_that_start_at_once_one_makes_the_administrator() {
    let database = new_database().await;
    Shop::open(options(&database), nobody_listens()).await.expect("a shop");
    let rows = rows_of(&database).await;
    // Nobody can be added for now, so all of them have looked by the time that one is.
    let mut held = rows.begin().await.expect("a transaction");
    held.execute("LOCK TABLE users IN SHARE MODE").await.expect("a lock");
    let starting: Vec<_> = (0..4)
        .map(|_| {
            let admin = Some(Admin { email: "jefa@x.co".into(), password: SecretString::from("secreto") });
            tokio::spawn(Shop::open(Options { admin, ..options(&database) }, nobody_listens()))
        })
        .collect();
    until_it_is(4, &rows, WAITING).await;
    held.rollback().await.expect("it was open");
    for start in starting {
        start.await.expect("no panic").expect("a shop");
    }
}
