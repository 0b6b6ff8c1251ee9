//! What an order is made of: pieces of work, each by a technician, and parts from the stock.

use super::{DetailChange, DetailStatus, NewDetail, NewPart, PartChange};
use crate::api::Error;
use crate::auth::Role;
use crate::store::catalog::{base_price, take_part};
use crate::store::{Tx, new_id, users};
use shared::OrderStatus;
use sqlx::Row;

pub async fn add_detail(tx: &mut Tx, order: &str, detail: NewDetail, at: i64) -> Result<(), Error> {
    let usual = usual_price(tx, &detail.service_id).await?;
    must_be_technician(tx, &detail.technician_id).await?;
    let price = detail.unit_price.map_or(usual, |price| price.cents);
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
    .bind(sub_total(price, detail.discount.cents)?)
    .bind(detail.notes)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn usual_price(tx: &mut Tx, service: &str) -> Result<i64, Error> {
    let price = base_price(tx, service).await?;
    price.ok_or_else(|| Error::not_found(format!("Service with id {service} not found")))
}

async fn must_be_technician(tx: &mut Tx, id: &str) -> Result<(), Error> {
    match users::by_id(&mut **tx, id).await? {
        Some(user) if user.role == Role::Technician => Ok(()),
        _ => Err(Error::not_found(format!("Technician with id {id} not found"))),
    }
}

fn sub_total(price: i64, discount: i64) -> Result<i64, Error> {
    if discount > price {
        return Err(Error::bad_request("discount must not be greater than unitPrice"));
    }
    Ok(price - discount)
}

/// The order that a piece of work belongs to, if it is the technician's own.
pub async fn order_of_work(tx: &mut Tx, detail: &str, technician: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("SELECT order_id FROM order_details WHERE id = $1 AND technician_id = $2")
        .bind(detail.to_owned())
        .bind(technician.to_owned())
        .fetch_optional(&mut **tx)
        .await
}

/// Whether this finishes the work, which was not done before.
pub async fn change_detail(
    tx: &mut Tx,
    order: &str,
    id: &str,
    change: DetailChange,
    at: i64,
) -> Result<bool, Error> {
    let finishes = change.status == Some(DetailStatus::Completed) && !is_completed(tx, id).await?;
    if let Some(service) = &change.service_id {
        usual_price(tx, service).await?;
    }
    if let Some(technician) = &change.technician_id {
        must_be_technician(tx, technician).await?;
    }
    let row = sqlx::query(
        "UPDATE order_details SET service_id = COALESCE($1, service_id), technician_id = COALESCE($2, technician_id), \
         unit_price = COALESCE($3, unit_price), discount = COALESCE($4, discount), \
         sub_total = COALESCE($3, unit_price) - COALESCE($4, discount), status = COALESCE($5, status), \
         image_url = COALESCE($6, image_url), notes = COALESCE($7, notes), updated_at = $8 \
         WHERE id = $9 AND order_id = $10 RETURNING unit_price, discount",
    )
    .bind(change.service_id)
    .bind(change.technician_id)
    .bind(change.unit_price.map(|price| price.cents))
    .bind(change.discount.map(|discount| discount.cents))
    .bind(change.status.map(|status| status.code()))
    .bind(change.image_url)
    .bind(change.notes)
    .bind(at)
    .bind(id.to_owned())
    .bind(order.to_owned())
    .fetch_optional(&mut **tx)
    .await?
    .ok_or_else(|| Error::not_found(format!("Detail with id {id} not found in this repair order")))?;
    sub_total(row.try_get("unit_price")?, row.try_get("discount")?)?;
    Ok(finishes)
}

async fn is_completed(tx: &mut Tx, id: &str) -> sqlx::Result<bool> {
    let found = sqlx::query("SELECT 1 FROM order_details WHERE id = $1 AND status = 'COMPLETED'")
        .bind(id.to_owned())
        .fetch_optional(&mut **tx)
        .await?;
    Ok(found.is_some())
}

/// How many come from the stock: a rejected order holds none, and takes them when it is taken up again.
fn held(status: OrderStatus, quantity: i64) -> i64 {
    if status == OrderStatus::Rejected { 0 } else { quantity }
}

pub async fn add_part(
    tx: &mut Tx,
    order: &str,
    status: OrderStatus,
    part: NewPart,
    at: i64,
) -> Result<(), Error> {
    let price = take_part(tx, &part.part_id, held(status, part.quantity), at).await?;
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

pub async fn change_part(
    tx: &mut Tx,
    order: &str,
    status: OrderStatus,
    id: &str,
    change: PartChange,
    at: i64,
) -> Result<(), Error> {
    let row = sqlx::query("SELECT part_id, quantity FROM order_parts WHERE id = $1 AND order_id = $2")
        .bind(id.to_owned())
        .bind(order.to_owned())
        .fetch_optional(&mut **tx)
        .await?
        .ok_or_else(|| Error::not_found(format!("Part with id {id} not found in this repair order")))?;
    let (part, before): (String, i64) = (row.try_get("part_id")?, row.try_get("quantity")?);
    // What was agreed on stays, even if the part costs something else by now, until there is another quantity.
    let sub_total = match change.quantity {
        Some(quantity) => Some(take_part(tx, &part, held(status, quantity - before), at).await? * quantity),
        None => None,
    };
    sqlx::query(
        "UPDATE order_parts SET quantity = COALESCE($1, quantity), sub_total = COALESCE($2, sub_total), img_url = COALESCE($3, img_url), updated_at = $4 \
         WHERE id = $5",
    )
    .bind(change.quantity)
    .bind(sub_total)
    .bind(change.img_url)
    .bind(at)
    .bind(id.to_owned())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
