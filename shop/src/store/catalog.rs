//! What the shop offers: services, and spare parts with their stock.

use super::{Tx, iso, new_id, unless_depended_on, unless_taken};
use crate::api::{Error, one_of, perhaps_one_of};
use serde::Serialize;
use shared::Money;
use sqlx::any::AnyRow;
use sqlx::{Any, Executor, Row};
use utoipa::ToSchema;
use utoipa::openapi::Object;

pub const SERVICE_TYPES: [&str; 4] = ["REPAIR", "MAINTENANCE", "INSTALLATION", "DATA"];

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    #[schema(format = Uuid)]
    pub id: String,
    pub service_name: String,
    pub description: String,
    pub base_price: Money,
    pub estimated_time_minutes: Option<i64>,
    pub requires_parts: bool,
    #[serde(rename = "type")]
    #[schema(schema_with = service_type)]
    pub kind: String,
    pub image_urls: Option<Vec<String>>,
    pub active: bool,
    pub notes: Option<String>,
}

#[derive(Clone, Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewService {
    #[schema(pattern = "\\S")]
    pub service_name: String,
    #[schema(pattern = "\\S")]
    pub description: String,
    #[schema(minimum = 0, maximum = 10000000, value_type = f64)]
    pub base_price: Money,
    #[schema(minimum = 0, maximum = 1000000)]
    pub estimated_time_minutes: Option<i64>,
    #[schema(required = false, nullable, default = false)]
    pub requires_parts: bool,
    #[serde(rename = "type")]
    #[schema(schema_with = service_type)]
    pub kind: String,
    pub image_urls: Option<Vec<String>>,
    #[schema(required = false, nullable, default = true)]
    pub active: bool,
    pub notes: Option<String>,
}

fn service_type() -> Object {
    one_of(&SERVICE_TYPES)
}

#[derive(Clone, Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSparePart {
    #[schema(pattern = "\\S")]
    pub name: String,
    #[schema(pattern = "\\S")]
    pub description: String,
    #[schema(minimum = 1, maximum = 1000000)]
    pub stock: i64,
    #[schema(minimum = 0, maximum = 10000000, value_type = f64)]
    pub unit_price: Money,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SparePart {
    #[schema(format = Uuid)]
    pub id: String,
    pub name: String,
    pub description: String,
    pub stock: i64,
    pub unit_price: Money,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// From columns with the prefix `s_`.
pub fn service_from(row: &AnyRow) -> sqlx::Result<Service> {
    Ok(Service {
        id: row.try_get("s_id")?,
        service_name: row.try_get("s_service_name")?,
        description: row.try_get("s_description")?,
        base_price: Money::from_cents(row.try_get("s_base_price")?),
        estimated_time_minutes: row.try_get("s_estimated_time_minutes")?,
        requires_parts: row.try_get::<i64, _>("s_requires_parts")? != 0,
        kind: row.try_get("s_type")?,
        image_urls: links(row.try_get("s_image_urls")?),
        active: row.try_get::<i64, _>("s_active")? != 0,
        notes: row.try_get("s_notes")?,
    })
}

/// From columns with the prefix `p_`.
pub fn part_from(row: &AnyRow) -> sqlx::Result<SparePart> {
    Ok(SparePart {
        id: row.try_get("p_id")?,
        name: row.try_get("p_name")?,
        description: row.try_get("p_description")?,
        stock: row.try_get("p_stock")?,
        unit_price: Money::from_cents(row.try_get("p_unit_price")?),
        created_at: iso(row.try_get("p_created_at")?),
        updated_at: iso(row.try_get("p_updated_at")?),
    })
}

pub const SERVICE_COLUMNS: &str = "s.id AS s_id, s.service_name AS s_service_name, s.description AS s_description, \
    s.base_price AS s_base_price, s.estimated_time_minutes AS s_estimated_time_minutes, \
    s.requires_parts AS s_requires_parts, s.type AS s_type, s.image_urls AS s_image_urls, s.active AS s_active, s.notes AS s_notes";

pub const PART_COLUMNS: &str = "p.id AS p_id, p.name AS p_name, p.description AS p_description, p.stock AS p_stock, \
    p.unit_price AS p_unit_price, p.created_at AS p_created_at, p.updated_at AS p_updated_at";

/// Links are kept as a JSON list.
pub fn links(text: Option<String>) -> Option<Vec<String>> {
    text.and_then(|text| serde_json::from_str(&text).ok())
}

pub fn links_text(links: Option<Vec<String>>) -> Option<String> {
    links.map(|links| serde_json::Value::from(links).to_string())
}

pub async fn services<'c>(db: impl Executor<'c, Database = Any>) -> sqlx::Result<Vec<Service>> {
    let sql = format!("SELECT {SERVICE_COLUMNS} FROM services s ORDER BY s.seq");
    sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(db).await?.iter().map(service_from).collect()
}

pub async fn service<'c>(db: impl Executor<'c, Database = Any>, id: &str) -> sqlx::Result<Option<Service>> {
    let sql = format!("SELECT {SERVICE_COLUMNS} FROM services s WHERE s.id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.to_owned()).fetch_optional(db).await?;
    row.as_ref().map(service_from).transpose()
}

pub async fn part<'c>(db: impl Executor<'c, Database = Any>, id: &str) -> sqlx::Result<Option<SparePart>> {
    let sql = format!("SELECT {PART_COLUMNS} FROM spare_parts p WHERE p.id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.to_owned()).fetch_optional(db).await?;
    row.as_ref().map(part_from).transpose()
}

pub async fn parts<'c>(db: impl Executor<'c, Database = Any>) -> sqlx::Result<Vec<SparePart>> {
    let sql = format!("SELECT {PART_COLUMNS} FROM spare_parts p ORDER BY p.seq");
    sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(db).await?.iter().map(part_from).collect()
}

pub async fn add_service(tx: &mut Tx, new: NewService) -> Result<Service, Error> {
    let id = new_id();
    let taken = new.service_name.clone();
    sqlx::query(
        "INSERT INTO services (id, service_name, description, base_price, type, estimated_time_minutes, \
         requires_parts, image_urls, active, notes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(id.clone())
    .bind(new.service_name)
    .bind(new.description)
    .bind(new.base_price.cents)
    .bind(new.kind)
    .bind(new.estimated_time_minutes)
    .bind(i64::from(new.requires_parts))
    .bind(links_text(new.image_urls))
    .bind(i64::from(new.active))
    .bind(new.notes)
    .execute(&mut **tx)
    .await
    .map_err(|error| unless_taken(error, || service_is_taken(&taken)))?;
    service(&mut **tx, &id)
        .await?
        .ok_or_else(|| Error::internal(anyhow::anyhow!("a service vanished while it was added")))
}

pub async fn add_part(tx: &mut Tx, new: NewSparePart, at: i64) -> Result<SparePart, Error> {
    let id = new_id();
    let taken = new.name.clone();
    sqlx::query(
        "INSERT INTO spare_parts (id, name, description, stock, unit_price, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
    )
    .bind(id.clone())
    .bind(new.name)
    .bind(new.description)
    .bind(new.stock)
    .bind(new.unit_price.cents)
    .bind(at)
    .execute(&mut **tx)
    .await
    .map_err(|error| unless_taken(error, || part_is_taken(&taken)))?;
    part(&mut **tx, &id)
        .await?
        .ok_or_else(|| Error::internal(anyhow::anyhow!("a spare part vanished while it was added")))
}

/// What is to be another than before.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceChange {
    #[schema(pattern = "\\S")]
    pub service_name: Option<String>,
    #[schema(pattern = "\\S")]
    pub description: Option<String>,
    #[schema(minimum = 0, maximum = 10000000, value_type = Option<f64>)]
    pub base_price: Option<Money>,
    #[schema(minimum = 0, maximum = 1000000)]
    pub estimated_time_minutes: Option<i64>,
    pub requires_parts: Option<bool>,
    #[serde(rename = "type")]
    #[schema(schema_with = perhaps_service_type, required = false)]
    pub kind: Option<String>,
    pub image_urls: Option<Vec<String>>,
    pub active: Option<bool>,
    pub notes: Option<String>,
}

fn perhaps_service_type() -> Object {
    perhaps_one_of(&SERVICE_TYPES)
}

/// `None`: there is no such service.
pub async fn change_service(tx: &mut Tx, id: &str, change: ServiceChange) -> Result<Option<Service>, Error> {
    let taken = change.service_name.clone();
    sqlx::query(
        "UPDATE services SET service_name = COALESCE($1, service_name), description = COALESCE($2, description), \
         base_price = COALESCE($3, base_price), \
         estimated_time_minutes = COALESCE($4, estimated_time_minutes), \
         requires_parts = COALESCE($5, requires_parts), type = COALESCE($6, type), \
         image_urls = COALESCE($7, image_urls), active = COALESCE($8, active), notes = COALESCE($9, notes) \
         WHERE id = $10",
    )
    .bind(change.service_name)
    .bind(change.description)
    .bind(change.base_price.map(|price| price.cents))
    .bind(change.estimated_time_minutes)
    .bind(change.requires_parts.map(i64::from))
    .bind(change.kind)
    .bind(links_text(change.image_urls))
    .bind(change.active.map(i64::from))
    .bind(change.notes)
    .bind(id.to_owned())
    .execute(&mut **tx)
    .await
    .map_err(|error| unless_taken(error, || service_is_taken(&taken.unwrap_or_default())))?;
    Ok(service(&mut **tx, id).await?)
}

fn service_is_taken(name: &str) -> Error {
    Error::conflict(format!("Service with name {name} already exists"))
}

/// Unless it was ever ordered.
pub async fn delete_service(tx: &mut Tx, id: &str) -> Result<(), Error> {
    let details = [("details of repair orders", "SELECT 1 FROM order_details WHERE service_id = $1 LIMIT 1")];
    unless_depended_on(tx, "Service", id, &details).await?;
    sqlx::query("DELETE FROM services WHERE id = $1").bind(id.to_owned()).execute(&mut **tx).await?;
    Ok(())
}

/// What is to be another than before.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SparePartChange {
    #[schema(pattern = "\\S")]
    pub name: Option<String>,
    #[schema(pattern = "\\S")]
    pub description: Option<String>,
    /// As counted; unlike that of a new part it may be none.
    #[schema(minimum = 0, maximum = 1000000)]
    pub stock: Option<i64>,
    #[schema(minimum = 0, maximum = 10000000, value_type = Option<f64>)]
    pub unit_price: Option<Money>,
}

/// `None`: there is no such part. What orders already use keeps its price.
pub async fn change_part(
    tx: &mut Tx,
    id: &str,
    change: SparePartChange,
    at: i64,
) -> Result<Option<SparePart>, Error> {
    let taken = change.name.clone();
    sqlx::query(
        "UPDATE spare_parts SET name = COALESCE($1, name), description = COALESCE($2, description), \
         stock = COALESCE($3, stock), unit_price = COALESCE($4, unit_price), updated_at = $5 WHERE id = $6",
    )
    .bind(change.name)
    .bind(change.description)
    .bind(change.stock)
    .bind(change.unit_price.map(|price| price.cents))
    .bind(at)
    .bind(id.to_owned())
    .execute(&mut **tx)
    .await
    .map_err(|error| unless_taken(error, || part_is_taken(&taken.unwrap_or_default())))?;
    Ok(part(&mut **tx, id).await?)
}

fn part_is_taken(name: &str) -> Error {
    Error::bad_request(format!("Spare part with name {name} already exists"))
}

/// Unless it was ever used.
pub async fn delete_part(tx: &mut Tx, id: &str) -> Result<(), Error> {
    let used = [("parts of repair orders", "SELECT 1 FROM order_parts WHERE part_id = $1 LIMIT 1")];
    unless_depended_on(tx, "Spare part", id, &used).await?;
    sqlx::query("DELETE FROM spare_parts WHERE id = $1").bind(id.to_owned()).execute(&mut **tx).await?;
    Ok(())
}

/// The stock was counted: so many are there.
pub async fn restock(tx: &mut Tx, id: &str, stock: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE spare_parts SET stock = $1 WHERE id = $2")
        .bind(stock)
        .bind(id.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What a service costs, if there is one.
pub async fn base_price(tx: &mut Tx, id: &str) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("SELECT base_price FROM services WHERE id = $1")
        .bind(id.to_owned())
        .fetch_optional(&mut **tx)
        .await
}

/// Takes parts from the stock (or gives back, with a negative quantity); returns what one costs, in cents.
pub async fn take_part(tx: &mut Tx, id: &str, quantity: i64, at: i64) -> Result<i64, Error> {
    // The row is locked by the update itself, so two orders for the last part cannot both have it.
    let taken = sqlx::query(
        "UPDATE spare_parts SET stock = stock - $1, updated_at = $2 WHERE id = $3 AND stock >= $1 RETURNING unit_price",
    )
    .bind(quantity)
    .bind(at)
    .bind(id.to_owned())
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(row) = taken {
        return Ok(row.try_get("unit_price")?);
    }
    let stock: Option<i64> = sqlx::query_scalar("SELECT stock FROM spare_parts WHERE id = $1")
        .bind(id.to_owned())
        .fetch_optional(&mut **tx)
        .await?;
    Err(match stock {
        Some(stock) => Error::bad_request(format!("Low stock. Available: {stock}, required: {quantity}")),
        None => Error::not_found(format!("Spare part with id {id} not found")),
    })
}
