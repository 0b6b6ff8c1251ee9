//! An invented repair shop in Ecuador, so that there is something to look at.
//!
//! `content` is what it is made of, `history` how its last months went, `traffic` what happens from now on. All of
//! it goes through the same functions as the routes, so whatever these keep up to date is right here, too.

pub(crate) mod content;
pub(crate) mod history;
mod traffic;

pub(crate) use traffic::traffic;

use crate::auth::{Passwords, Role};
use crate::store::users::{self, NewUser};
use crate::store::{Store, now};
use anyhow::Context;
use jiff::tz::TimeZone;

/// Who administers the demo. Everyone knows this password, so where it works, nobody else should get in.
const EMAIL: &str = "admin@pulso.demo";
const PASSWORD: &str = "pulso-demo";

/// How to sign in to the demo.
#[derive(Clone, Debug)]
pub struct DemoSignIn {
    pub email: String,
    pub password: String,
}

/// Only into a shop where nobody is yet; all of it or nothing.
pub(crate) async fn fill(store: &Store, passwords: &Passwords, zone: &TimeZone) -> anyhow::Result<()> {
    if !users::is_empty(store.pool()).await? {
        return Ok(());
    }
    // One hash for all of them: hashing takes longer than everything else here.
    let hash = passwords.hash(PASSWORD.to_owned()).await?;
    let mut tx = store.write_alone().await?;
    if !users::is_empty(&mut **tx).await? {
        return Ok(());
    }
    let admin = NewUser::plain("Administración", EMAIL, hash.clone(), Role::Admin);
    users::add(&mut tx, admin, now()).await?;
    history::invent(&mut tx, &hash, zone).await.context("the demo cannot be made")?;
    tx.commit().await?;
    Ok(())
}

/// `None` where the demo's own administrator is not there, or has another password by now.
pub(crate) async fn sign_in(store: &Store, passwords: &Passwords) -> anyhow::Result<Option<DemoSignIn>> {
    let Some((_, Role::Admin, hash)) = users::credentials(store.pool(), EMAIL).await? else {
        return Ok(None);
    };
    let known = passwords.matches(PASSWORD.to_owned(), Some(hash)).await?;
    Ok(known.then(|| DemoSignIn { email: EMAIL.to_owned(), password: PASSWORD.to_owned() }))
}

/// The hashes of the password that everyone knows, of all who are invented. Mostly it is one, which they share.
async fn known_hashes(store: &Store, passwords: &Passwords) -> anyhow::Result<Vec<String>> {
    let technicians = content::TECHNICIANS.iter().map(|technician| technician.email);
    let clients = content::CLIENTS.iter().map(|(_, email, _)| *email);
    let invented: Vec<_> = [EMAIL].into_iter().chain(technicians).chain(clients).collect();
    let mut known = Vec::new();
    for hash in users::password_hashes(store.pool(), &invented).await? {
        if passwords.matches(PASSWORD.to_owned(), Some(hash.clone())).await? {
            known.push(hash);
        }
    }
    Ok(known)
}

/// The shop's administrator takes the place of the demo's own, and nobody invented can sign in any more.
/// `false`: there was none of the demo's own whose password everyone knows.
pub(crate) async fn give_way(
    store: &Store,
    passwords: &Passwords,
    email: &str,
    hash: &str,
) -> anyhow::Result<bool> {
    let gives_way = sign_in(store, passwords).await?.is_some();
    let known = known_hashes(store, passwords).await?;
    let mut tx = store.write().await?;
    if gives_way {
        users::replace_credentials(&mut tx, EMAIL, email, hash).await?;
    }
    for known in known {
        users::lock_out(&mut tx, &known).await?;
    }
    tx.commit().await?;
    Ok(gives_way)
}

/// Nobody signs in any more with the password that everyone knows. How many could.
pub(crate) async fn lock_out(store: &Store, passwords: &Passwords) -> anyhow::Result<u64> {
    let known = known_hashes(store, passwords).await?;
    let mut tx = store.write().await?;
    let mut count = 0;
    for known in known {
        count += users::lock_out(&mut tx, &known).await?;
    }
    tx.commit().await?;
    Ok(count)
}
