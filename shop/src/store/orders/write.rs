//! Takes orders in, changes what they say, and keeps their cost right.

use super::items::{add_detail, add_part};
use super::status::{give_back, record};
use super::{NewOrder, OrderChange, Standing};
use crate::api::Error;
use crate::store::catalog::links_text;
use crate::store::{Tx, Write, new_id};
use shared::OrderStatus;
use sqlx::Row;

/// No repair costs this much. With it, a shop's sums stay far from what 64 bits can hold.
const MOST_CENTS: i64 = 1_000_000_000_000;

/// The whole order or nothing. `by`: who takes it in; `at`: when.
pub async fn add(tx: &mut Write, new: NewOrder, evaluator: &str, by: &str, at: i64) -> Result<String, Error> {
    let id = new_id();
    tx.brings(&id);
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
    .execute(&mut ***tx)
    .await?;
    record(tx, &id, None, OrderStatus::InReview, by, at).await?;
    for detail in new.details {
        add_detail(tx, &id, detail, at).await?;
    }
    // In a fixed order, so that two orders for the same parts do not wait for each other.
    let mut parts = new.parts;
    parts.sort_by(|a, b| a.part_id.cmp(&b.part_id));
    for part in parts {
        add_part(tx, &id, OrderStatus::InReview, part, at).await?;
    }
    recompute_cost(tx, &id, at).await?;
    Ok(id)
}

/// Always from all details and parts.
pub async fn recompute_cost(tx: &mut Tx, id: &str, at: i64) -> Result<(), Error> {
    let cost: i64 = sqlx::query_scalar(
        "UPDATE repair_orders SET final_cost = \
         (SELECT CAST(COALESCE(SUM(sub_total), 0) AS BIGINT) FROM order_details WHERE order_id = $1) + \
         (SELECT CAST(COALESCE(SUM(sub_total), 0) AS BIGINT) FROM order_parts WHERE order_id = $1), updated_at = $2 WHERE id = $1 \
         RETURNING final_cost",
    )
    .bind(id.to_owned())
    .bind(at)
    .fetch_one(&mut **tx)
    .await?;
    if cost > MOST_CENTS {
        return Err(Error::bad_request(format!("The order must not cost more than {}", MOST_CENTS / 100)));
    }
    Ok(())
}

pub async fn change(tx: &mut Tx, id: &str, change: OrderChange, at: i64) -> Result<(), Error> {
    let row = sqlx::query(
        "UPDATE repair_orders SET problem_description = COALESCE($1, problem_description), \
         diagnosis = COALESCE($2, diagnosis), estimated_cost = COALESCE($3, estimated_cost), \
         warranty_start = COALESCE($4, warranty_start), warranty_end = COALESCE($5, warranty_end), \
         updated_at = $6 WHERE id = $7 RETURNING warranty_start, warranty_end",
    )
    .bind(change.problem_description)
    .bind(change.diagnosis)
    .bind(change.estimated_cost.map(|cost| cost.cents))
    .bind(change.warranty_start)
    .bind(change.warranty_end)
    .bind(at)
    .bind(id.to_owned())
    .fetch_one(&mut **tx)
    .await?;
    let (start, end): (Option<String>, Option<String>) =
        (row.try_get("warranty_start")?, row.try_get("warranty_end")?);
    // Dates as texts of one form compare as dates.
    if start.zip(end).is_some_and(|(start, end)| start >= end) {
        return Err(Error::bad_request("Warranty start date must be earlier than the end date."));
    }
    Ok(())
}

pub async fn delete(tx: &mut Tx, standing: &Standing, at: i64) -> Result<(), Error> {
    give_back(tx, standing, at).await?;
    sqlx::query("DELETE FROM repair_orders WHERE id = $1")
        .bind(standing.id.clone())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
