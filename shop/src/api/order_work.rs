//! Pieces of work as a technician sees them: their own, and how they are moved on.

use super::caller::{Caller, Id, Staff};
use super::fields::Fields;
use super::whole::{Whole, whole};
use super::{Error, to_the_end};
use crate::Shop;
use crate::store::orders::{self, Detail, DetailChange, DetailStatus, OrderBrief};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use shared::{Change, Subject};

/// All of one's own, with what it is about and whose device it is.
pub async fn own(State(shop): State<Shop>, _: Staff, caller: Caller) -> Result<Response, Error> {
    whole(shop, Whole::Work(caller.id)).await
}

pub fn detail_status(fields: &mut Fields) -> Option<DetailStatus> {
    let codes = DetailStatus::ALL.map(DetailStatus::code);
    fields.optional_one_of("status", &codes).and_then(|code| DetailStatus::parse(&code))
}

/// A piece of work with the order that it belongs to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    #[serde(flatten)]
    detail: Detail,
    repair_order: OrderBrief,
}

pub async fn change_work(
    State(shop): State<Shop>,
    _: Staff,
    caller: Caller,
    Id(id): Id,
    mut fields: Fields,
) -> Result<Json<Work>, Error> {
    let change = DetailChange {
        status: Some(required_status(&mut fields)),
        unit_price: Some(fields.money("unitPrice")),
        discount: fields.optional_money("discount"),
        image_url: fields.optional_text("imageUrl"),
        notes: fields.optional_text("notes"),
        ..DetailChange::default()
    };
    fields.finish()?;
    to_the_end(work_on(shop, id, caller, change)).await.map(Json)
}

pub async fn move_work(
    State(shop): State<Shop>,
    _: Staff,
    caller: Caller,
    Id(id): Id,
    mut fields: Fields,
) -> Result<Json<Work>, Error> {
    let change = DetailChange {
        status: Some(required_status(&mut fields)),
        notes: fields.optional_text("notes"),
        ..DetailChange::default()
    };
    fields.finish()?;
    to_the_end(work_on(shop, id, caller, change)).await.map(Json)
}

fn required_status(fields: &mut Fields) -> DetailStatus {
    let code = fields.one_of("status", &DetailStatus::ALL.map(DetailStatus::code));
    // A wrong one is among the faults by now, and nobody will see this value.
    DetailStatus::parse(&code).unwrap_or(DetailStatus::Pending)
}

/// A technician's own piece of work; the last one to be done makes the order ready.
pub(crate) async fn work_on(
    shop: Shop,
    detail: String,
    caller: Caller,
    change: DetailChange,
) -> Result<Work, Error> {
    let not_yours = || Error::not_found("Detail not found or you are not assigned to it");
    let moment = shop.moment();
    let mut tx = shop.store().write().await?;
    let id = orders::order_of_work(&mut tx, &detail, &caller.id).await?.ok_or_else(not_yours)?;
    let mut standing = orders::standing(&mut tx, &id).await?;
    // Looked at again now that the order is locked: the work may have been given to someone else meanwhile.
    orders::order_of_work(&mut tx, &detail, &caller.id).await?.ok_or_else(not_yours)?;
    let finishes = change.status == Some(DetailStatus::Completed);
    orders::change_detail(&mut tx, &id, &detail, change, moment.at).await?;
    orders::recompute_cost(&mut tx, &id, moment.at).await?;
    if finishes {
        orders::ready_when_all_is_done(&mut tx, &mut standing, &caller.id, moment).await?;
    }
    let order = orders::by_id(&mut tx, &id).await?;
    tx.commit().await?;
    shop.announce(Subject::RepairOrder, Change::Updated, &id);
    let done = order.repair_order_details.into_iter().find(|other| other.id == detail);
    let detail =
        done.ok_or_else(|| Error::internal(anyhow::anyhow!("a detail vanished while it was changed")))?;
    Ok(Work { detail, repair_order: order.brief })
}
