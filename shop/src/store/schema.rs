//! The schema and how it grew. Forward only: a migration that was released is never changed, another one follows.

use super::Kind;
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Name and text of each migration, in order, one list a database: they differ in how a row is numbered and in
/// that PostgreSQL has to be told to compare texts byte by byte, as SQLite does.
const SQLITE: [(&str, &str); 2] = [
    ("shop", include_str!("../../migrations/sqlite/0001_shop.sql")),
    ("totals", include_str!("../../migrations/sqlite/0002_totals.sql")),
];
const POSTGRES: [(&str, &str); 2] = [
    ("shop", include_str!("../../migrations/postgres/0001_shop.sql")),
    ("totals", include_str!("../../migrations/postgres/0002_totals.sql")),
];

pub(super) fn migrations(kind: &Kind) -> Migrator {
    let texts = match kind {
        Kind::Sqlite(..) => SQLITE,
        Kind::Postgres => POSTGRES,
    };
    let migration = |(version, (name, sql)): (i64, (&'static str, &'static str))| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations((1..).zip(texts).map(migration).collect())
}
