//! Reads orders, each with its details and parts. Which ones, `find` says.

use super::{Detail, Order, OrderBrief, OrderOfWork, OwnWork, Part, missing};
use crate::api::Error;
use crate::store::catalog::{PART_COLUMNS, SERVICE_COLUMNS, links, part_from, service_from};
use crate::store::equipments::{equipment_columns, equipment_from};
use crate::store::users::{user_columns, user_from};
use crate::store::{Tx, iso};
use shared::Money;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};
use std::collections::HashMap;

const JOINS: &str = "JOIN equipments e ON e.id = o.equipment_id JOIN users u ON u.id = e.user_id";

/// These orders, by their `seq` and in that order, each with its details and parts; three queries however many.
pub async fn of(tx: &mut Tx, seqs: &[i64]) -> sqlx::Result<Vec<Order>> {
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT o.seq AS o_seq, {BRIEF}, {}, {} FROM repair_orders o {JOINS} \
         LEFT JOIN users v ON v.id = o.evaluated_by WHERE o.seq IN ({})",
        equipment_columns(),
        user_columns("v"),
        places_of(seqs)
    );
    let mut orders = HashMap::new();
    for row in &listed(tx, sql, seqs).await? {
        orders.insert(row.try_get::<i64, _>("o_seq")?, order_from(row)?);
    }
    let sql = format!(
        "SELECT o.seq AS o_seq, {DETAIL}, {SERVICE_COLUMNS}, {} \
         FROM repair_orders o JOIN order_details d ON d.order_id = o.id \
         JOIN services s ON s.id = d.service_id JOIN users t ON t.id = d.technician_id \
         WHERE o.seq IN ({}) ORDER BY d.seq",
        user_columns("t"),
        places_of(seqs)
    );
    for row in &listed(tx, sql, seqs).await? {
        if let Some(order) = orders.get_mut(&row.try_get("o_seq")?) {
            order.repair_order_details.push(detail_from(row)?);
        }
    }
    let sql = format!(
        "SELECT o.seq AS o_seq, q.id AS q_id, q.quantity, q.sub_total, q.img_url, q.created_at AS q_created_at, \
         q.updated_at AS q_updated_at, {PART_COLUMNS} FROM repair_orders o JOIN order_parts q ON q.order_id = o.id \
         JOIN spare_parts p ON p.id = q.part_id WHERE o.seq IN ({}) ORDER BY q.seq",
        places_of(seqs)
    );
    for row in &listed(tx, sql, seqs).await? {
        if let Some(order) = orders.get_mut(&row.try_get("o_seq")?) {
            order.repair_order_parts.push(used_part_from(row)?);
        }
    }
    Ok(seqs.iter().filter_map(|seq| orders.remove(seq)).collect())
}

/// These pieces of work, by their `seq` and in that order.
pub async fn work(tx: &mut Tx, seqs: &[i64]) -> sqlx::Result<Vec<OwnWork>> {
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT d.seq AS d_seq, {DETAIL}, {SERVICE_COLUMNS}, {BRIEF}, {}, {} \
         FROM order_details d JOIN repair_orders o ON o.id = d.order_id {JOINS} \
         JOIN services s ON s.id = d.service_id JOIN users t ON t.id = d.technician_id WHERE d.seq IN ({})",
        equipment_columns(),
        user_columns("t"),
        places_of(seqs)
    );
    let mut pieces = HashMap::new();
    for row in &listed(tx, sql, seqs).await? {
        let repair_order = OrderOfWork { brief: brief_from(row)?, equipment: equipment_from(row)? };
        let piece = OwnWork { detail: detail_from(row)?, repair_order };
        pieces.insert(row.try_get::<i64, _>("d_seq")?, piece);
    }
    Ok(seqs.iter().filter_map(|seq| pieces.remove(seq)).collect())
}

/// `$1, $2, …`: as many as the next power of two, so that few different statements are prepared.
pub(in crate::store) fn places_of(seqs: &[i64]) -> String {
    let places: Vec<_> = (1..=seqs.len().next_power_of_two()).map(|place| format!("${place}")).collect();
    places.join(", ")
}

/// The rows of a query over [`places_of`] these; the places left over hold the last one again.
pub(in crate::store) async fn listed(tx: &mut Tx, sql: String, seqs: &[i64]) -> sqlx::Result<Vec<AnyRow>> {
    let mut query = sqlx::query(AssertSqlSafe(sql));
    let last = seqs.last().copied().unwrap_or_default();
    for place in 0..seqs.len().next_power_of_two() {
        query = query.bind(seqs.get(place).copied().unwrap_or(last));
    }
    query.fetch_all(&mut **tx).await
}

/// The orders of each of these devices, whose own `seq`s these are, newest first.
pub async fn of_equipments(tx: &mut Tx, devices: &[i64]) -> sqlx::Result<HashMap<String, Vec<OrderBrief>>> {
    let mut orders: HashMap<String, Vec<OrderBrief>> = HashMap::new();
    if devices.is_empty() {
        return Ok(orders);
    }
    // SQLite keeps the order of a CROSS JOIN: it must not walk through all orders for a few devices'.
    let sql = format!(
        "SELECT {BRIEF}, o.equipment_id FROM equipments e CROSS JOIN repair_orders o \
         WHERE o.equipment_id = e.id AND e.seq IN ({}) ORDER BY o.created_at DESC, o.seq DESC",
        places_of(devices)
    );
    for row in &listed(tx, sql, devices).await? {
        orders.entry(row.try_get("equipment_id")?).or_default().push(brief_from(row)?);
    }
    Ok(orders)
}

/// The columns of [`brief_from`].
const BRIEF: &str = "o.id AS o_id, o.problem_description, o.image_urls AS o_image_urls, o.diagnosis, o.estimated_cost, \
                     o.final_cost, o.warranty_start, o.warranty_end, o.status AS o_status, \
                     o.created_at AS o_created_at, o.updated_at AS o_updated_at";

/// The columns of [`detail_from`], beside the service's and the technician's.
const DETAIL: &str = "d.id AS d_id, d.unit_price, d.discount, d.sub_total, d.status AS d_status, d.image_url, \
                      d.notes AS d_notes, d.created_at AS d_created_at, d.updated_at AS d_updated_at";

fn brief_from(row: &AnyRow) -> sqlx::Result<OrderBrief> {
    Ok(OrderBrief {
        id: row.try_get("o_id")?,
        problem_description: row.try_get("problem_description")?,
        image_urls: links(row.try_get("o_image_urls")?),
        diagnosis: row.try_get("diagnosis")?,
        estimated_cost: row.try_get::<Option<i64>, _>("estimated_cost")?.map(Money::from_cents),
        final_cost: Money::from_cents(row.try_get("final_cost")?),
        warranty_start_date: row.try_get("warranty_start")?,
        warranty_end_date: row.try_get("warranty_end")?,
        status: row.try_get("o_status")?,
        created_at: iso(row.try_get("o_created_at")?),
        updated_at: iso(row.try_get("o_updated_at")?),
    })
}

fn order_from(row: &AnyRow) -> sqlx::Result<Order> {
    let evaluator: Option<String> = row.try_get("v_id")?;
    Ok(Order {
        brief: brief_from(row)?,
        equipment: equipment_from(row)?,
        evaluated_by: evaluator.map(|_| user_from(row, "v_")).transpose()?,
        repair_order_details: Vec::new(),
        repair_order_parts: Vec::new(),
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
    let seq: Option<i64> = sqlx::query_scalar("SELECT seq FROM repair_orders WHERE id = $1")
        .bind(id.to_owned())
        .fetch_optional(&mut **tx)
        .await?;
    let seq = seq.ok_or_else(|| missing(id))?;
    of(tx, &[seq]).await?.pop().ok_or_else(|| missing(id))
}
