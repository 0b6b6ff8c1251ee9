//! The database: SQLite or PostgreSQL behind one set of SQL.
//!
//! Every write is one transaction. On SQLite it begins with BEGIN IMMEDIATE, since a deferred transaction that
//! turns into a write fails at once, whatever the busy timeout.

pub mod users;
pub mod equipments;
pub mod catalog;
pub mod orders;
pub mod totals;
mod schema;
mod secret;

use crate::api::Error;
use anyhow::Context;
use sqlx::any::AnyPoolOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Any, AnyPool, Executor, Transaction};
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;
use tokio::sync::{Mutex, OwnedMutexGuard};
use totals::Touched;

/// Connections kept open. One writes at a time on SQLite; the others read.
const CONNECTIONS: u32 = 8;

/// How long a write waits for another one.
const BUSY: Duration = Duration::from_secs(10);

/// For each connection to SQLite. FULL: what was acknowledged survives a power cut.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                       PRAGMA busy_timeout = 10000; PRAGMA temp_store = MEMORY";

pub type Tx = Transaction<'static, Any>;

#[derive(Clone, Debug)]
enum Kind {
    /// The file, and whose turn it is to write to it: SQLite lets one write at a time, and its own waiting is by
    /// sleeping longer and longer, while this queue is fair and wakes at once.
    Sqlite(PathBuf, Arc<Mutex<()>>),
    Postgres,
}

#[derive(Clone)]
pub struct Store {
    pool: AnyPool,
    kind: Kind,
}

impl Store {
    pub async fn open(url: &str) -> anyhow::Result<Store> {
        sqlx::any::install_default_drivers();
        let kind = kind_of(url)?;
        let options = AnyPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(BUSY);
        let pool = match &kind {
            Kind::Sqlite(file, _) => {
                let options = options.after_connect(|connection, _| {
                    Box::pin(async move { connection.execute(PRAGMAS).await.map(|_| ()) })
                });
                let pool = options.connect(&made_if_missing(url)).await;
                pool.with_context(|| format!("the database {} cannot be opened", file.display()))?
            }
            // Its URL may hold a password, so the error does not name it.
            Kind::Postgres => {
                options.connect(url).await.context("the database of DATABASE_URL cannot be opened")?
            }
        };
        schema::migrations(&kind)
            .run(&pool)
            .await
            .context("the database's schema cannot be brought up to date")?;
        Ok(Store { pool, kind })
    }

    pub fn pool(&self) -> &AnyPool {
        &self.pool
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self.kind, Kind::Sqlite(..))
    }

    /// A transaction that sees one state of the database throughout.
    pub async fn read(&self) -> sqlx::Result<Tx> {
        match self.kind {
            Kind::Sqlite(..) => self.pool.begin().await,
            Kind::Postgres => self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await,
        }
    }

    pub async fn write(&self) -> Result<Write, Error> {
        match &self.kind {
            Kind::Sqlite(_, turns) => {
                // Waiting for the turn comes first, so that who waits holds no connection.
                let turn =
                    tokio::time::timeout(BUSY, turns.clone().lock_owned()).await.map_err(|_| busy())?;
                let tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
                Ok(Write { tx, touched: Touched::default(), _turn: Some(turn) })
            }
            Kind::Postgres => {
                Ok(Write { tx: self.pool.begin().await?, touched: Touched::default(), _turn: None })
            }
        }
    }
}

/// A transaction that writes; dropped without `commit`, it never happened.
pub struct Write {
    // Dropped in this order: the turn goes on when the transaction is at its end.
    tx: Tx,
    touched: Touched,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Write {
    /// Brings the totals up to date, too.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        self.settle().await?;
        self.tx.commit().await
    }
}

impl Deref for Write {
    type Target = Tx;
    fn deref(&self) -> &Tx {
        &self.tx
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}

fn kind_of(url: &str) -> anyhow::Result<Kind> {
    match url.split(':').next() {
        Some("sqlite") => {
            let in_memory = url.contains(":memory:") || url.contains("mode=memory");
            anyhow::ensure!(!in_memory, "DATABASE_URL must name a file: a shop keeps its orders");
            let options: SqliteConnectOptions = url.parse().context("DATABASE_URL cannot be read")?;
            Ok(Kind::Sqlite(options.get_filename().to_path_buf(), Arc::default()))
        }
        Some("postgres" | "postgresql") => Ok(Kind::Postgres),
        _ => anyhow::bail!("DATABASE_URL must begin with sqlite:// or postgres://"),
    }
}

fn made_if_missing(url: &str) -> String {
    match url {
        _ if url.contains("mode=") => url.to_owned(),
        _ if url.contains('?') => format!("{url}&mode=rwc"),
        _ => format!("{url}?mode=rwc"),
    }
}

/// Milliseconds since 1970.
pub fn now() -> i64 {
    (OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as i64
}

const ISO: &[FormatItem] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

pub fn iso(at: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(ISO).expect("every part of the format exists in a UTC date")
}

pub fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// No connection was free, or another process wrote, for longer than anyone waits.
pub fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: &str = "5";
    match error {
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(cause) => cause.code().is_some_and(|code| code == SQLITE_BUSY),
        _ => false,
    }
}

pub fn busy() -> Error {
    Error::unavailable("The shop is busy, please try again")
}

/// A row that breaks a UNIQUE rule is the caller's fault, not ours.
pub fn unless_taken(error: sqlx::Error, message: impl FnOnce() -> Error) -> Error {
    match error.as_database_error() {
        Some(cause) if cause.is_unique_violation() => message(),
        _ => error.into(),
    }
}

/// What cannot go while others need it: each kind of dependents, and how to count it.
pub async fn unless_depended_on(
    tx: &mut Tx,
    what: &str,
    id: &str,
    dependents: &[(&str, &'static str)],
) -> Result<(), Error> {
    let mut found = Vec::new();
    for (kind, sql) in dependents {
        let count: i64 = sqlx::query_scalar(*sql).bind(id.to_owned()).fetch_one(&mut **tx).await?;
        if count > 0 {
            found.push(format!("{count} {kind}"));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(Error::conflict(format!("{what} with id {id} cannot be deleted: {} depend on it", found.join(", "))))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_acknowledged_survives_a_power_cut_and_references_hold() {
        let (_folder, store) = testing::empty().await;
        let mut tx = store.write().await.expect("a transaction");
        let mode: String =
            sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut **tx).await.expect("a mode");
        assert_eq!(mode, "wal");
        for (pragma, value) in
            [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1), ("PRAGMA busy_timeout", 10_000)]
        {
            let set: i64 = sqlx::query_scalar(pragma).fetch_one(&mut **tx).await.expect(pragma);
            assert_eq!(set, value, "{pragma}");
        }
    }

    #[test]
    fn the_file_is_made_if_it_is_missing_whatever_the_url_says_otherwise() {
        let check = |url: &str, expected: &str| assert_eq!(made_if_missing(url), expected);
        check("sqlite://pulso.db", "sqlite://pulso.db?mode=rwc");
        check("sqlite://pulso.db?cache=private", "sqlite://pulso.db?cache=private&mode=rwc");
        check("sqlite://pulso.db?mode=rw", "sqlite://pulso.db?mode=rw");
    }

    #[test]
    fn times_are_written_with_milliseconds() {
        assert_eq!(iso(1_763_519_756_007), "2025-11-19T02:35:56.007Z");
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
    }
}
