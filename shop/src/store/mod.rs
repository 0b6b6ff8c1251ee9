//! The database: SQLite or PostgreSQL behind one set of SQL.
//!
//! Every write is one transaction. On SQLite it begins with BEGIN IMMEDIATE, since a deferred transaction that
//! turns into a write fails at once, whatever the busy timeout.

pub mod users;
pub mod sign_ins;
pub mod equipments;
pub mod catalog;
pub mod orders;
pub mod totals;
pub mod reviews;
pub mod screens;
mod schema;
pub mod secret;
mod failure;
mod place;
mod backup;

pub use backup::backup;
pub use failure::{Failure, busy, unless_taken};
pub use place::warn_of_others;

use crate::api::Error;
use anyhow::Context;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Any, AnyPool, AssertSqlSafe, ConnectOptions, Executor, Transaction};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
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
pub const BUSY: Duration = Duration::from_secs(10);

/// For each connection to SQLite. FULL: what was acknowledged survives a power cut.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                       PRAGMA busy_timeout = 10000; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 10000";

/// For each connection to PostgreSQL. A server that hangs, or a lock that nobody gives back, must not stop the shop.
const SETTINGS: &str = "SET lock_timeout = '10s'; SET statement_timeout = '30s'; \
                        SET idle_in_transaction_session_timeout = '60s'";

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
        let pool = match &kind {
            Kind::Sqlite(file, _) => {
                let url = made_if_missing(url);
                if url.ends_with("mode=rwc") {
                    make_private(file);
                }
                let pool = prepared(PRAGMAS).connect_with(quiet(&url)?).await;
                pool.with_context(|| format!("the database {} cannot be opened", file.display()))?
            }
            // Its URL may hold a password, so the error does not name it.
            Kind::Postgres => {
                let pool = prepared(SETTINGS).connect_with(quiet(url)?).await;
                pool.context("the database of DATABASE_URL cannot be opened")?
            }
        };
        let store = Store { pool, kind };
        schema::bring_up_to_date(&store).await?;
        Ok(store)
    }

    /// Whether two transactions can stand in each other's way, so that one is undone: on SQLite one writes at a time.
    pub fn undoes(&self) -> bool {
        match self.kind {
            Kind::Sqlite(..) => false,
            Kind::Postgres => true,
        }
    }

    /// Like `open`, but a mistyped name makes no new file.
    pub async fn open_existing(url: &str) -> anyhow::Result<Store> {
        Store::open(&not_made(url)).await
    }

    pub fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// Moves what was written from the log into the database itself, beside reads and writes. SQLite would do it in whatever
    /// commit filled a thousand pages, which that one caller waits for; here that only happens if this cannot keep up.
    pub async fn tidy(&self) -> sqlx::Result<()> {
        match self.kind {
            Kind::Sqlite(..) => self.pool.execute("PRAGMA wal_checkpoint(PASSIVE)").await.map(|_| ()),
            Kind::Postgres => Ok(()),
        }
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

    /// The same, for a reader who may pause for as long as this between two queries.
    pub async fn read_for(&self, pause: Duration) -> sqlx::Result<Tx> {
        let mut tx = self.read().await?;
        match self.kind {
            Kind::Sqlite(..) => {}
            Kind::Postgres => {
                let pause = format!("SET LOCAL idle_in_transaction_session_timeout = {}", pause.as_millis());
                tx.execute(AssertSqlSafe(pause)).await?;
            }
        }
        Ok(tx)
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
            // Every statement sees what was committed before it: who has waited for a row goes on with its newest state.
            Kind::Postgres => {
                let tx = self.pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await?;
                Ok(Write { tx, touched: Touched::default(), _turn: None })
            }
        }
    }

    /// A write for which the others of its kind wait, those of other servers too: what looks whether something is there
    /// before it makes it. On SQLite every write is one of these.
    pub async fn write_alone(&self) -> Result<Write, Error> {
        let mut write = self.write().await?;
        match self.kind {
            Kind::Sqlite(..) => {}
            Kind::Postgres => {
                // It waits longer than a request would: the demo takes its time.
                let alone = "SET LOCAL lock_timeout = '2min'; SET LOCAL statement_timeout = '2min'; \
                             SELECT 1 FROM pg_advisory_xact_lock(7370820)";
                write.execute(alone).await?;
            }
        }
        Ok(write)
    }
}

/// Connections that begin with these settings.
fn prepared(settings: &'static str) -> AnyPoolOptions {
    let options = AnyPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(BUSY);
    options.after_connect(move |connection, _| {
        Box::pin(async move { connection.execute(settings).await.map(|_| ()) })
    })
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

/// Comparing the totals takes seconds in a large shop, which is no news; the library would print it with its SQL.
fn quiet(url: &str) -> anyhow::Result<AnyConnectOptions> {
    let options: AnyConnectOptions = url.parse().context("DATABASE_URL cannot be read")?;
    Ok(options.disable_statement_logging())
}

fn made_if_missing(url: &str) -> String {
    match url {
        _ if url.contains("mode=") => url.to_owned(),
        _ if url.contains('?') => format!("{url}&mode=rwc"),
        _ => format!("{url}?mode=rwc"),
    }
}

fn not_made(url: &str) -> String {
    match url {
        _ if !url.starts_with("sqlite:") || url.contains("mode=") => url.to_owned(),
        _ if url.contains('?') => format!("{url}&mode=rw"),
        _ => format!("{url}?mode=rw"),
    }
}

/// When something happens: in milliseconds since 1970, and which day that is where the shop stands.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub at: i64,
    pub today: Date,
}

impl Moment {
    pub fn of(at: i64, zone: &TimeZone) -> Moment {
        let instant = Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
        Moment { at, today: zone.to_datetime(instant).date() }
    }
}

/// Hashes of passwords lie in it, so it is its owner's alone; what SQLite makes beside it is as private as it is. Whatever
/// goes wrong, opening it says so.
fn make_private(file: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(file);
}

/// A file beside another one.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
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

/// What cannot go while others need it: each kind of dependents, and how to find one of it. How many there are is not
/// counted: it may be most of a large shop.
pub async fn unless_depended_on(
    tx: &mut Tx,
    what: &str,
    id: &str,
    dependents: &[(&str, &'static str)],
) -> Result<(), Error> {
    let mut found = Vec::new();
    for (kind, sql) in dependents {
        if sqlx::query(*sql).bind(id.to_owned()).fetch_optional(&mut **tx).await?.is_some() {
            found.push(*kind);
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

    #[tokio::test]
    async fn nobody_waits_without_end_on_postgres() {
        let database = ::testing::Database::new(::testing::Kind::Postgres).await;
        let store = Store::open(database.url()).await.expect("an empty shop");
        let mut tx = store.write().await.expect("a transaction");
        for (setting, value) in [
            ("lock_timeout", "10s"),
            ("statement_timeout", "30s"),
            ("idle_in_transaction_session_timeout", "1min"),
            ("transaction_isolation", "read committed"),
        ] {
            let set: String = sqlx::query_scalar("SELECT current_setting($1)")
                .bind(setting)
                .fetch_one(&mut **tx)
                .await
                .expect(setting);
            assert_eq!(set, value, "{setting}");
        }
        let mut tx = store.read_for(Duration::from_secs(300)).await.expect("a transaction");
        let pause: String =
            sqlx::query_scalar("SELECT current_setting('idle_in_transaction_session_timeout')")
                .fetch_one(&mut *tx)
                .await
                .expect("a setting");
        assert_eq!(pause, "5min", "who reads a long list may pause");
    }

    #[test]
    fn the_file_is_made_if_it_is_missing_whatever_the_url_says_otherwise() {
        let check = |url: &str, expected: &str| assert_eq!(made_if_missing(url), expected);
        check("sqlite://pulso.db", "sqlite://pulso.db?mode=rwc");
        check("sqlite://pulso.db?cache=private", "sqlite://pulso.db?cache=private&mode=rwc");
        check("sqlite://pulso.db?mode=rw", "sqlite://pulso.db?mode=rw");
    }

    #[test]
    fn the_day_is_the_shops_and_not_that_of_greenwich() {
        // 2025-11-19T02:35Z is still the evening of the 18th in Guayaquil.
        let check = |zone: &str, day: &str| {
            let zone = TimeZone::get(zone).expect("a zone");
            assert_eq!(Moment::of(1_763_519_756_007, &zone).today.to_string(), day);
        };
        check("America/Guayaquil", "2025-11-18");
        check("UTC", "2025-11-19");
        check("Asia/Tokyo", "2025-11-19");
    }

    #[test]
    fn times_are_written_with_milliseconds() {
        assert_eq!(iso(1_763_519_756_007), "2025-11-19T02:35:56.007Z");
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
    }
}
