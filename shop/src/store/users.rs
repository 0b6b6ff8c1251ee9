//! People: clients, technicians, administrators.

use super::orders::{listed, places_of};
use super::{Tx, iso, new_id, unless_depended_on, unless_taken};
use crate::api::Error;
use crate::auth::Role;
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Executor, Row};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    #[schema(format = Uuid)]
    pub id: String,
    pub name: String,
    pub last_name: Option<String>,
    /// Unset where it is not the reader's to know.
    #[serde(flatten)]
    #[schema(schema_with = perhaps::<Contact>)]
    pub contact: Option<Contact>,
    pub role: Role,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
    #[serde(flatten)]
    #[schema(schema_with = perhaps::<Technician>)]
    pub technician: Option<Technician>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Technician {
    #[schema(pattern = "\\S")]
    pub specialty: String,
    #[schema(minimum = 0, maximum = 1000000, required = false, default = 0)]
    pub experience_years: i64,
    #[schema(required = false, default = false)]
    pub is_evaluator: bool,
    #[schema(required = false, default = true)]
    pub active: bool,
}

/// How to reach someone.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Contact {
    pub email: String,
    pub phone: Option<String>,
    pub address: Option<String>,
}

/// Fields that stand beside the others, all or none.
fn perhaps<T: PartialSchema>() -> Schema {
    let RefOr::T(Schema::Object(mut fields)) = T::schema() else {
        unreachable!("it is a struct with named fields")
    };
    fields.required.clear();
    fields.into()
}

/// Someone who is to be added.
pub struct NewUser {
    pub name: String,
    pub last_name: Option<String>,
    pub email: String,
    pub password_hash: String,
    pub phone: Option<String>,
    pub address: Option<String>,
    /// Unless it is a technician's, whose role follows from `technician`.
    pub role: Role,
    pub technician: Option<Technician>,
}

impl NewUser {
    /// With nothing but what everyone has.
    pub fn plain(name: &str, email: &str, password_hash: String, role: Role) -> NewUser {
        NewUser {
            name: name.to_owned(),
            last_name: None,
            email: email.to_owned(),
            password_hash,
            phone: None,
            address: None,
            role,
            technician: None,
        }
    }
}

const COLUMNS: &str = "id, name, last_name, email, phone, address, role, specialty, experience_years, is_evaluator, \
                       active, created_at, updated_at";

/// From columns named as in the table, after a prefix such as `u_`.
pub fn user_from(row: &AnyRow, prefix: &str) -> sqlx::Result<User> {
    let column = |name: &str| format!("{prefix}{name}");
    let role: String = row.try_get(column("role").as_str())?;
    let role = Role::parse(&role).unwrap_or(Role::User);
    let technician = match role {
        Role::Technician => Some(Technician {
            specialty: row.try_get::<Option<String>, _>(column("specialty").as_str())?.unwrap_or_default(),
            experience_years: row.try_get(column("experience_years").as_str())?,
            is_evaluator: row.try_get::<i64, _>(column("is_evaluator").as_str())? != 0,
            active: row.try_get::<i64, _>(column("active").as_str())? != 0,
        }),
        Role::User | Role::Admin => None,
    };
    Ok(User {
        id: row.try_get(column("id").as_str())?,
        name: row.try_get(column("name").as_str())?,
        last_name: row.try_get(column("last_name").as_str())?,
        contact: Some(Contact {
            email: row.try_get(column("email").as_str())?,
            phone: row.try_get(column("phone").as_str())?,
            address: row.try_get(column("address").as_str())?,
        }),
        role,
        created_at: iso(row.try_get(column("created_at").as_str())?),
        updated_at: iso(row.try_get(column("updated_at").as_str())?),
        technician,
    })
}

/// The columns of [`user_from`] for a table alias, e.g. `u.id AS u_id, …`.
pub fn user_columns(alias: &str) -> String {
    COLUMNS.split(", ").map(|name| format!("{alias}.{name} AS {alias}_{name}")).collect::<Vec<_>>().join(", ")
}

pub async fn by_id<'c>(db: impl Executor<'c, Database = Any>, id: &str) -> sqlx::Result<Option<User>> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE id = $1");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(id.to_owned()).fetch_optional(db).await?;
    row.map(|row| user_from(&row, "")).transpose()
}

/// Oldest first.
pub async fn with_role<'c>(db: impl Executor<'c, Database = Any>, role: Role) -> sqlx::Result<Vec<User>> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE role = $1 ORDER BY seq");
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(role.name()).fetch_all(db).await?;
    rows.iter().map(|row| user_from(row, "")).collect()
}

/// The numbers of those with this role, oldest first.
pub async fn numbers(tx: &mut Tx, role: Role) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar("SELECT seq FROM users WHERE role = $1 ORDER BY seq")
        .bind(role.name())
        .fetch_all(&mut **tx)
        .await
}

/// These people, by their `seq`, oldest first.
pub async fn of(tx: &mut Tx, seqs: &[i64]) -> sqlx::Result<Vec<User>> {
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT {COLUMNS} FROM users WHERE seq IN ({}) ORDER BY seq", places_of(seqs));
    listed(tx, sql, seqs).await?.iter().map(|row| user_from(row, "")).collect()
}

/// For signing in: the id, the role and the password's hash.
pub async fn credentials<'c>(
    db: impl Executor<'c, Database = Any>,
    email: &str,
) -> sqlx::Result<Option<(String, Role, String)>> {
    let row = sqlx::query("SELECT id, role, password_hash FROM users WHERE email = $1")
        .bind(email.to_owned())
        .fetch_optional(db)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let role: String = row.try_get("role")?;
    Ok(Role::parse(&role).map(|role| (row.get("id"), role, row.get("password_hash"))))
}

pub async fn has_admin<'c>(db: impl Executor<'c, Database = Any>) -> sqlx::Result<bool> {
    let found = sqlx::query("SELECT 1 FROM users WHERE role = 'Admin' LIMIT 1").fetch_optional(db).await?;
    Ok(found.is_some())
}

pub async fn is_empty<'c>(db: impl Executor<'c, Database = Any>) -> sqlx::Result<bool> {
    Ok(sqlx::query("SELECT 1 FROM users LIMIT 1").fetch_optional(db).await?.is_none())
}

/// Someone signs in with another mail address and password from now on.
pub async fn replace_credentials(
    tx: &mut Tx,
    email: &str,
    new_email: &str,
    new_hash: &str,
) -> Result<(), Error> {
    sqlx::query("UPDATE users SET email = $1, password_hash = $2 WHERE email = $3")
        .bind(new_email.to_owned())
        .bind(new_hash.to_owned())
        .bind(email.to_owned())
        .execute(&mut **tx)
        .await
        .map_err(|error| {
            unless_taken(error, || Error::bad_request("ADMIN_EMAIL already belongs to someone else"))
        })?;
    Ok(())
}

/// Of those who have these mail addresses, each once.
pub async fn password_hashes<'c>(
    db: impl Executor<'c, Database = Any>,
    emails: &[&str],
) -> sqlx::Result<Vec<String>> {
    let places: Vec<_> = (1..=emails.len()).map(|at| format!("${at}")).collect();
    let sql = format!("SELECT DISTINCT password_hash FROM users WHERE email IN ({})", places.join(", "));
    let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
    for email in emails {
        query = query.bind((*email).to_owned());
    }
    query.fetch_all(db).await
}

/// Nobody signs in with the password of this hash any more. How many could.
pub async fn lock_out(tx: &mut Tx, hash: &str) -> sqlx::Result<u64> {
    // No password has this hash.
    let locked = sqlx::query("UPDATE users SET password_hash = '!' WHERE password_hash = $1")
        .bind(hash.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(locked.rows_affected())
}

pub async fn add(tx: &mut Tx, user: NewUser, at: i64) -> Result<User, Error> {
    let role = if user.technician.is_some() { Role::Technician } else { user.role };
    let technician = user.technician.unwrap_or(Technician { active: true, ..Technician::default() });
    let specialty = (role == Role::Technician).then_some(technician.specialty);
    let id = new_id();
    sqlx::query(
        "INSERT INTO users (id, role, name, last_name, email, password_hash, phone, address, specialty, \
         experience_years, is_evaluator, active, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)",
    )
    .bind(id.clone())
    .bind(role.name())
    .bind(user.name)
    .bind(user.last_name)
    .bind(user.email)
    .bind(user.password_hash)
    .bind(user.phone)
    .bind(user.address)
    .bind(specialty)
    .bind(technician.experience_years)
    .bind(i64::from(technician.is_evaluator))
    .bind(i64::from(technician.active))
    .bind(at)
    .execute(&mut **tx)
    .await
    .map_err(|error| unless_taken(error, mail_is_taken))?;
    by_id(&mut **tx, &id)
        .await?
        .ok_or_else(|| Error::internal(anyhow::anyhow!("a user vanished while it was added")))
}

fn mail_is_taken() -> Error {
    Error::bad_request("A user already exists with this associated email address.")
}

/// What is to be another than before.
#[derive(Default)]
pub struct UserChange {
    pub name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub password_hash: Option<String>,
    pub phone: Option<String>,
    pub address: Option<String>,
    pub technician: TechnicianChange,
}

/// What is to be another than before about a technician.
#[derive(Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TechnicianChange {
    #[schema(pattern = "\\S")]
    pub specialty: Option<String>,
    #[schema(minimum = 0, maximum = 1000000)]
    pub experience_years: Option<i64>,
    pub is_evaluator: Option<bool>,
    pub active: Option<bool>,
}

pub async fn change(tx: &mut Tx, id: &str, change: UserChange, at: i64) -> Result<(), Error> {
    sqlx::query(
        "UPDATE users SET name = COALESCE($1, name), last_name = COALESCE($2, last_name), \
         email = COALESCE($3, email), password_hash = COALESCE($4, password_hash), phone = COALESCE($5, phone), \
         address = COALESCE($6, address), specialty = COALESCE($7, specialty), \
         experience_years = COALESCE($8, experience_years), is_evaluator = COALESCE($9, is_evaluator), \
         active = COALESCE($10, active), updated_at = $11 WHERE id = $12",
    )
    .bind(change.name)
    .bind(change.last_name)
    .bind(change.email)
    .bind(change.password_hash)
    .bind(change.phone)
    .bind(change.address)
    .bind(change.technician.specialty)
    .bind(change.technician.experience_years)
    .bind(change.technician.is_evaluator.map(i64::from))
    .bind(change.technician.active.map(i64::from))
    .bind(at)
    .bind(id.to_owned())
    .execute(&mut **tx)
    .await
    .map_err(|error| unless_taken(error, mail_is_taken))?;
    Ok(())
}

/// Unless others depend on them, or they are the last administrator.
pub async fn delete(tx: &mut Tx, user: &User) -> Result<(), Error> {
    let dependents = [
        ("equipments", "SELECT 1 FROM equipments WHERE user_id = $1 LIMIT 1"),
        ("evaluated repair orders", "SELECT 1 FROM repair_orders WHERE evaluated_by = $1 LIMIT 1"),
        ("details of repair orders", "SELECT 1 FROM order_details WHERE technician_id = $1 LIMIT 1"),
        ("reviews", "SELECT 1 FROM repair_order_reviews WHERE user_id = $1 LIMIT 1"),
    ];
    unless_depended_on(tx, "User", &user.id, &dependents).await?;
    sqlx::query("DELETE FROM users WHERE id = $1").bind(user.id.clone()).execute(&mut **tx).await?;
    // Looked at afterwards: on PostgreSQL those who delete administrators at once have waited for each other by now,
    // since all of them change the count of administrators.
    if user.role == Role::Admin && !has_admin(&mut **tx).await? {
        return Err(Error::conflict("The last administrator cannot be deleted"));
    }
    Ok(())
}

/// Who evaluates new orders: of those who take work, the one with the fewest open ones.
pub async fn evaluator(tx: &mut Tx) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar(
        "SELECT u.id FROM users u WHERE u.role = 'Technician' AND u.is_evaluator = 1 AND u.active = 1 \
         ORDER BY u.open_orders, u.seq LIMIT 1",
    )
    .fetch_optional(&mut **tx)
    .await
}
