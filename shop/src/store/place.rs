//! Two servers on one database do not know of each other yet: each tells its own clients at once only of what happened in
//! itself. So the second one warns, for as long as it is the second.
//!
//! The first one has the place: a lock that the system takes back when its holder ends, however it ends. On SQLite it is
//! on a file beside the database, on PostgreSQL it belongs to a session of its own.

use super::{Kind, Store, with_suffix};
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection, Executor};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

/// How often the second one looks again, and warns.
const AGAIN: Duration = Duration::from_secs(60);

/// PostgreSQL needs a moment to see that a server was killed, and the next one may be as fast.
const GRACE: Duration = Duration::from_secs(1);

/// The session is idle nearly all the time and must last, and that of a machine that lost its power must not.
const SESSION: &str = "SET idle_session_timeout = 0; SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; \
                       SET tcp_keepalives_count = 3";

/// Without end.
pub async fn warn_of_others(store: Store) {
    let mut place = Place::new(store);
    if !matches!(place.is_ours().await, Ok(true)) {
        tokio::time::sleep(GRACE).await;
    }
    let mut alone = true;
    loop {
        let was_alone = alone;
        alone = place.is_ours_or_unknown().await;
        match (was_alone, alone) {
            (true, true) => tracing::debug!("no other server uses this database"),
            (false, true) => tracing::info!("the other server is gone"),
            (_, false) => tracing::warn!(
                "another server uses this database, too: what happens there is seen here only when all is read again \
                 (PULSO_RECONCILE_SECS); one server should be enough"
            ),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

struct Place {
    store: Store,
    held: Held,
}

enum Held {
    Not,
    /// Locked for as long as it is open.
    File(#[expect(dead_code, reason = "it is held, not used")] File),
    Session(AnyConnection),
}

impl Place {
    fn new(store: Store) -> Place {
        Place { store, held: Held::Not }
    }

    /// Who cannot find out warns of nothing but that.
    async fn is_ours_or_unknown(&mut self) -> bool {
        self.is_ours().await.unwrap_or_else(|error| {
            tracing::warn!(
                error = format!("{error:#}"),
                "whether another server uses this database is not known"
            );
            true
        })
    }

    /// Takes it if it is free.
    async fn is_ours(&mut self) -> anyhow::Result<bool> {
        let still = match &mut self.held {
            Held::Not => false,
            Held::File(_) => true,
            Held::Session(session) => session.ping().await.is_ok(),
        };
        if still {
            return Ok(true);
        }
        // A session that ended lost the place, which has to be taken anew.
        self.held = Held::Not;
        self.held = match &self.store.kind {
            Kind::Sqlite(file, _) => {
                locked(&with_suffix(&file.canonicalize()?, ".lock"))?.map_or(Held::Not, Held::File)
            }
            Kind::Postgres => locked_session(&self.store.pool).await?.map_or(Held::Not, Held::Session),
        };
        Ok(!matches!(self.held, Held::Not))
    }
}

async fn locked_session(pool: &AnyPool) -> anyhow::Result<Option<AnyConnection>> {
    let mut session = pool.connect_options().connect().await?;
    session.execute(SESSION).await?;
    let locked: bool =
        sqlx::query_scalar("SELECT pg_try_advisory_lock(7370822)").fetch_one(&mut session).await?;
    Ok(locked.then_some(session))
}

/// `None`: someone else has locked it. It stays there afterwards: to remove it would let two have one each.
fn locked(path: &Path) -> anyhow::Result<Option<File>> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use testing::{Database, Kind};

    async fn check(kind: Kind) {
        let database = Database::new(kind).await;
        let store = async || Store::open(database.url()).await.expect("a shop");
        let (mut first, mut second) = (Place::new(store().await), Place::new(store().await));
        let ours = async |place: &mut Place| place.is_ours().await.expect("an answer");
        assert!(ours(&mut first).await);
        assert!(!ours(&mut second).await && !ours(&mut second).await);
        assert!(ours(&mut first).await);
        drop(first);
        let freed = async {
            while !ours(&mut second).await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), freed).await.expect("the place is free again");
        assert!(!ours(&mut Place::new(store().await)).await);
    }

    #[tokio::test]
    async fn the_first_has_the_place_until_it_ends_on_sqlite() {
        check(Kind::Sqlite).await;
    }

    #[tokio::test]
    async fn the_first_has_the_place_until_it_ends_on_postgres() {
        check(Kind::Postgres).await;
    }

    #[tokio::test]
    async fn whose_session_was_ended_takes_the_place_anew_on_postgres() {
        let database = Database::new(Kind::Postgres).await;
        let store = Store::open(database.url()).await.expect("a shop");
        let mut place = Place::new(store.clone());
        assert!(place.is_ours().await.expect("an answer"));
        // All but the asking one, as a restart of the database would do.
        let end = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        store.pool.execute(end).await.expect("they end");
        assert!(place.is_ours().await.expect("an answer"));
        let mut other = Place::new(store);
        assert!(!other.is_ours().await.expect("an answer"));
    }

    /// What was logged, for a look at it.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        fn lines_with(&self, text: &str) -> usize {
            let log = String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text");
            log.lines().filter(|line| line.contains(text)).count()
        }
    }

    #[tokio::test]
    async fn the_second_warns_once_a_minute_until_the_first_is_gone() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        let _logging = tracing::subscriber::set_default(subscriber);
        let database = Database::new(Kind::Sqlite).await;
        let mut first = Place::new(Store::open(database.url()).await.expect("a shop"));
        assert!(first.is_ours().await.expect("an answer"));
        let second = Store::open(database.url()).await.expect("a shop");
        tokio::time::pause();
        let warning = tokio::spawn(warn_of_others(second));
        tokio::time::sleep(GRACE + 5 * AGAIN + AGAIN / 2).await;
        assert_eq!(log.lines_with("another server uses this database"), 6);
        drop(first);
        tokio::time::sleep(3 * AGAIN).await;
        warning.abort();
        assert_eq!(log.lines_with("another server uses this database"), 6);
        assert_eq!(log.lines_with("the other server is gone"), 1);
    }
}
