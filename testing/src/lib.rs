//! A database of one's own for each test: a file for SQLite, or one in a PostgreSQL that lives as long as the tests.
//!
//! Only tests and the benchmark depend on this crate.

mod postgres;

use postgres::Cluster;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};
use tempfile::TempDir;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];
}

/// Empty at first, and gone some time after it was dropped.
pub struct Database {
    url: String,
    place: Place,
}

enum Place {
    Folder(TempDir),
    Cluster { name: String },
}

/// One for all tests of a process: starting it takes seconds, adding a database to it hardly any time.
static CLUSTER: LazyLock<Result<Cluster, String>> = LazyLock::new(Cluster::start);

/// Databases that nobody needs any more. The next one to be made takes their place, or a long run would fill the disk.
static LEFT: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl Database {
    pub async fn new(kind: Kind) -> Database {
        match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir().expect("a folder");
                let url = format!("sqlite://{}", folder.path().join("shop.db").display());
                Database { url, place: Place::Folder(folder) }
            }
            Kind::Postgres => {
                let cluster = CLUSTER.as_ref().unwrap_or_else(|reason| panic!("{reason}"));
                let name = format!("test_{:016x}", rand::random::<u64>());
                let mut connection =
                    PgConnection::connect(&cluster.url("postgres")).await.expect("the cluster runs");
                let left = std::mem::take(&mut *LEFT.lock().expect("nothing panics with it"));
                for name in left {
                    run(&mut connection, format!("DROP DATABASE {name} WITH (FORCE)")).await;
                }
                run(&mut connection, format!("CREATE DATABASE {name}")).await;
                Database { url: cluster.url(&name), place: Place::Cluster { name } }
            }
        }
    }

    /// As DATABASE_URL wants it.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn kind(&self) -> Kind {
        match &self.place {
            Place::Folder(_) => Kind::Sqlite,
            Place::Cluster { .. } => Kind::Postgres,
        }
    }

    /// Where SQLite keeps it.
    pub fn file(&self) -> Option<PathBuf> {
        match &self.place {
            Place::Folder(folder) => Some(folder.path().join("shop.db")),
            Place::Cluster { .. } => None,
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Place::Cluster { name } = &self.place {
            LEFT.lock().expect("nothing panics with it").push(name.clone());
        }
    }
}

async fn run(connection: &mut PgConnection, sql: String) {
    connection.execute(AssertSqlSafe(sql.clone())).await.expect(&sql);
}
