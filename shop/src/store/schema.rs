//! The schema and how it grew. Forward only: a migration that was released is never changed, another one follows.

use super::{Kind, Store};
use anyhow::Context;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Executor, SqlSafeStr};

/// A file of migrations and its text.
type File = (&'static str, &'static str);

/// The text of each file, in order.
macro_rules! files {
    ($folder:literal: $($file:literal),+) => {
        &[$(($file, include_str!(concat!("../../migrations/", $folder, "/", $file)))),+]
    };
}

/// One list a database: they differ in how a row is numbered and in that PostgreSQL has to be told to compare texts byte by
/// byte, as SQLite does.
const SQLITE: &[File] = files!("sqlite": "0001_shop.sql", "0002_totals.sql", "0003_sign_ins.sql", "0004_screens.sql",
    "0005_orders.sql", "0006_parts.sql");
const POSTGRES: &[File] = files!("postgres": "0001_shop.sql", "0002_totals.sql", "0003_sign_ins.sql",
    "0004_screens.sql", "0005_orders.sql", "0006_parts.sql");

/// In one transaction and by one server at a time: those that start with it wait, and find it done.
pub(super) async fn bring_up_to_date(store: &Store) -> anyhow::Result<()> {
    let wrong = || "the database's schema cannot be brought up to date";
    let mut tx = match &store.kind {
        // Nobody else writes from here on.
        Kind::Sqlite(..) => store.pool.begin_with("BEGIN IMMEDIATE").await.with_context(wrong)?,
        Kind::Postgres => {
            let mut tx = store.pool.begin().await.with_context(wrong)?;
            // However long it takes, here and where it is done.
            let alone = "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; \
                         SELECT 1 FROM pg_advisory_xact_lock(7370821)";
            tx.execute(alone).await.with_context(wrong)?;
            tx
        }
    };
    let mut migrations = migrations(&store.kind);
    // The library's own lock does nothing on SQLite, so it is ours on both.
    migrations.set_locking(false);
    let known = migrations.iter().last().map_or(0, |newest| newest.version);
    // `run` would do the same, but nothing that calls it could be spawned: the compiler cannot follow its borrows.
    migrations.run_direct(None, &mut *tx, false).await.map_err(|error| explained(error, known))?;
    tx.commit().await.with_context(wrong)
}

/// In words for whoever starts the server.
fn explained(error: MigrateError, known: i64) -> anyhow::Error {
    match error {
        MigrateError::VersionMissing(version) => anyhow::anyhow!(
            "the database belongs to a newer Pulso: it has version {version} of the schema, and this one knows {known}"
        ),
        MigrateError::VersionMismatch(version) => anyhow::anyhow!(
            "the database belongs to another Pulso: its version {version} of the schema is not the one that is known here"
        ),
        other => anyhow::Error::from(other).context("the database's schema cannot be brought up to date"),
    }
}

fn migrations(kind: &Kind) -> Migrator {
    let texts = match kind {
        Kind::Sqlite(..) => SQLITE,
        Kind::Postgres => POSTGRES,
    };
    let migration = |(file, sql): &File| {
        let (version, name) = parts(file).expect("each file is named like 0001_shop.sql");
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(texts.iter().map(migration).collect())
}

/// The version that the file's number says, and its name.
fn parts(file: &str) -> Option<(i64, &str)> {
    let (number, name) = file.strip_suffix(".sql")?.split_once('_')?;
    Some((number.parse().ok()?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_the_number_of_its_file_and_none_is_missing() {
        for (folder, texts) in [("sqlite", SQLITE), ("postgres", POSTGRES)] {
            let folder = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
            let mut there: Vec<_> = std::fs::read_dir(&folder)
                .expect("a folder")
                .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
                .collect();
            there.sort();
            let listed: Vec<_> = texts.iter().map(|(file, _)| *file).collect();
            assert_eq!(listed, there, "{folder}");
            let versions: Vec<_> = listed.iter().map(|file| parts(file).expect("a version").0).collect();
            let numbers: Vec<_> = (1..).take(texts.len()).collect();
            assert_eq!(versions, numbers, "{folder}");
        }
    }
}
