//! The database: SQLite or PostgreSQL behind one set of SQL.
//!
//! Every write is one transaction that runs in a task of its own to its end: a client that hangs up during the
//! commit must not lose the event. On SQLite it begins with BEGIN IMMEDIATE, since a deferred transaction that
//! turns into a write fails at once, whatever the busy timeout.

pub mod users;
pub mod equipments;
pub mod catalog;
pub mod orders;
mod schema;
mod secret;

use crate::api::Error;
use anyhow::Context;
use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyPool, Executor, Transaction};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

/// Connections kept open. One writes at a time on SQLite; the others read.
const CONNECTIONS: u32 = 8;

/// How long a write waits for another one.
const BUSY: Duration = Duration::from_secs(10);

/// For each connection to SQLite. FULL: what was acknowledged survives a power cut.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                       PRAGMA busy_timeout = 10000; PRAGMA temp_store = MEMORY";

pub type Tx = Transaction<'static, Any>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
}

#[derive(Clone)]
pub struct Store {
    pool: AnyPool,
    kind: Kind,
    url: String,
}

impl Store {
    pub async fn open(url: &str) -> anyhow::Result<Store> {
        sqlx::any::install_default_drivers();
        let kind = match url.split(':').next() {
            Some("sqlite") => Kind::Sqlite,
            Some("postgres" | "postgresql") => Kind::Postgres,
            _ => anyhow::bail!("DATABASE_URL must begin with sqlite:// or postgres://"),
        };
        let options = AnyPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(BUSY);
        let pool = match kind {
            Kind::Sqlite => {
                let options = options.after_connect(|connection, _| {
                    Box::pin(async move { connection.execute(PRAGMAS).await.map(|_| ()) })
                });
                // The file is made if it is missing.
                let mode = if url.contains('?') { "" } else { "?mode=rwc" };
                options.connect(&format!("{url}{mode}")).await
            }
            Kind::Postgres => options.connect(url).await,
        };
        // Its URL may hold a password, so the error does not name it.
        let pool = pool.context("the database of DATABASE_URL cannot be opened")?;
        schema::migrations(kind).run(&pool).await.context("the database's schema cannot be brought up to date")?;
        Ok(Store { pool, kind, url: url.to_owned() })
    }

    pub fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// A transaction that sees one state of the database throughout.
    pub async fn read(&self) -> sqlx::Result<Tx> {
        match self.kind {
            Kind::Sqlite => self.pool.begin().await,
            Kind::Postgres => self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await,
        }
    }

    pub async fn write(&self) -> sqlx::Result<Tx> {
        match self.kind {
            Kind::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await,
            Kind::Postgres => self.pool.begin().await,
        }
    }
}

/// Milliseconds since 1970.
pub fn now() -> i64 {
    (OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as i64
}

const ISO: &[FormatItem] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

pub fn iso(at: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(ISO).expect("every part of the format exists in a UTC date")
}

pub fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A row that breaks a UNIQUE rule is the caller's fault, not ours.
pub fn unless_taken(error: sqlx::Error, message: impl FnOnce() -> Error) -> Error {
    match error.as_database_error() {
        Some(cause) if cause.is_unique_violation() => message(),
        _ => error.into(),
    }
}

#[cfg(test)]
pub mod testing {
    use super::Store;

    pub async fn empty() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("shop.db").display());
        let store = Store::open(&url).await.expect("an empty shop");
        (folder, store)
    }
}
