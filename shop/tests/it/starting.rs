//! How a shop comes up: the schema, and what must be there, whoever else starts with it.

use super::KIND;
use super::support::*;
use secrecy::SecretString;
use shop::{Admin, Options, Role, Shop};
use std::time::Duration;
use testing::{Database, Kind};

async fn opened_at_once(database: &Database, count: usize, demo: bool) -> Vec<Shop> {
    let opening: Vec<_> = (0..count)
        .map(|_| {
            let admin = Admin { email: "jefa@x.co".into(), password: SecretString::from("secreto") };
            let options = Options { admin: (!demo).then_some(admin), demo, ..options(database) };
            tokio::spawn(Shop::open(options, nobody_listens()))
        })
        .collect();
    let mut shops = Vec::new();
    for shop in opening {
        shops.push(shop.await.expect("no panic").expect("a shop"));
    }
    shops
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_servers_that_start_at_once_on_an_empty_database_share_it() {
    let database = new_database().await;
    let shops = opened_at_once(&database, 8, false).await;
    let rows = rows_of(&database).await;
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM users WHERE role = 'Admin'")
        .fetch_one(&rows)
        .await
        .expect("a count");
    assert_eq!(count, 1);
    let token = shops[0].tokens().issue("7", "a@x.co", Role::Admin, Duration::from_secs(60));
    for shop in &shops {
        assert!(shop.tokens().verify(&token).is_ok(), "they have one key");
    }
}

/// What the library keeps its account in, as it makes it.
const ACCOUNT: &str = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
                       installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, \
                       checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_that_start_at_once_on_a_database_that_has_to_grow_wait_for_each_other() {
    let database = new_database().await;
    if let Some(file) = database.file() {
        std::fs::write(file, "").expect("an empty file is an empty database");
    }
    let account = match KIND {
        Kind::Sqlite => ACCOUNT.to_owned(),
        Kind::Postgres => ACCOUNT.replace("BLOB", "BYTEA").replace("TIMESTAMP ", "TIMESTAMPTZ "),
    };
    sqlx::query(sqlx::AssertSqlSafe(account)).execute(&rows_of(&database).await).await.expect("an account");
    opened_at_once(&database, 8, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_servers_that_start_at_once_make_one_demo() {
    let database = new_database().await;
    let shops = opened_at_once(&database, 2, true).await;
    assert!(shops.iter().all(|shop| shop.sign_in().is_some()));
    let rows = rows_of(&database).await;
    let count: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM repair_orders").fetch_one(&rows).await.expect("a count");
    assert_eq!(count, 400);
}

#[tokio::test]
async fn an_administrator_who_cannot_be_added_is_not_said_to_be_someone_else() {
    let database = new_database().await;
    let admin = |email: &str| Admin { email: email.into(), password: SecretString::from("secreto") };
    drop(Shop::open(options(&database), nobody_listens()).await.expect("a shop"));
    shop::create_admin(database.url(), &admin("ana@x.co")).await.expect("an administrator");
    let taken = shop::create_admin(database.url(), &admin("ana@x.co")).await.expect_err("a refusal");
    assert_eq!(taken.to_string(), "ana@x.co already belongs to someone");
    let away = "ALTER TABLE users RENAME COLUMN phone TO away";
    sqlx::query(away).execute(&rows_of(&database).await).await.expect(away);
    let failed = shop::create_admin(database.url(), &admin("eva@x.co")).await.expect_err("a failure");
    assert!(!format!("{failed:#}").contains("belongs"), "{failed:#}");
}

/// The line with which a start ends after this was done to the database.
async fn refused(done: &'static str) -> String {
    let database = new_database().await;
    drop(Shop::open(options(&database), nobody_listens()).await.expect("a shop"));
    sqlx::query(done).execute(&rows_of(&database).await).await.expect(done);
    let error = Shop::open(options(&database), nobody_listens()).await.err().expect("a refusal");
    format!("{error:#}")
}

#[tokio::test]
async fn the_database_of_a_newer_server_is_refused() {
    let newer = match KIND {
        Kind::Sqlite => {
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'of tomorrow', TRUE, x'00', 0)"
        }
        Kind::Postgres => {
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'of tomorrow', TRUE, decode('00', 'hex'), 0)"
        }
    };
    let line = refused(newer).await;
    assert!(line.starts_with("the database belongs to a newer Pulso: it has version 9999"), "{line}");
    assert!(!line.contains('\n'), "{line}");
}

#[tokio::test]
async fn a_database_that_came_about_in_another_way_is_refused() {
    let changed = match KIND {
        Kind::Sqlite => "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1",
        Kind::Postgres => "UPDATE _sqlx_migrations SET checksum = decode('00', 'hex') WHERE version = 1",
    };
    let line = refused(changed).await;
    assert!(line.starts_with("the database belongs to another Pulso: its version 1"), "{line}");
}
