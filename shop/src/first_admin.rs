//! The first administrator, from the settings: made where there is none, and in place of the demo's own.

use crate::api::is_email;
use crate::auth::{Passwords, Role};
use crate::store::users::{self, NewUser};
use crate::store::{Store, now};
use crate::{Admin, demo};
use anyhow::ensure;
use secrecy::ExposeSecret;

/// What signing in asks for, too.
const PASSWORD_CHARS: usize = 6;

pub(crate) async fn ensure_admin(store: &Store, passwords: &Passwords, admin: &Admin) -> anyhow::Result<()> {
    // As signing in reads them.
    let (email, password) = (admin.email.trim().to_lowercase(), admin.password.expose_secret().trim());
    ensure!(is_email(&email), "ADMIN_EMAIL is no mail address");
    ensure!(
        password.chars().count() >= PASSWORD_CHARS,
        "ADMIN_PASSWORD needs {PASSWORD_CHARS} characters or more"
    );
    let hash = passwords.hash(password.to_owned()).await?;
    if demo::give_way(store, passwords, &email, &hash).await? {
        return Ok(());
    }
    let mut tx = store.write().await?;
    if users::has_admin(&mut **tx).await? {
        return Ok(());
    }
    let added = users::add(&mut tx, NewUser::plain("Administración", &email, hash, Role::Admin), now()).await;
    ensure!(added.is_ok(), "ADMIN_EMAIL already belongs to someone who is no administrator");
    tx.commit().await?;
    Ok(())
}
