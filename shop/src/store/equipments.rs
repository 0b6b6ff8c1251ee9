//! Devices, each owned by a client.

use super::orders::{listed, places_of};
use super::users::{User, user_columns, user_from};
use super::{Tx, iso, new_id, unless_depended_on};
use crate::api::{Error, one_of, perhaps_one_of};
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Executor, Row};
use utoipa::ToSchema;
use utoipa::openapi::Object;

pub const TYPES: [&str; 5] = ["PC", "LAPTOP", "CELLPHONE", "PRINTER", "TABLET"];

pub const STATUSES: [&str; 3] = ["AVAILABLE", "IN_REPAIR", "RETIRED"];

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Equipment {
    #[schema(format = Uuid)]
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user: Option<User>,
    pub name: String,
    #[serde(rename = "type")]
    #[schema(schema_with = device_type)]
    pub kind: String,
    pub brand: String,
    pub model: String,
    pub serial_number: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(schema_with = device_status)]
    pub current_status: String,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEquipment {
    #[schema(pattern = "\\S")]
    pub name: String,
    #[serde(rename = "type")]
    #[schema(schema_with = device_type)]
    pub kind: String,
    #[schema(pattern = "\\S")]
    pub brand: String,
    #[schema(pattern = "\\S")]
    pub model: String,
    pub serial_number: Option<String>,
}

fn device_type() -> Object {
    one_of(&TYPES)
}

fn device_status() -> Object {
    one_of(&STATUSES)
}

/// From columns with the prefix `e_`, and the owner's with `u_`.
pub fn equipment_from(row: &AnyRow) -> sqlx::Result<Equipment> {
    Ok(Equipment {
        id: row.try_get("e_id")?,
        user: Some(user_from(row, "u_")?),
        name: row.try_get("e_name")?,
        kind: row.try_get("e_type")?,
        brand: row.try_get("e_brand")?,
        model: row.try_get("e_model")?,
        serial_number: row.try_get("e_serial_number")?,
        created_at: iso(row.try_get("e_created_at")?),
        current_status: row.try_get("e_current_status")?,
    })
}

/// The columns of [`equipment_from`].
pub fn equipment_columns() -> String {
    const COLUMNS: &str = "e.id AS e_id, e.name AS e_name, e.type AS e_type, e.brand AS e_brand, e.model AS e_model, \
                           e.serial_number AS e_serial_number, e.created_at AS e_created_at, \
                           e.current_status AS e_current_status";
    format!("{COLUMNS}, {}", user_columns("u"))
}

/// The numbers of one owner's devices, or of all, newest first.
pub async fn numbers(tx: &mut Tx, owner: Option<&str>) -> sqlx::Result<Vec<i64>> {
    let filter = if owner.is_some() { "WHERE user_id = $1" } else { "" };
    let sql = format!("SELECT seq FROM equipments {filter} ORDER BY seq DESC");
    let mut query = sqlx::query_scalar(AssertSqlSafe(sql));
    if let Some(owner) = owner {
        query = query.bind(owner.to_owned());
    }
    query.fetch_all(&mut **tx).await
}

/// The numbers of the devices of these people, whose own `seq`s these are, newest first.
pub async fn numbers_of_owners(tx: &mut Tx, owners: &[i64]) -> sqlx::Result<Vec<i64>> {
    if owners.is_empty() {
        return Ok(Vec::new());
    }
    // SQLite keeps the order of a CROSS JOIN: it must not walk through all devices for a few people's.
    let sql = format!(
        "SELECT e.seq FROM users u CROSS JOIN equipments e WHERE e.user_id = u.id AND u.seq IN ({}) \
         ORDER BY e.seq DESC",
        places_of(owners)
    );
    listed(tx, sql, owners).await?.iter().map(|row| row.try_get("seq")).collect()
}

/// These devices, by their `seq`, newest first.
pub async fn of(tx: &mut Tx, seqs: &[i64]) -> sqlx::Result<Vec<Equipment>> {
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {} FROM equipments e JOIN users u ON u.id = e.user_id WHERE e.seq IN ({}) ORDER BY e.seq DESC",
        equipment_columns(),
        places_of(seqs)
    );
    listed(tx, sql, seqs).await?.iter().map(equipment_from).collect()
}

pub async fn by_id<'c>(db: impl Executor<'c, Database = Any>, id: &str) -> sqlx::Result<Option<Equipment>> {
    let sql = format!(
        "SELECT {} FROM equipments e JOIN users u ON u.id = e.user_id WHERE e.id = $1",
        equipment_columns()
    );
    let row = sqlx::query(AssertSqlSafe(sql)).bind(id.to_owned()).fetch_optional(db).await?;
    row.as_ref().map(equipment_from).transpose()
}

pub async fn add(tx: &mut Tx, owner: &str, new: NewEquipment, at: i64) -> Result<Equipment, Error> {
    let id = new_id();
    sqlx::query(
        "INSERT INTO equipments (id, user_id, name, type, brand, model, serial_number, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(id.clone())
    .bind(owner.to_owned())
    .bind(new.name)
    .bind(new.kind)
    .bind(new.brand)
    .bind(new.model)
    .bind(new.serial_number)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    by_id(&mut **tx, &id)
        .await?
        .ok_or_else(|| Error::internal(anyhow::anyhow!("a device vanished while it was added")))
}

/// What is to be another than before.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EquipmentChange {
    #[schema(pattern = "\\S")]
    pub name: Option<String>,
    #[serde(rename = "type")]
    #[schema(schema_with = perhaps_device_type, required = false)]
    pub kind: Option<String>,
    #[schema(pattern = "\\S")]
    pub brand: Option<String>,
    #[schema(pattern = "\\S")]
    pub model: Option<String>,
    pub serial_number: Option<String>,
    #[schema(schema_with = perhaps_device_status, required = false)]
    pub current_status: Option<String>,
}

fn perhaps_device_type() -> Object {
    perhaps_one_of(&TYPES)
}

fn perhaps_device_status() -> Object {
    perhaps_one_of(&STATUSES)
}

pub async fn change(tx: &mut Tx, id: &str, change: EquipmentChange) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE equipments SET name = COALESCE($1, name), type = COALESCE($2, type), brand = COALESCE($3, brand), \
         model = COALESCE($4, model), serial_number = COALESCE($5, serial_number), \
         current_status = COALESCE($6, current_status) WHERE id = $7",
    )
    .bind(change.name)
    .bind(change.kind)
    .bind(change.brand)
    .bind(change.model)
    .bind(change.serial_number)
    .bind(change.current_status)
    .bind(id.to_owned())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Unless it was ever repaired here.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<(), Error> {
    let orders = [("repair orders", "SELECT 1 FROM repair_orders WHERE equipment_id = $1 LIMIT 1")];
    unless_depended_on(tx, "Equipment", id, &orders).await?;
    sqlx::query("DELETE FROM equipments WHERE id = $1").bind(id.to_owned()).execute(&mut **tx).await?;
    Ok(())
}

/// Work on the device begins, whatever it was before: a retired one is evidently worth it after all.
pub async fn begin_repair(tx: &mut Tx, id: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE equipments SET current_status = 'IN_REPAIR' WHERE id = $1")
        .bind(id.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// An order no longer keeps the device in the shop, so it is available, unless another order still does. One that
/// was retired meanwhile stays so: that is a decision about the device, which no order undoes.
pub async fn release(tx: &mut Tx, id: &str, order: &str) -> sqlx::Result<()> {
    // Locked by a statement of its own: on PostgreSQL the next one then sees what another order of the same device
    // has committed, and of two that end at once the second releases it.
    sqlx::query("UPDATE equipments SET current_status = current_status WHERE id = $1")
        .bind(id.to_owned())
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "UPDATE equipments SET current_status = 'AVAILABLE' WHERE id = $1 AND current_status = 'IN_REPAIR' \
         AND NOT EXISTS (SELECT 1 FROM repair_orders o WHERE o.equipment_id = $1 AND o.id <> $2 \
         AND o.status IN ('IN_REPAIR', 'WAITING_PARTS', 'READY'))",
    )
    .bind(id.to_owned())
    .bind(order.to_owned())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
