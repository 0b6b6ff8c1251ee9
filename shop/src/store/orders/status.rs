//! From state to state, with everything that follows from it.

use super::missing;
use crate::api::Error;
use crate::store::catalog::take_part;
use crate::store::{Moment, Tx, Write, equipments};
use jiff::civil::Date;
use shared::OrderStatus;
use sqlx::Row;

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
    moment: Moment,
) -> Result<(), Error> {
    let (id, from) = (standing.id.as_str(), standing.status);
    if from == to {
        return Ok(());
    }
    let delivered = (to == OrderStatus::Delivered).then_some(moment.at);
    sqlx::query("UPDATE repair_orders SET status = $1, delivered_at = $2, updated_at = $3 WHERE id = $4")
        .bind(to.code())
        .bind(delivered)
        .bind(moment.at)
        .bind(id.to_owned())
        .execute(&mut **tx)
        .await?;
    record(tx, id, Some(from), to, by, moment.at).await?;
    move_device(tx, standing, to).await?;
    if to == OrderStatus::Delivered {
        begin_warranty(tx, id, moment.today).await?;
    }
    // A rejected order holds no parts.
    if to == OrderStatus::Rejected {
        move_parts(tx, id, -1, moment.at).await?;
    } else if from == OrderStatus::Rejected {
        move_parts(tx, id, 1, moment.at).await?;
    }
    standing.status = to;
    Ok(())
}

/// Whether an order in this status keeps its device in the shop, under repair. (The contract has a status of the
/// device follow from two changes only; the others follow from what these two mean.)
const fn keeps_device(status: OrderStatus) -> bool {
    match status {
        OrderStatus::InRepair | OrderStatus::WaitingParts | OrderStatus::Ready => true,
        OrderStatus::InReview
        | OrderStatus::WaitingApproval
        | OrderStatus::Rejected
        | OrderStatus::Delivered => false,
    }
}

/// The repair begins, or ends: by delivery, by rejection, by going back to before it, by deletion.
async fn move_device(tx: &mut Tx, standing: &Standing, to: OrderStatus) -> sqlx::Result<()> {
    let ends = to == OrderStatus::Delivered || (keeps_device(standing.status) && !keeps_device(to));
    if to == OrderStatus::InRepair {
        equipments::begin_repair(tx, &standing.equipment_id).await?;
    } else if ends {
        equipments::release(tx, &standing.equipment_id, &standing.id).await?;
    }
    Ok(())
}

/// What the order had of the shop goes back: its parts, unless a rejection gave them back already, and its device.
pub(super) async fn give_back(tx: &mut Tx, standing: &Standing, at: i64) -> Result<(), Error> {
    if standing.status != OrderStatus::Rejected {
        move_parts(tx, &standing.id, -1, at).await?;
    }
    if keeps_device(standing.status) {
        equipments::release(tx, &standing.equipment_id, &standing.id).await?;
    }
    Ok(())
}

/// An order in repair of which the last piece of work was done is ready. By whom: who did it.
pub async fn ready_when_all_is_done(
    tx: &mut Tx,
    standing: &mut Standing,
    by: &str,
    moment: Moment,
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
        set_status(tx, standing, OrderStatus::Ready, by, moment).await?;
    }
    Ok(())
}

/// Gives the order's parts back to the stock (-1) or takes them again (1), in a fixed order.
async fn move_parts(tx: &mut Tx, id: &str, sign: i64, at: i64) -> Result<(), Error> {
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

const WARRANTY_MONTHS: i64 = 3;

/// What was agreed on stays; what is unset is filled in.
async fn begin_warranty(tx: &mut Tx, id: &str, today: Date) -> Result<(), Error> {
    let row = sqlx::query("SELECT warranty_start, warranty_end FROM repair_orders WHERE id = $1")
        .bind(id.to_owned())
        .fetch_one(&mut **tx)
        .await?;
    let agreed = (row.try_get("warranty_start")?, row.try_get("warranty_end")?);
    let (start, end) = warranty(agreed, today);
    sqlx::query("UPDATE repair_orders SET warranty_start = $1, warranty_end = $2 WHERE id = $3")
        .bind(start)
        .bind(end)
        .bind(id.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Three months from today, or from the agreed beginning; an agreed end stays, and begins today if that is before.
fn warranty(agreed: (Option<String>, Option<String>), today: Date) -> (Option<String>, Option<String>) {
    let day = today.to_string();
    match agreed {
        (None, None) => (Some(day), Some(months_later(today))),
        (Some(start), None) => {
            let end = months_later(start.parse().unwrap_or(today));
            (Some(start), Some(end))
        }
        // Dates as texts of one form compare as dates.
        (None, Some(end)) => ((day < end).then_some(day), Some(end)),
        both => both,
    }
}

/// The same day, or the last one of a shorter month.
fn months_later(date: Date) -> String {
    date.saturating_add(jiff::Span::new().months(WARRANTY_MONTHS)).to_string()
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
        let check = |from: &str, to: &str| {
            assert_eq!(months_later(from.parse().expect("a date")), to);
        };
        check("2026-01-15", "2026-04-15");
        check("2026-11-30", "2027-02-28");
        check("2027-11-30", "2028-02-29");
    }

    #[test]
    fn what_was_agreed_on_about_the_warranty_stays() {
        let check = |start: &str, end: &str, expected: (&str, &str)| {
            let given = |day: &str| (!day.is_empty()).then(|| day.to_owned());
            let today = "2026-01-15".parse().expect("a date");
            let (start, end) = warranty((given(start), given(end)), today);
            assert_eq!((start.as_deref().unwrap_or_default(), end.as_deref().unwrap_or_default()), expected);
        };
        check("", "", ("2026-01-15", "2026-04-15"));
        check("2026-03-01", "", ("2026-03-01", "2026-06-01"));
        check("", "2026-12-31", ("2026-01-15", "2026-12-31"));
        check("", "2026-01-10", ("", "2026-01-10"));
        check("2025-01-01", "2025-02-01", ("2025-01-01", "2025-02-01"));
    }
}
