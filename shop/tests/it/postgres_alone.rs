//! What can only happen on PostgreSQL, where several write at once.

use crate::postgres::support::*;
use axum::http::{Method, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use shop::{Admin, Options, Role, Shop};
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

/// A part that is added to an order is undone like by a deadlock the first time and, when it is committed, like by a
/// conflict the second time. Sequences count on whatever is undone.
const UNDOING: &str = "
    CREATE SEQUENCE tries;
    CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('tries') = 1 THEN RAISE EXCEPTION 'a deadlock' USING ERRCODE = '40P01'; END IF;
        RETURN NULL;
    END $$;
    CREATE FUNCTION undo_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF currval('tries') = 2 THEN RAISE EXCEPTION 'a conflict' USING ERRCODE = '40001'; END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER undo AFTER INSERT ON order_parts FOR EACH ROW EXECUTE FUNCTION undo();
    CREATE CONSTRAINT TRIGGER undo_commit AFTER INSERT ON order_parts DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION undo_commit();";

/// Undone whenever it is tried.
const UNDOING_ALWAYS: &str = "
    CREATE SEQUENCE tries;
    CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM nextval('tries');
        RAISE EXCEPTION 'a deadlock' USING ERRCODE = '40P01';
    END $$;
    CREATE TRIGGER undo AFTER INSERT ON order_parts FOR EACH ROW EXECUTE FUNCTION undo();";

/// An order, and what adds a part to it.
async fn order_and_change(shop: &TestShop) -> (String, Value) {
    let cast = shop.cast().await;
    let order = json!({"equipmentId": cast.device, "problemDescription": "x"});
    let path = format!("/repair-orders/{}", shop.made("/repair-orders", &shop.admin, order).await);
    (path, json!({"parts": [{"partId": cast.part, "quantity": 1}]}))
}

#[tokio::test]
async fn a_change_that_was_undone_is_made_again_and_its_caller_never_learns() {
    let mut shop = TestShop::open().await;
    let (path, change) = order_and_change(&shop).await;
    shop.run(UNDOING).await;
    shop.events();
    let (status, order) = shop.patch(&path, &shop.admin, change).await;
    assert_eq!((status, &order["finalCost"]), (StatusCode::OK, &json!(65.99)), "{order}");
    assert_eq!(shop.number("SELECT last_value FROM tries").await, 3);
    assert_eq!(shop.number("SELECT COUNT(*) FROM order_parts").await, 1);
    assert_eq!(shop.number("SELECT stock FROM spare_parts").await, 4);
    assert_eq!(shop.events(), ["REPAIR_ORDER_UPDATED"]);
}

#[tokio::test]
async fn a_change_that_is_undone_each_time_is_given_up_and_leaves_nothing_behind() {
    let mut shop = TestShop::open().await;
    let (path, change) = order_and_change(&shop).await;
    shop.run(UNDOING_ALWAYS).await;
    shop.events();
    let request = request(Method::PATCH, &path, &shop.admin, change.to_string());
    let answer = shop.router.clone().oneshot(request).await.expect("infallible");
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(shop.number("SELECT last_value FROM tries").await, 5);
    assert_eq!(shop.number("SELECT COUNT(*) FROM order_parts").await, 0);
    assert_eq!(shop.number("SELECT stock FROM spare_parts").await, 5);
    assert!(shop.events().is_empty());
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_two_administrators_cannot_delete_each_other() {
    let shop = TestShop::open().await;
    let other = shop.person("Eva", Role::Admin).await;
    let first = "SELECT id FROM users WHERE name = 'Ana'";
    let first: String = sqlx::query_scalar(first).fetch_one(&shop.rows).await.expect("an administrator");
    // Whoever deletes one waits here, so each begins before the other is done.
    let mut held = shop.rows.begin().await.expect("a transaction");
    held.execute("SELECT 1 FROM user_totals WHERE role = 'Admin' FOR UPDATE").await.expect("a lock");
    let deleting =
        [(first, other.token.clone()), (other.id.clone(), shop.admin.clone())].map(|(whom, token)| {
            let request = request(Method::DELETE, &format!("/users/{whom}"), &token, "");
            tokio::spawn(shop.router.clone().oneshot(request))
        });
    until_it_is(2, &shop.rows, WAITING).await;
    held.rollback().await.expect("it was open");
    let mut answers = Vec::new();
    for answer in deleting {
        answers.push(answer.await.expect("no panic").expect("infallible").status());
    }
    answers.sort();
    assert_eq!(answers, [StatusCode::OK, StatusCode::CONFLICT]);
    assert_eq!(shop.number("SELECT COUNT(*) FROM users WHERE role = 'Admin'").await, 1);
}

/// The mark of the totals is undone like by a deadlock the first time.
const UNDOING_THE_MARK: &str = "
    CREATE SEQUENCE tries;
    CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.name = 'totals' AND nextval('tries') = 1 THEN
            RAISE EXCEPTION 'a deadlock' USING ERRCODE = '40P01';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER undo BEFORE UPDATE ON settings FOR EACH ROW EXECUTE FUNCTION undo();
    UPDATE user_totals SET people = 7 WHERE role = 'User';";

#[tokio::test]
async fn totals_are_mended_though_it_fails_the_first_time() {
    let shop = TestShop::open().await;
    shop.run(UNDOING_THE_MARK).await;
    Shop::open(options(&shop.database), nobody_listens()).await.expect("a shop");
    until_it_is(0, &shop.rows, "SELECT people FROM user_totals WHERE role = 'User'").await;
    assert_eq!(shop.number("SELECT last_value FROM tries").await, 2);
}
