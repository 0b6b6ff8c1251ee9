//! From state to state, with everything that follows from it.

use super::missing;
use crate::api::Error;
use crate::store::catalog::take_part;
use crate::store::{Tx, Write, equipments};
use shared::OrderStatus;
use sqlx::Row;
use time::{Date, Month, OffsetDateTime};

/// Where an order stands, which decides who may do what with it.
pub struct Standing {
    pub id: String,
    pub status: OrderStatus,
    pub equipment_id: String,
    pub owner: String,
    pub evaluator: Option<String>,
    pub technicians: Vec<String>,
}

/// Locks the order, to change it, and says how it stands.
pub async fn standing(tx: &mut Write, id: &str) -> Result<Standing, Error> {
    // The update locks the row on PostgreSQL; on SQLite the whole transaction is alone already.
    let row = sqlx::query(
        "UPDATE repair_orders SET status = status WHERE id = $1 RETURNING status, equipment_id, evaluated_by",
    )
    .bind(id.to_owned())
    .fetch_optional(&mut ***tx)
    .await?
    .ok_or_else(|| missing(id))?;
    tx.touches(id).await?;
    let (code, equipment_id): (String, String) = (row.try_get("status")?, row.try_get("equipment_id")?);
    let status = OrderStatus::parse(&code)
        .ok_or_else(|| Error::internal(anyhow::anyhow!("an order has the unknown status {code}")))?;
    let owner = sqlx::query_scalar("SELECT user_id FROM equipments WHERE id = $1")
        .bind(equipment_id.clone())
        .fetch_one(&mut ***tx)
        .await?;
    let technicians =
        sqlx::query_scalar("SELECT DISTINCT technician_id FROM order_details WHERE order_id = $1")
            .bind(id.to_owned())
            .fetch_all(&mut ***tx)
            .await?;
    let evaluator = row.try_get("evaluated_by")?;
    Ok(Standing { id: id.to_owned(), status, equipment_id, owner, evaluator, technicians })
}

/// A new status with everything that follows from it; the same status changes nothing.
pub async fn set_status(
    tx: &mut Tx,
    standing: &mut Standing,
    to: OrderStatus,
    by: &str,
    at: i64,
) -> Result<(), Error> {
    let (id, from) = (standing.id.as_str(), standing.status);
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
        move_parts(tx, id, -1, at).await?;
    } else if from == OrderStatus::Rejected {
        move_parts(tx, id, 1, at).await?;
    }
    standing.status = to;
    Ok(())
}

/// An order in repair of which the last piece of work was done is ready. By whom: who did it.
pub async fn ready_when_all_is_done(
    tx: &mut Tx,
    standing: &mut Standing,
    by: &str,
    at: i64,
) -> Result<(), Error> {
    if standing.status != OrderStatus::InRepair {
        return Ok(());
    }
    let row = sqlx::query(
        "SELECT COUNT(*) AS n, COUNT(CASE WHEN status = 'COMPLETED' THEN 1 END) AS done FROM order_details \
         WHERE order_id = $1",
    )
    .bind(standing.id.clone())
    .fetch_one(&mut **tx)
    .await?;
    let (all, done): (i64, i64) = (row.try_get("n")?, row.try_get("done")?);
    if all > 0 && done == all {
        set_status(tx, standing, OrderStatus::Ready, by, at).await?;
    }
    Ok(())
}

/// Gives the order's parts back to the stock (-1) or takes them again (1), in a fixed order.
pub(super) async fn move_parts(tx: &mut Tx, id: &str, sign: i64, at: i64) -> Result<(), Error> {
    let parts = sqlx::query("SELECT part_id, quantity FROM order_parts WHERE order_id = $1 ORDER BY part_id")
        .bind(id.to_owned())
        .fetch_all(&mut **tx)
        .await?;
    for row in parts {
        let (part, quantity): (String, i64) = (row.try_get("part_id")?, row.try_get("quantity")?);
        take_part(tx, &part, sign * quantity, at).await?;
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

pub(super) async fn record(
    tx: &mut Tx,
    id: &str,
    from: Option<OrderStatus>,
    to: OrderStatus,
    by: &str,
    at: i64,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO order_status_changes (order_id, from_status, to_status, changed_by, changed_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(id.to_owned())
    .bind(from.map(OrderStatus::code))
    .bind(to.code())
    .bind(by.to_owned())
    .bind(at)
    .execute(&mut **tx)
    .await?;
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
