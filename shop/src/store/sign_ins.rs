//! Sign-ins that outlive their tokens. Expired ones are removed when the next one begins.

use super::Tx;
use crate::Role;
use crate::auth::Kept;
use sqlx::Row;
use sqlx::any::AnyRow;

/// Sign-ins of one person; beyond, the one that was not used for longest ends. Clients that never refresh leave one
/// behind each time.
const OF_ONE: i64 = 50;

/// What there is to know when a refresh token comes.
pub struct SignIn {
    pub kept: Kept,
    pub user_id: String,
    pub email: String,
    pub role: Role,
    pub password_hash: String,
}

/// The hash of somebody's password as it is now; `None`: nobody is there any more.
pub async fn password_hash(tx: &mut Tx, user_id: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("SELECT password_hash FROM users WHERE id = $1")
        .bind(user_id.to_owned())
        .fetch_optional(&mut **tx)
        .await
}

pub async fn begin(tx: &mut Tx, id: &str, user_id: &str, kept: &Kept) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO sign_ins (id, user_id, token_hash, password_mark, began_at, used_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id.to_owned())
    .bind(user_id.to_owned())
    .bind(kept.token_hash.clone())
    .bind(kept.password_mark.clone())
    .bind(kept.began_at)
    .bind(kept.used_at)
    .bind(kept.expires_at)
    .execute(&mut **tx)
    .await?;
    sqlx::query("DELETE FROM sign_ins WHERE expires_at <= $1").bind(kept.began_at).execute(&mut **tx).await?;
    sqlx::query(
        "DELETE FROM sign_ins WHERE user_id = $1 AND seq NOT IN \
         (SELECT seq FROM sign_ins WHERE user_id = $1 ORDER BY used_at DESC, seq DESC LIMIT $2)",
    )
    .bind(user_id.to_owned())
    .bind(OF_ONE)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Nobody else goes on with it until the transaction is at its end.
pub async fn locked(tx: &mut Tx, id: &str) -> sqlx::Result<Option<SignIn>> {
    // PostgreSQL locks the row that is written; SQLite lets one write at a time anyway.
    sqlx::query("UPDATE sign_ins SET used_at = used_at WHERE id = $1")
        .bind(id.to_owned())
        .execute(&mut **tx)
        .await?;
    let row = sqlx::query(
        "SELECT s.token_hash, s.previous_hash, s.password_mark, s.began_at, s.used_at, s.expires_at, s.user_id, \
         u.email, u.role, u.password_hash FROM sign_ins s JOIN users u ON u.id = s.user_id WHERE s.id = $1",
    )
    .bind(id.to_owned())
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| sign_in_from(&row)).transpose()
}

fn sign_in_from(row: &AnyRow) -> sqlx::Result<SignIn> {
    let role: String = row.try_get("role")?;
    Ok(SignIn {
        kept: Kept {
            token_hash: row.try_get("token_hash")?,
            previous_hash: row.try_get("previous_hash")?,
            password_mark: row.try_get("password_mark")?,
            began_at: row.try_get("began_at")?,
            used_at: row.try_get("used_at")?,
            expires_at: row.try_get("expires_at")?,
        },
        user_id: row.try_get("user_id")?,
        email: row.try_get("email")?,
        role: Role::parse(&role).unwrap_or(Role::User),
        password_hash: row.try_get("password_hash")?,
    })
}

/// The token of this hash is the current one from now on.
pub async fn go_on(tx: &mut Tx, id: &str, token_hash: &str, now: i64, expires_at: i64) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE sign_ins SET previous_hash = token_hash, token_hash = $1, used_at = $2, expires_at = $3 WHERE id = $4",
    )
    .bind(token_hash.to_owned())
    .bind(now)
    .bind(expires_at)
    .bind(id.to_owned())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn end(tx: &mut Tx, id: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM sign_ins WHERE id = $1").bind(id.to_owned()).execute(&mut **tx).await?;
    Ok(())
}

/// The same password has another hash now, so the sign-ins that began with it go on.
pub async fn rehashed(
    tx: &mut Tx,
    user_id: &str,
    hash: &str,
    mark_before: &str,
    mark: &str,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE users SET password_hash = $1 WHERE id = $2")
        .bind(hash.to_owned())
        .bind(user_id.to_owned())
        .execute(&mut **tx)
        .await?;
    sqlx::query("UPDATE sign_ins SET password_mark = $1 WHERE user_id = $2 AND password_mark = $3")
        .bind(mark.to_owned())
        .bind(user_id.to_owned())
        .bind(mark_before.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
