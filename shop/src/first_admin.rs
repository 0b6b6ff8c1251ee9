//! Administrators that do not come by a route: the first one, from the settings, made where there is none; and those that
//! the command line makes. Both take the place of the demo's own.

use crate::api::is_email;
use crate::auth::{PASSWORD_CHARS, Passwords, Role};
use crate::store::users::{self, NewUser};
use crate::store::{Store, Tx, now};
use crate::{Admin, demo};
use anyhow::ensure;
use axum::http::StatusCode;
use secrecy::ExposeSecret;

/// What signing in asks for, too.
const LEAST_CHARS: usize = 6;

pub(crate) async fn ensure_admin(store: &Store, passwords: &Passwords, admin: &Admin) -> anyhow::Result<()> {
    let (email, hash) = read(passwords, admin).await?;
    if demo::give_way(store, passwords, &email, &hash).await? {
        return Ok(());
    }
    let mut tx = store.write_alone().await?;
    if users::has_admin(&mut **tx).await? {
        return Ok(());
    }
    add(&mut tx, &email, hash).await?;
    tx.commit().await?;
    Ok(())
}

/// One more, whoever else there is.
pub(crate) async fn create(store: &Store, passwords: &Passwords, admin: &Admin) -> anyhow::Result<()> {
    let (email, hash) = read(passwords, admin).await?;
    if demo::give_way(store, passwords, &email, &hash).await? {
        return Ok(());
    }
    let mut tx = store.write().await?;
    add(&mut tx, &email, hash).await?;
    tx.commit().await?;
    Ok(())
}

async fn read(passwords: &Passwords, admin: &Admin) -> anyhow::Result<(String, String)> {
    // As signing in reads them.
    let (email, password) = (admin.email.trim().to_lowercase(), admin.password.expose_secret().trim());
    ensure!(is_email(&email), "'{email}' is no mail address");
    let chars = password.chars().count();
    ensure!(chars >= LEAST_CHARS, "the administrator's password needs {LEAST_CHARS} characters or more");
    ensure!(chars <= PASSWORD_CHARS, "the administrator's password may have {PASSWORD_CHARS} characters");
    let hash = passwords.hash(password.to_owned()).await?;
    Ok((email, hash))
}

async fn add(tx: &mut Tx, email: &str, hash: String) -> anyhow::Result<()> {
    let added = users::add(tx, NewUser::plain("Administración", email, hash, Role::Admin), now()).await;
    match added {
        Ok(_) => Ok(()),
        Err(error) if error.status() == StatusCode::BAD_REQUEST => {
            anyhow::bail!("{email} already belongs to someone")
        }
        Err(error) => Err(anyhow::Error::from(error).context("the administrator cannot be added")),
    }
}
