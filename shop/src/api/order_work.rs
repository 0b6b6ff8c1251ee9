//! Pieces of work as a technician sees them: their own, and how they are moved on.

use super::caller::{Caller, Id, Staff};
use super::document::{Named, TokenOfRole, WithBody};
use super::fields::Fields;
use super::whole::{Whole, whole};
use super::{Error, to_the_end};
use crate::Shop;
use crate::store::orders::{self, Detail, DetailChange, DetailStatus, OrderBrief, OwnWork};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use shared::{Change, Money, Subject};
use utoipa::ToSchema;

/// All of one's own, with what it is about and whose device it is.
#[utoipa::path(
    get,
    path = "/repair-orders/technician/my-details",
    tag = "repair-orders",
    responses((status = 200, description = "Newest first", body = Vec<OwnWork>), TokenOfRole),
    security(("bearer" = ["Technician"]), ("bearer" = ["Admin"]))
)]
pub async fn own(State(shop): State<Shop>, _: Staff, caller: Caller) -> Result<Response, Error> {
    whole(shop, Whole::Work(caller.id.clone()), caller).await
}

pub fn detail_status(fields: &mut Fields) -> Option<DetailStatus> {
    let codes = DetailStatus::ALL.map(DetailStatus::code);
    fields.optional_one_of("status", &codes).and_then(|code| DetailStatus::parse(&code))
}

/// What a technician says of own work.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkChange {
    status: DetailStatus,
    #[schema(minimum = 0, maximum = 10000000, value_type = f64)]
    unit_price: Money,
    #[schema(minimum = 0, maximum = 10000000, value_type = Option<f64>)]
    discount: Option<Money>,
    image_url: Option<String>,
    notes: Option<String>,
}

impl WorkChange {
    fn read(fields: &mut Fields) -> WorkChange {
        WorkChange {
            status: required_status(fields),
            unit_price: fields.money("unitPrice"),
            discount: fields.optional_money("discount"),
            image_url: fields.optional_text("imageUrl"),
            notes: fields.optional_text("notes"),
        }
    }
}

impl From<WorkChange> for DetailChange {
    fn from(work: WorkChange) -> DetailChange {
        DetailChange {
            status: Some(work.status),
            unit_price: Some(work.unit_price),
            discount: work.discount,
            image_url: work.image_url,
            notes: work.notes,
            ..DetailChange::default()
        }
    }
}

/// How far own work is.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkStatus {
    status: DetailStatus,
    notes: Option<String>,
}

/// A piece of work with the order that it belongs to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    #[serde(flatten)]
    detail: Detail,
    repair_order: OrderBrief,
}

/// Changes an own piece of work.
#[utoipa::path(
    patch,
    path = "/repair-orders/technician/detail/{id}",
    tag = "repair-orders",
    params(Id),
    request_body = WorkChange,
    responses((status = 200, description = "The work as it is now", body = Work), TokenOfRole, Named, WithBody),
    security(("bearer" = ["Technician"]), ("bearer" = ["Admin"]))
)]
pub async fn change_work(
    State(shop): State<Shop>,
    _: Staff,
    caller: Caller,
    Id(id): Id,
    mut fields: Fields,
) -> Result<Json<Work>, Error> {
    let change = WorkChange::read(&mut fields);
    fields.finish()?;
    to_the_end(work_on(shop, id, caller, change.into())).await.map(Json)
}

/// Says how far an own piece of work is.
#[utoipa::path(
    patch,
    path = "/repair-orders/technician/detail/{id}/status",
    tag = "repair-orders",
    params(Id),
    request_body = WorkStatus,
    responses((status = 200, description = "The work as it is now", body = Work), TokenOfRole, Named, WithBody),
    security(("bearer" = ["Technician"]), ("bearer" = ["Admin"]))
)]
pub async fn move_work(
    State(shop): State<Shop>,
    _: Staff,
    caller: Caller,
    Id(id): Id,
    mut fields: Fields,
) -> Result<Json<Work>, Error> {
    let WorkStatus { status, notes } =
        WorkStatus { status: required_status(&mut fields), notes: fields.optional_text("notes") };
    fields.finish()?;
    let change = DetailChange { status: Some(status), notes, ..DetailChange::default() };
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
    let finishes = orders::change_detail(&mut tx, &id, &detail, change, moment.at).await?;
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
