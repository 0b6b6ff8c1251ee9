//! A copy of SQLite's database as it stood at one moment, while a server goes on writing.

use super::{Kind, kind_of, with_suffix};
use anyhow::{Context, bail, ensure};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

/// Whatever already is at `to` stays. Returns the kept key of the sign-in tokens, which is no part of the copy.
pub async fn backup(url: &str, to: &Path) -> anyhow::Result<Option<PathBuf>> {
    let Kind::Sqlite(file, _) = kind_of(url)? else {
        bail!(
            "for PostgreSQL there is pg_dump: pg_dump --format=custom --file={} \"$DATABASE_URL\"",
            to.display()
        );
    };
    ensure!(file.exists(), "there is no database {}", file.display());
    ensure!(!to.exists(), "{} is there already, and is not overwritten", to.display());
    // Elsewhere first, so that what has the name is always whole.
    let draft = Draft(with_suffix(to, &format!(".{}", uuid::Uuid::new_v4())));
    // It holds what the database holds, so it is for the same eyes only; an empty file is one that SQLite fills.
    draft.make().with_context(|| format!("cannot write {}", draft.0.display()))?;
    copy(url, &draft.0).await.with_context(|| format!("{} cannot be copied", file.display()))?;
    draft.keep_as(to).with_context(|| format!("cannot write {}", to.display()))?;
    let key = with_suffix(&file, ".jwt");
    Ok(key.exists().then_some(key))
}

/// Reads one state of the database throughout, and holds up nobody who writes.
async fn copy(url: &str, draft: &Path) -> anyhow::Result<()> {
    let name = draft.to_str().context("its name must be text")?;
    let options: SqliteConnectOptions = url.parse()?;
    let mut database: SqliteConnection = options.create_if_missing(false).connect().await?;
    sqlx::query("VACUUM INTO $1").bind(name).execute(&mut database).await?;
    database.close().await?;
    Ok(())
}

/// Removed unless it is kept.
struct Draft(PathBuf);

impl Draft {
    fn make(&self) -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.0).map(drop)
    }

    /// With its name it is on the disk.
    fn keep_as(&self, to: &Path) -> anyhow::Result<()> {
        File::open(&self.0)?.sync_all()?;
        ensure!(!to.exists(), "it is there by now");
        fs::rename(&self.0, to)?;
        #[cfg(unix)]
        File::open(to.canonicalize()?.parent().context("a file is in a folder")?)?.sync_all()?;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Once it was kept there is none.
        let _ = fs::remove_file(&self.0);
    }
}
