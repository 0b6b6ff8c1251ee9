//! Keys that tokens are signed with: made once and kept, so that a restart signs nobody out.

use super::{Kind, Store, with_suffix};
use anyhow::{Context, ensure};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Characters of a key: twice what HS256 needs.
const LENGTH: usize = 64;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What a key is for: no token of the one is good for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    SignIn,
    Screens,
}

impl Key {
    /// What the file beside SQLite's is called after it.
    const fn suffix(self) -> &'static str {
        match self {
            Key::SignIn => ".jwt",
            Key::Screens => ".screens",
        }
    }

    /// The row of the settings that holds it on PostgreSQL, so that servers share it.
    const fn setting(self) -> &'static str {
        match self {
            Key::SignIn => "jwt_secret",
            Key::Screens => "screens_secret",
        }
    }
}

impl Store {
    pub async fn kept_secret(&self, key: Key) -> anyhow::Result<Vec<u8>> {
        match &self.kind {
            Kind::Sqlite(file, _) => beside(file, key),
            Kind::Postgres => self.in_settings(key).await,
        }
    }

    async fn in_settings(&self, key: Key) -> anyhow::Result<Vec<u8>> {
        sqlx::query("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(key.setting())
            .bind(made())
            .execute(self.pool())
            .await?;
        let kept: String = sqlx::query_scalar("SELECT value FROM settings WHERE name = $1")
            .bind(key.setting())
            .fetch_one(self.pool())
            .await?;
        Ok(kept.into_bytes())
    }
}

/// Of 64 characters, each one of 64: 384 random bits.
pub fn made() -> String {
    rand::random::<[u8; LENGTH]>().iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect()
}

/// In a file beside that of the database, which only its owner may read.
fn beside(database: &Path, key: Key) -> anyhow::Result<Vec<u8>> {
    let path = with_suffix(database, key.suffix());
    if let Some(kept) = read(&path)? {
        return Ok(kept);
    }
    // Written elsewhere first, so that nobody ever reads half a key, and linked, so that of two servers that
    // start at once one wins and both use its key.
    let draft = with_suffix(&path, &format!(".{}", uuid::Uuid::new_v4()));
    write_private(&draft, &made()).with_context(|| format!("cannot write {}", draft.display()))?;
    let linked = fs::hard_link(&draft, &path);
    let _ = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("cannot write {}", path.display()))
        }
        _ => read(&path)?.with_context(|| format!("{} vanished", path.display())),
    }
}

fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(kept) => {
            ensure!(
                kept.len() >= 32,
                "{} holds {} bytes, and a key needs 32 or more",
                path.display(),
                kept.len()
            );
            Ok(Some(kept))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("shop.db");
        let key = beside(&database, Key::SignIn).expect("a key");
        assert_eq!((key.len(), beside(&database, Key::SignIn).expect("the same")), (LENGTH, key.clone()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join("shop.db.jwt")).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "no draft stays");
        fs::write(folder.path().join("shop.db.jwt"), "short").expect("written");
        assert!(beside(&database, Key::SignIn).expect_err("too short").to_string().contains("32 or more"));
        assert_ne!(beside(&database, Key::Screens).expect("a key of its own"), key);
    }
}
