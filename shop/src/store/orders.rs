//! Repair orders with their details, parts and history.

use super::catalog::{PART_COLUMNS, SERVICE_COLUMNS, Service, SparePart, links, links_text, part_from, service_from, take_part};
use super::equipments::{Equipment, equipment_columns, equipment_from};
use super::users::{User, user_columns, user_from};
use super::{Tx, equipments, iso, new_id, now};
use crate::api::Error;
use crate::auth::Role;
use serde::Serialize;
use shared::{Money, OrderStatus};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};
use std::collections::HashMap;
use time::{Date, Month, OffsetDateTime};

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    pub id: String,
    pub equipment: Equipment,
    pub evaluated_by: Option<User>,
    pub problem_description: String,
    pub image_urls: Option<Vec<String>>,
    pub diagnosis: Option<String>,
    pub estimated_cost: Option<Money>,
    pub final_cost: Money,
    pub warranty_start_date: Option<String>,
    pub warranty_end_date: Option<String>,
    pub status: String,
    pub repair_order_details: Vec<Detail>,
    pub repair_order_parts: Vec<Part>,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    pub id: String,
    pub service: Service,
    pub technician: User,
    pub unit_price: Money,
    pub discount: Money,
    pub sub_total: Money,
    pub status: String,
    pub image_url: Option<String>,
    pub notes: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    pub id: String,
    pub part: SparePart,
    pub quantity: i64,
    pub sub_total: Money,
    pub img_url: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Clone, Debug, Default)]
pub struct NewOrder {
    pub equipment_id: String,
    pub problem_description: String,
    pub image_urls: Option<Vec<String>>,
    pub diagnosis: Option<String>,
    pub estimated_cost: Option<Money>,
    pub details: Vec<NewDetail>,
    pub parts: Vec<NewPart>,
}

#[derive(Clone, Debug)]
pub struct NewDetail {
    pub service_id: String,
    pub technician_id: String,
    /// Unset: what the service costs.
    pub unit_price: Option<Money>,
    pub discount: Money,
    pub notes: Option<String>,
}

#[derive(Clone, Debug)]
pub struct NewPart {
    pub part_id: String,
    pub quantity: i64,
    pub img_url: Option<String>,
}

/// What is to be another than before.
#[derive(Clone, Debug, Default)]
pub struct OrderChange {
    pub problem_description: Option<String>,
    pub diagnosis: Option<String>,
    pub estimated_cost: Option<Money>,
    pub warranty_start: Option<String>,
    pub warranty_end: Option<String>,
}

/// What decides who may do what with an order.
pub struct Standing {
    pub status: OrderStatus,
    pub equipment_id: String,
    pub owner: String,
    pub evaluator: Option<String>,
    pub technicians: Vec<String>,
}

/// Whose orders.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'a> {
    Everyone,
    /// Of the client.
    Owned(&'a str),
    /// Of the technician: with a detail of theirs, or evaluated by them.
    Worked(&'a str),
    One(&'a str),
}

impl Whose<'_> {
    fn filter(self) -> (&'static str, Option<String>) {
        match self {
            Whose::Everyone => ("", None),
            Whose::Owned(id) => ("WHERE e.user_id = $1", Some(id.to_owned())),
            Whose::Worked(id) => (
                "WHERE o.evaluated_by = $1 OR EXISTS \
                 (SELECT 1 FROM order_details w WHERE w.order_id = o.id AND w.technician_id = $1)",
                Some(id.to_owned()),
            ),
            Whose::One(id) => ("WHERE o.id = $1", Some(id.to_owned())),
        }
    }
}

/// Newest first, each with its details and parts; three queries however many there are.
pub async fn list(tx: &mut Tx, whose: Whose<'_>) -> sqlx::Result<Vec<Order>> {
    const JOINS: &str = "JOIN equipments e ON e.id = o.equipment_id JOIN users u ON u.id = e.user_id";
    let (filter, bound) = whose.filter();
    let sql = format!(
        "SELECT o.id AS o_id, o.problem_description, o.image_urls, o.diagnosis, o.estimated_cost, o.final_cost, \
         o.warranty_start, o.warranty_end, o.status AS o_status, o.created_at AS o_created_at, \
         o.updated_at AS o_updated_at, {}, {} FROM repair_orders o {JOINS} \
         LEFT JOIN users v ON v.id = o.evaluated_by {filter} ORDER BY o.created_at DESC, o.seq DESC",
        equipment_columns(),
        user_columns("v")
    );
    let mut orders: Vec<Order> = rows(tx, sql, &bound).await?.iter().map(order_from).collect::<sqlx::Result<_>>()?;

    let sql = format!(
        "SELECT d.id AS d_id, d.order_id, d.unit_price, d.discount, d.sub_total, d.status AS d_status, d.image_url, \
         d.notes AS d_notes, d.created_at AS d_created_at, d.updated_at AS d_updated_at, {SERVICE_COLUMNS}, {} \
         FROM order_details d JOIN repair_orders o ON o.id = d.order_id {JOINS} \
         JOIN services s ON s.id = d.service_id JOIN users t ON t.id = d.technician_id {filter} ORDER BY d.seq",
        user_columns("t")
    );
    let mut details = grouped(&rows(tx, sql, &bound).await?, detail_from)?;
    let sql = format!(
        "SELECT q.id AS q_id, q.order_id, q.quantity, q.sub_total, q.img_url, q.created_at AS q_created_at, \
         q.updated_at AS q_updated_at, {PART_COLUMNS} FROM order_parts q JOIN repair_orders o ON o.id = q.order_id \
         {JOINS} JOIN spare_parts p ON p.id = q.part_id {filter} ORDER BY q.seq"
    );
    let mut parts = grouped(&rows(tx, sql, &bound).await?, used_part_from)?;
    for order in &mut orders {
        order.repair_order_details = details.remove(&order.id).unwrap_or_default();
        order.repair_order_parts = parts.remove(&order.id).unwrap_or_default();
    }
    Ok(orders)
}

async fn rows(tx: &mut Tx, sql: String, bound: &Option<String>) -> sqlx::Result<Vec<AnyRow>> {
    let mut query = sqlx::query(AssertSqlSafe(sql));
    if let Some(bound) = bound {
        query = query.bind(bound.clone());
    }
    query.fetch_all(&mut **tx).await
}

fn grouped<T>(rows: &[AnyRow], read: impl Fn(&AnyRow) -> sqlx::Result<T>) -> sqlx::Result<HashMap<String, Vec<T>>> {
    let mut groups: HashMap<String, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(row.try_get("order_id")?).or_default().push(read(row)?);
    }
    Ok(groups)
}

fn order_from(row: &AnyRow) -> sqlx::Result<Order> {
    let evaluator: Option<String> = row.try_get("v_id")?;
    Ok(Order {
        id: row.try_get("o_id")?,
        equipment: equipment_from(row)?,
        evaluated_by: evaluator.map(|_| user_from(row, "v_")).transpose()?,
        problem_description: row.try_get("problem_description")?,
        image_urls: links(row.try_get("image_urls")?),
        diagnosis: row.try_get("diagnosis")?,
        estimated_cost: row.try_get::<Option<i64>, _>("estimated_cost")?.map(Money::from_cents),
        final_cost: Money::from_cents(row.try_get("final_cost")?),
        warranty_start_date: row.try_get("warranty_start")?,
        warranty_end_date: row.try_get("warranty_end")?,
        status: row.try_get("o_status")?,
        repair_order_details: Vec::new(),
        repair_order_parts: Vec::new(),
        created_at: iso(row.try_get("o_created_at")?),
        updated_at: iso(row.try_get("o_updated_at")?),
    })
}

fn detail_from(row: &AnyRow) -> sqlx::Result<Detail> {
    Ok(Detail {
        id: row.try_get("d_id")?,
        service: service_from(row)?,
        technician: user_from(row, "t_")?,
        unit_price: Money::from_cents(row.try_get("unit_price")?),
        discount: Money::from_cents(row.try_get("discount")?),
        sub_total: Money::from_cents(row.try_get("sub_total")?),
        status: row.try_get("d_status")?,
        image_url: row.try_get("image_url")?,
        notes: row.try_get("d_notes")?,
        created_at: iso(row.try_get("d_created_at")?),
        updated_at: iso(row.try_get("d_updated_at")?),
    })
}

fn used_part_from(row: &AnyRow) -> sqlx::Result<Part> {
    Ok(Part {
        id: row.try_get("q_id")?,
        part: part_from(row)?,
        quantity: row.try_get("quantity")?,
        sub_total: Money::from_cents(row.try_get("sub_total")?),
        img_url: row.try_get("img_url")?,
        created_at: iso(row.try_get("q_created_at")?),
        updated_at: iso(row.try_get("q_updated_at")?),
    })
}

pub async fn by_id(tx: &mut Tx, id: &str) -> Result<Order, Error> {
    list(tx, Whose::One(id)).await?.pop().ok_or_else(|| missing(id))
}

fn missing(id: &str) -> Error {
    Error::not_found(format!("Repair order with id {id} not found"))
}

/// The whole order or nothing. `by`: who takes it in; `at`: when.
pub async fn add(tx: &mut Tx, new: NewOrder, evaluator: &str, by: &str, at: i64) -> Result<String, Error> {
    let id = new_id();
    sqlx::query(
        "INSERT INTO repair_orders (id, equipment_id, evaluated_by, problem_description, image_urls, diagnosis, \
         estimated_cost, status, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
    )
    .bind(id.clone())
    .bind(new.equipment_id)
    .bind(evaluator.to_owned())
    .bind(new.problem_description)
    .bind(links_text(new.image_urls))
    .bind(new.diagnosis)
    .bind(new.estimated_cost.map(|cost| cost.cents))
    .bind(OrderStatus::InReview.code())
    .bind(at)
    .execute(&mut **tx)
    .await?;
    for detail in new.details {
        add_detail(tx, &id, detail, at).await?;
    }
    for part in new.parts {
        add_part(tx, &id, part, at).await?;
    }
    record(tx, &id, None, OrderStatus::InReview, Some(by), at).await?;
    recompute_cost(tx, &id).await?;
    Ok(id)
}

async fn add_detail(tx: &mut Tx, order: &str, detail: NewDetail, at: i64) -> Result<(), Error> {
    let price = super::catalog::base_price(tx, &detail.service_id)
        .await?
        .ok_or_else(|| Error::not_found(format!("Service with id {} not found", detail.service_id)))?;
    let technician = super::users::by_id(&mut **tx, &detail.technician_id).await?;
    if technician.is_none_or(|user| user.role != Role::Technician) {
        return Err(Error::not_found(format!("Technician with id {} not found", detail.technician_id)));
    }
    let price = detail.unit_price.map_or(price, |price| price.cents);
    sqlx::query(
        "INSERT INTO order_details (id, order_id, service_id, technician_id, unit_price, discount, sub_total, notes, \
         created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
    )
    .bind(new_id())
    .bind(order.to_owned())
    .bind(detail.service_id)
    .bind(detail.technician_id)
    .bind(price)
    .bind(detail.discount.cents)
    .bind(price - detail.discount.cents)
    .bind(detail.notes)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn add_part(tx: &mut Tx, order: &str, part: NewPart, at: i64) -> Result<(), Error> {
    let price = take_part(tx, &part.part_id, part.quantity).await?;
    sqlx::query(
        "INSERT INTO order_parts (id, order_id, part_id, quantity, sub_total, img_url, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
    )
    .bind(new_id())
    .bind(order.to_owned())
    .bind(part.part_id)
    .bind(part.quantity)
    .bind(price * part.quantity)
    .bind(part.img_url)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Always from all details and parts.
async fn recompute_cost(tx: &mut Tx, id: &str) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE repair_orders SET final_cost = \
         (SELECT CAST(COALESCE(SUM(sub_total), 0) AS BIGINT) FROM order_details WHERE order_id = $1) + \
         (SELECT CAST(COALESCE(SUM(sub_total), 0) AS BIGINT) FROM order_parts WHERE order_id = $1) WHERE id = $1",
    )
    .bind(id.to_owned())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn record(tx: &mut Tx, id: &str, from: Option<OrderStatus>, to: OrderStatus, by: Option<&str>, at: i64) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO order_status_changes (order_id, from_status, to_status, changed_by, changed_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(id.to_owned())
    .bind(from.map(OrderStatus::code))
    .bind(to.code())
    .bind(by.map(str::to_owned))
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Locks the order and says how it stands.
pub async fn standing(tx: &mut Tx, id: &str) -> Result<Standing, Error> {
    // The update locks the row on PostgreSQL; on SQLite the whole transaction is alone already.
    let row = sqlx::query("UPDATE repair_orders SET status = status WHERE id = $1 RETURNING status, equipment_id, evaluated_by")
        .bind(id.to_owned())
        .fetch_optional(&mut **tx)
        .await?
        .ok_or_else(|| missing(id))?;
    let (code, equipment_id): (String, String) = (row.try_get("status")?, row.try_get("equipment_id")?);
    let status = OrderStatus::parse(&code)
        .ok_or_else(|| Error::internal(anyhow::anyhow!("an order has the unknown status {code}")))?;
    let owner = sqlx::query_scalar("SELECT user_id FROM equipments WHERE id = $1")
        .bind(equipment_id.clone())
        .fetch_one(&mut **tx)
        .await?;
    let technicians = sqlx::query_scalar("SELECT DISTINCT technician_id FROM order_details WHERE order_id = $1")
        .bind(id.to_owned())
        .fetch_all(&mut **tx)
        .await?;
    Ok(Standing { status, equipment_id, owner, evaluator: row.try_get("evaluated_by")?, technicians })
}

pub async fn change(tx: &mut Tx, id: &str, change: OrderChange) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE repair_orders SET problem_description = COALESCE($1, problem_description), \
         diagnosis = COALESCE($2, diagnosis), estimated_cost = COALESCE($3, estimated_cost), \
         warranty_start = COALESCE($4, warranty_start), warranty_end = COALESCE($5, warranty_end), \
         updated_at = $6 WHERE id = $7",
    )
    .bind(change.problem_description)
    .bind(change.diagnosis)
    .bind(change.estimated_cost.map(|cost| cost.cents))
    .bind(change.warranty_start)
    .bind(change.warranty_end)
    .bind(now())
    .bind(id.to_owned())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A new status with everything that follows from it; the same status changes nothing.
pub async fn set_status(tx: &mut Tx, id: &str, standing: &Standing, to: OrderStatus, by: Option<&str>, at: i64) -> Result<(), Error> {
    let from = standing.status;
    if from == to {
        return Ok(());
    }
    let delivered = (to == OrderStatus::Delivered).then_some(at);
    sqlx::query("UPDATE repair_orders SET status = $1, delivered_at = $2, updated_at = $3 WHERE id = $4")
        .bind(to.code())
        .bind(delivered)
        .bind(at)
        .bind(id.to_owned())
        .execute(&mut **tx)
        .await?;
    record(tx, id, Some(from), to, by, at).await?;
    match to {
        OrderStatus::InRepair => equipments::set_status(tx, &standing.equipment_id, "IN_REPAIR").await?,
        OrderStatus::Delivered => {
            equipments::set_status(tx, &standing.equipment_id, "AVAILABLE").await?;
            begin_warranty(tx, id, at).await?;
        }
        OrderStatus::InReview
        | OrderStatus::WaitingApproval
        | OrderStatus::Rejected
        | OrderStatus::WaitingParts
        | OrderStatus::Ready => {}
    }
    if to == OrderStatus::Rejected {
        move_parts(tx, id, -1).await?;
    } else if from == OrderStatus::Rejected {
        move_parts(tx, id, 1).await?;
    }
    Ok(())
}

/// Gives the order's parts back to the stock (-1) or takes them again (1), in a fixed order.
async fn move_parts(tx: &mut Tx, id: &str, sign: i64) -> Result<(), Error> {
    let parts = sqlx::query("SELECT part_id, quantity FROM order_parts WHERE order_id = $1 ORDER BY part_id")
        .bind(id.to_owned())
        .fetch_all(&mut **tx)
        .await?;
    for row in parts {
        let (part, quantity): (String, i64) = (row.try_get("part_id")?, row.try_get("quantity")?);
        take_part(tx, &part, sign * quantity).await?;
    }
    Ok(())
}

const WARRANTY_MONTHS: u8 = 3;

async fn begin_warranty(tx: &mut Tx, id: &str, at: i64) -> sqlx::Result<()> {
    let today = OffsetDateTime::from_unix_timestamp(at / 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH).date();
    sqlx::query(
        "UPDATE repair_orders SET warranty_start = $1, warranty_end = $2 \
         WHERE id = $3 AND warranty_start IS NULL AND warranty_end IS NULL",
    )
    .bind(today.to_string())
    .bind(months_later(today, WARRANTY_MONTHS).to_string())
    .bind(id.to_owned())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The same day, or the last one of a shorter month.
fn months_later(date: Date, months: u8) -> Date {
    let total = date.month() as i32 - 1 + i32::from(months);
    let year = date.year() + total / 12;
    let month = Month::January.nth_next((total % 12) as u8);
    let day = date.day().min(month.length(year));
    Date::from_calendar_date(year, month, day).expect("the day exists in its month")
}

/// Gives its parts back to the stock, unless a rejection had already done so.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<(), Error> {
    let standing = standing(tx, id).await?;
    if standing.status != OrderStatus::Rejected {
        move_parts(tx, id, -1).await?;
    }
    sqlx::query("DELETE FROM repair_orders WHERE id = $1").bind(id.to_owned()).execute(&mut **tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warranty_ends_three_months_later() {
        let check = |from: (i32, u8, u8), to: &str| {
            let month = Month::try_from(from.1).expect("a month");
            let date = Date::from_calendar_date(from.0, month, from.2).expect("a date");
            assert_eq!(months_later(date, WARRANTY_MONTHS).to_string(), to);
        };
        check((2026, 1, 15), "2026-04-15");
        check((2026, 11, 30), "2027-02-28");
        check((2027, 11, 30), "2028-02-29");
    }
}
