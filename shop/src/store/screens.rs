//! Screens on a wall: those that wait for an approval, and those that have one.

use super::{Tx, iso};
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{Any, Executor, Row};
use utoipa::ToSchema;

/// One that somebody approved.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Screen {
    #[schema(format = Uuid)]
    pub id: String,
    pub name: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub approved_at: String,
    /// `null`: never.
    #[schema(format = DateTime)]
    pub last_seen: Option<String>,
    #[serde(skip)]
    pub last_seen_ms: i64,
}

/// One that asks to be approved.
pub struct Waiting {
    pub id: String,
    pub secret_hash: String,
    pub code: String,
    pub code_until: i64,
}

/// What has become of the screen that holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Approved { id: String, last_seen: i64 },
    Waiting { code_until: i64 },
}

const COLUMNS: &str = "id, name, created_at, approved_at, last_seen";

fn screen_from(row: &AnyRow) -> sqlx::Result<Screen> {
    let last_seen: Option<i64> = row.try_get("last_seen")?;
    Ok(Screen {
        id: row.try_get("id")?,
        name: row.try_get::<Option<String>, _>("name")?.unwrap_or_default(),
        created_at: iso(row.try_get("created_at")?),
        approved_at: iso(row.try_get("approved_at")?),
        last_seen: last_seen.map(iso),
        last_seen_ms: last_seen.unwrap_or_default(),
    })
}

/// Takes the code from those whose time is over, so that it can be given again, and forgets those that have been without
/// one since before `forgotten`. Says how many still wait.
pub async fn tidy(tx: &mut Tx, at: i64, forgotten: i64) -> sqlx::Result<i64> {
    sqlx::query("UPDATE screens SET code = NULL WHERE code IS NOT NULL AND code_until <= $1")
        .bind(at)
        .execute(&mut **tx)
        .await?;
    sqlx::query("DELETE FROM screens WHERE approved_at IS NULL AND code_until <= $1")
        .bind(forgotten)
        .execute(&mut **tx)
        .await?;
    sqlx::query_scalar("SELECT COUNT(*) FROM screens WHERE code IS NOT NULL").fetch_one(&mut **tx).await
}

/// False: another one shows this code.
pub async fn add(tx: &mut Tx, new: &Waiting, at: i64) -> sqlx::Result<bool> {
    let added = sqlx::query(
        "INSERT INTO screens (id, secret_hash, code, code_until, created_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (code) DO NOTHING",
    )
    .bind(new.id.clone())
    .bind(new.secret_hash.clone())
    .bind(new.code.clone())
    .bind(new.code_until)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(added.rows_affected() == 1)
}

pub async fn standing<'c>(
    db: impl Executor<'c, Database = Any>,
    secret_hash: &str,
) -> sqlx::Result<Option<Standing>> {
    let row =
        sqlx::query("SELECT id, code_until, approved_at, last_seen FROM screens WHERE secret_hash = $1")
            .bind(secret_hash.to_owned())
            .fetch_optional(db)
            .await?;
    let Some(row) = row else { return Ok(None) };
    let approved: Option<i64> = row.try_get("approved_at")?;
    Ok(Some(match approved {
        Some(_) => Standing::Approved {
            id: row.try_get("id")?,
            last_seen: row.try_get::<Option<i64>, _>("last_seen")?.unwrap_or_default(),
        },
        None => Standing::Waiting { code_until: row.try_get("code_until")? },
    }))
}

/// Takes the code away, so that it serves once. `None`: no screen shows it, or not any more.
pub async fn approve(tx: &mut Tx, code: &str, name: &str, at: i64) -> sqlx::Result<Option<Screen>> {
    let sql = format!(
        "UPDATE screens SET code = NULL, name = $1, approved_at = $2 WHERE code = $3 AND code_until > $2 \
         RETURNING {COLUMNS}"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(name.to_owned())
        .bind(at)
        .bind(code.to_owned())
        .fetch_optional(&mut **tx)
        .await?;
    row.as_ref().map(screen_from).transpose()
}

/// Oldest first.
pub async fn approved<'c>(db: impl Executor<'c, Database = Any>) -> sqlx::Result<Vec<Screen>> {
    let sql = format!("SELECT {COLUMNS} FROM screens WHERE approved_at IS NOT NULL ORDER BY seq");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(db).await?;
    rows.iter().map(screen_from).collect()
}

pub async fn count_approved(tx: &mut Tx) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT COUNT(*) FROM screens WHERE approved_at IS NOT NULL")
        .fetch_one(&mut **tx)
        .await
}

/// False: there is no such screen.
pub async fn revoke(tx: &mut Tx, id: &str) -> sqlx::Result<bool> {
    let gone = sqlx::query("DELETE FROM screens WHERE id = $1 AND approved_at IS NOT NULL")
        .bind(id.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(gone.rows_affected() == 1)
}

pub async fn saw(tx: &mut Tx, id: &str, at: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE screens SET last_seen = $1 WHERE id = $2")
        .bind(at)
        .bind(id.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
