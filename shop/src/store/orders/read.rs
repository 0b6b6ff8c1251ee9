//! Finds orders, each with its details and parts.

use super::{Detail, Order, OrderBrief, Part, Whose, missing};
use crate::api::Error;
use crate::store::catalog::{PART_COLUMNS, SERVICE_COLUMNS, links, part_from, service_from};
use crate::store::equipments::{equipment_columns, equipment_from};
use crate::store::users::{user_columns, user_from};
use crate::store::{Tx, iso};
use shared::Money;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};
use std::collections::HashMap;

/// Newest first, each with its details and parts; three queries however many there are.
pub async fn list(tx: &mut Tx, whose: Whose<'_>) -> sqlx::Result<Vec<Order>> {
    const JOINS: &str = "JOIN equipments e ON e.id = o.equipment_id JOIN users u ON u.id = e.user_id";
    let (filter, bound) = whose.filter();
    let sql = format!(
        "SELECT {BRIEF}, {}, {} FROM repair_orders o {JOINS} \
         LEFT JOIN users v ON v.id = o.evaluated_by {filter} ORDER BY o.created_at DESC, o.seq DESC",
        equipment_columns(),
        user_columns("v")
    );
    let mut orders: Vec<Order> =
        rows(tx, sql, &bound).await?.iter().map(order_from).collect::<sqlx::Result<_>>()?;

    let sql = format!(
        "SELECT d.id AS d_id, d.order_id, d.unit_price, d.discount, d.sub_total, d.status AS d_status, d.image_url, \
         d.notes AS d_notes, d.created_at AS d_created_at, d.updated_at AS d_updated_at, {SERVICE_COLUMNS}, {} \
         FROM order_details d JOIN repair_orders o ON o.id = d.order_id {JOINS} \
         JOIN services s ON s.id = d.service_id JOIN users t ON t.id = d.technician_id {filter} ORDER BY d.seq",
        user_columns("t")
    );
    let mut details = grouped(&rows(tx, sql, &bound).await?, "order_id", detail_from)?;
    let sql = format!(
        "SELECT q.id AS q_id, q.order_id, q.quantity, q.sub_total, q.img_url, q.created_at AS q_created_at, \
         q.updated_at AS q_updated_at, {PART_COLUMNS} FROM order_parts q JOIN repair_orders o ON o.id = q.order_id \
         {JOINS} JOIN spare_parts p ON p.id = q.part_id {filter} ORDER BY q.seq"
    );
    let mut parts = grouped(&rows(tx, sql, &bound).await?, "order_id", used_part_from)?;
    for order in &mut orders {
        order.repair_order_details = details.remove(&order.brief.id).unwrap_or_default();
        order.repair_order_parts = parts.remove(&order.brief.id).unwrap_or_default();
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

fn grouped<T>(
    rows: &[AnyRow],
    by: &str,
    read: impl Fn(&AnyRow) -> sqlx::Result<T>,
) -> sqlx::Result<HashMap<String, Vec<T>>> {
    let mut groups: HashMap<String, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(row.try_get(by)?).or_default().push(read(row)?);
    }
    Ok(groups)
}

/// The orders of each device, newest first; of one owner's devices or of all.
pub async fn of_equipments(
    tx: &mut Tx,
    owner: Option<&str>,
) -> sqlx::Result<HashMap<String, Vec<OrderBrief>>> {
    let filter = if owner.is_some() { "WHERE e.user_id = $1" } else { "" };
    let sql = format!(
        "SELECT {BRIEF}, o.equipment_id FROM repair_orders o JOIN equipments e ON e.id = o.equipment_id {filter} \
         ORDER BY o.created_at DESC, o.seq DESC"
    );
    grouped(&rows(tx, sql, &owner.map(str::to_owned)).await?, "equipment_id", brief_from)
}

/// The columns of [`brief_from`].
const BRIEF: &str = "o.id AS o_id, o.problem_description, o.image_urls AS o_image_urls, o.diagnosis, o.estimated_cost, \
                     o.final_cost, o.warranty_start, o.warranty_end, o.status AS o_status, \
                     o.created_at AS o_created_at, o.updated_at AS o_updated_at";

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
    list(tx, Whose::One(id)).await?.pop().ok_or_else(|| missing(id))
}
