//! Repair orders moved on: what PATCH may change, and who may change it.

use super::caller::{Caller, Id, Staff};
use super::document::{Both, MayConflict, Named, TokenOfRole, WithBody, new_or_known};
use super::fields::Fields;
use super::orders::{new_detail, new_part, no_access};
use super::{Error, to_the_end};
use crate::Shop;
use crate::auth::Role;
use crate::store::orders::{
    self, Detail, DetailChange, DetailStatus, NewDetail, NewPart, Order, OrderBrief, OrderChange, PartChange,
    Standing,
};
use crate::store::{Write, now};
use crate::transitions::{self, Acting, Refusal};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::{Change, Money, OrderStatus, Subject};
use std::borrow::Cow;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Everything that a PATCH of an order may ask for.
#[derive(Default, ToSchema)]
pub(crate) struct Wish {
    #[schema(ignore)]
    pub order: OrderChange,
    pub status: Option<OrderStatus>,
    #[schema(required = false, nullable, value_type = Vec<DetailItem>)]
    pub details: Vec<Item<NewDetail, DetailChange>>,
    #[schema(required = false, nullable, value_type = Vec<PartItem>)]
    pub parts: Vec<Item<NewPart, PartChange>>,
}

type Changes = Both<OrderChange, Wish>;
type DetailItem = Item<NewDetail, DetailChange>;
type PartItem = Item<NewPart, PartChange>;

/// An item with an id is changed, one without is added.
pub(crate) enum Item<N, C> {
    New(N),
    Known(String, C),
}

impl<N: ToSchema, C: ToSchema> PartialSchema for Item<N, C> {
    fn schema() -> RefOr<Schema> {
        new_or_known::<N, C>().into()
    }
}

impl<N: ToSchema, C: ToSchema> ToSchema for Item<N, C> {
    fn name() -> Cow<'static, str> {
        format!("{}Or{}", N::name(), C::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((N::name().into_owned(), N::schema()));
        N::schemas(schemas);
        C::schemas(schemas);
    }
}

/// Changes an order: its owner the description and own decisions, staff the rest.
#[utoipa::path(
    patch,
    path = "/repair-orders/{id}",
    tag = "repair-orders",
    params(Id),
    request_body = Changes,
    responses((status = 200, description = "The order as it is now", body = Order), TokenOfRole, Named, WithBody, MayConflict),
    security(("bearer" = []))
)]
pub async fn change(
    State(shop): State<Shop>,
    caller: Caller,
    Id(id): Id,
    mut fields: Fields,
) -> Result<Json<Order>, Error> {
    let wish = Wish {
        order: OrderChange {
            problem_description: fields.optional_filled_text("problemDescription"),
            diagnosis: fields.optional_text("diagnosis"),
            estimated_cost: fields.optional_money("estimatedCost"),
            warranty_start: fields.optional_date("warrantyStartDate"),
            warranty_end: fields.optional_date("warrantyEndDate"),
        },
        status: order_status(&mut fields),
        details: fields.list("details", |item| match item.optional_id("id") {
            Some(id) => Item::Known(id, detail_change(item)),
            None => Item::New(new_detail(item)),
        }),
        parts: fields.list("parts", |item| match item.optional_id("id") {
            Some(id) => Item::Known(id, part_change(item)),
            None => Item::New(new_part(item)),
        }),
    };
    fields.finish()?;
    let role = caller.role;
    Ok(Json(to_the_end(apply(shop, id, caller, wish)).await?.seen_by(role)))
}

fn order_status(fields: &mut Fields) -> Option<OrderStatus> {
    let codes = OrderStatus::ALL.map(OrderStatus::code);
    fields.optional_one_of("status", &codes).and_then(|code| OrderStatus::parse(&code))
}

fn detail_status(fields: &mut Fields) -> Option<DetailStatus> {
    let codes = DetailStatus::ALL.map(DetailStatus::code);
    fields.optional_one_of("status", &codes).and_then(|code| DetailStatus::parse(&code))
}

fn detail_change(item: &mut Fields) -> DetailChange {
    DetailChange {
        service_id: item.optional_id("serviceId"),
        technician_id: item.optional_id("technicianId"),
        unit_price: item.optional_money("unitPrice"),
        discount: item.optional_money("discount"),
        status: detail_status(item),
        image_url: item.optional_text("imageUrl"),
        notes: item.optional_text("notes"),
    }
}

fn part_change(item: &mut Fields) -> PartChange {
    PartChange { quantity: item.optional_integer("quantity", 1), img_url: item.optional_text("imgUrl") }
}

/// One transaction: refused means that nothing changed.
pub(crate) async fn apply(shop: Shop, id: String, caller: Caller, wish: Wish) -> Result<Order, Error> {
    let at = now();
    let mut tx = shop.store().write().await?;
    let mut standing = orders::standing(&mut tx, &id).await?;
    let acting = acting(&caller, &standing).ok_or_else(no_access)?;
    may_wish(&caller, acting, &standing, &wish)?;
    orders::change(&mut tx, &id, wish.order, at).await?;
    let items_change = !wish.details.is_empty() || !wish.parts.is_empty();
    change_items(&mut tx, &mut standing, &caller, wish.details, wish.parts, at).await?;
    if items_change {
        orders::recompute_cost(&mut tx, &id).await?;
    }
    if let Some(status) = wish.status {
        transitions::check(standing.status, status, acting)
            .map_err(|refusal| refused(standing.status, status, refusal))?;
        orders::set_status(&mut tx, &mut standing, status, &caller.id, at).await?;
    }
    let order = orders::by_id(&mut tx, &id).await?;
    tx.commit().await?;
    shop.announce(Subject::RepairOrder, Change::Updated, &id);
    Ok(order)
}

async fn change_items(
    tx: &mut Write,
    standing: &mut Standing,
    caller: &Caller,
    details: Vec<Item<NewDetail, DetailChange>>,
    parts: Vec<Item<NewPart, PartChange>>,
    at: i64,
) -> Result<(), Error> {
    let (id, status) = (standing.id.clone(), standing.status);
    let work_changes = !details.is_empty();
    for detail in details {
        match detail {
            Item::New(new) => orders::add_detail(tx, &id, new, at).await?,
            Item::Known(detail, change) => {
                if only_own_work(caller, standing) {
                    orders::work_of(tx, &detail, &caller.id).await.map_err(|_| Error::forbidden())?;
                }
                orders::change_detail(tx, &id, &detail, change, at).await?;
            }
        }
    }
    for part in parts {
        match part {
            Item::New(new) => orders::add_part(tx, &id, status, new, at).await?,
            Item::Known(part, change) => orders::change_part(tx, &id, status, &part, change, at).await?,
        }
    }
    if work_changes {
        orders::ready_when_all_is_done(tx, standing, &caller.id, at).await?;
    }
    Ok(())
}

fn acting(caller: &Caller, standing: &Standing) -> Option<Acting> {
    match caller.role {
        Role::Admin => Some(Acting::Admin),
        Role::User => (standing.owner == caller.id).then_some(Acting::Owner),
        Role::Technician => {
            let evaluates = standing.evaluator.as_deref() == Some(&caller.id);
            (evaluates || standing.technicians.contains(&caller.id)).then_some(Acting::Staff)
        }
    }
}

/// A technician who does not evaluate the order plans nobody else's work.
fn only_own_work(caller: &Caller, standing: &Standing) -> bool {
    caller.role == Role::Technician && standing.evaluator.as_deref() != Some(&caller.id)
}

fn may_wish(caller: &Caller, acting: Acting, standing: &Standing, wish: &Wish) -> Result<(), Error> {
    let OrderChange { problem_description: _, diagnosis, estimated_cost, warranty_start, warranty_end } =
        &wish.order;
    let beyond_owner = diagnosis.is_some()
        || estimated_cost.is_some()
        || warranty_start.is_some()
        || warranty_end.is_some()
        || !wish.details.is_empty()
        || !wish.parts.is_empty();
    let for_others = wish.details.iter().any(|item| match item {
        Item::New(new) => new.technician_id != caller.id,
        Item::Known(_, change) => change.technician_id.as_ref().is_some_and(|id| *id != caller.id),
    });
    match acting {
        Acting::Owner if beyond_owner => Err(Error::forbidden()),
        Acting::Staff if for_others && only_own_work(caller, standing) => Err(Error::forbidden()),
        Acting::Admin | Acting::Staff | Acting::Owner => Ok(()),
    }
}

fn refused(from: OrderStatus, to: OrderStatus, refusal: Refusal) -> Error {
    match refusal {
        Refusal::NotYours => Error::forbidden(),
        Refusal::NoArrow(allowed) => {
            let names: Vec<_> = allowed.into_iter().map(OrderStatus::code).collect();
            let allowed = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            Error::conflict(format!(
                "An order that is {} cannot become {}. Allowed: {allowed}",
                from.code(),
                to.code()
            ))
        }
    }
}

/// What a technician says of own work.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkChange {
    status: DetailStatus,
    #[schema(minimum = 0, value_type = f64)]
    unit_price: Money,
    #[schema(minimum = 0, value_type = Option<f64>)]
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
    let at = now();
    let mut tx = shop.store().write().await?;
    let id = orders::work_of(&mut tx, &detail, &caller.id).await?;
    let mut standing = orders::standing(&mut tx, &id).await?;
    orders::change_detail(&mut tx, &id, &detail, change, at).await?;
    orders::recompute_cost(&mut tx, &id).await?;
    orders::ready_when_all_is_done(&mut tx, &mut standing, &caller.id, at).await?;
    let order = orders::by_id(&mut tx, &id).await?;
    tx.commit().await?;
    shop.announce(Subject::RepairOrder, Change::Updated, &id);
    let done = order.repair_order_details.into_iter().find(|other| other.id == detail);
    let detail =
        done.ok_or_else(|| Error::internal(anyhow::anyhow!("a detail vanished while it was changed")))?;
    Ok(Work { detail, repair_order: order.brief })
}
