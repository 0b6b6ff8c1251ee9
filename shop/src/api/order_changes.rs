//! Repair orders moved on: what PATCH may change, and who may change it.

use super::caller::{Caller, Id};
use super::document::{Both, MayConflict, Named, TokenOfRole, WithBody, new_or_known};
use super::fields::Fields;
use super::order_work::detail_status;
use super::orders::{new_detail, new_part, no_access};
use super::{Error, to_the_end};
use crate::Shop;
use crate::auth::Role;
use crate::store::Write;
use crate::store::orders::{
    self, DetailChange, NewDetail, NewPart, Order, OrderChange, PartChange, Standing,
};
use crate::transitions::{self, Acting, Refusal};
use axum::Json;
use axum::extract::State;
use shared::{Change, OrderStatus, Subject};
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
///
/// First what the order says, then its details and parts, under the status that it had; then the status, with which
/// it may have the details it was just given. A piece of work that is done by this may make it ready, unless the
/// status asked for led elsewhere. (A client that sends the status as it was along has asked for none, and one that
/// sends the work along as it was has done none.)
pub(crate) async fn apply(shop: Shop, id: String, caller: Caller, wish: Wish) -> Result<Order, Error> {
    let moment = shop.moment();
    let mut tx = shop.store().write().await?;
    let mut standing = orders::standing(&mut tx, &id).await?;
    let acting = acting(&caller, &standing).ok_or_else(no_access)?;
    may_wish(&caller, acting, &standing, &wish)?;
    let items_change = !wish.details.is_empty() || !wish.parts.is_empty();
    orders::change(&mut tx, &id, wish.order, moment.at).await?;
    let finishes = change_details(&mut tx, &standing, &caller, wish.details, moment.at).await?;
    change_parts(&mut tx, &standing, wish.parts, moment.at).await?;
    if items_change {
        orders::recompute_cost(&mut tx, &id, moment.at).await?;
    }
    if let Some(status) = wish.status {
        transitions::check(standing.status, status, acting)
            .map_err(|refusal| refused(standing.status, status, refusal))?;
        orders::set_status(&mut tx, &mut standing, status, &caller.id, moment).await?;
    }
    if finishes {
        orders::ready_when_all_is_done(&mut tx, &mut standing, &caller.id, moment).await?;
    }
    let order = orders::by_id(&mut tx, &id).await?;
    tx.commit().await?;
    shop.announce(Subject::RepairOrder, Change::Updated, &id);
    Ok(order)
}

/// Whether a piece of work is finished by this.
async fn change_details(
    tx: &mut Write,
    standing: &Standing,
    caller: &Caller,
    details: Vec<Item<NewDetail, DetailChange>>,
    at: i64,
) -> Result<bool, Error> {
    let order = &standing.id;
    let mut finishes = false;
    for detail in details {
        match detail {
            Item::New(new) => orders::add_detail(tx, order, new, at).await?,
            Item::Known(detail, change) => {
                let own = orders::order_of_work(tx, &detail, &caller.id).await?;
                if only_own_work(caller, standing) && own.as_ref() != Some(order) {
                    return Err(Error::forbidden());
                }
                finishes |= orders::change_detail(tx, order, &detail, change, at).await?;
            }
        }
    }
    Ok(finishes)
}

async fn change_parts(
    tx: &mut Write,
    standing: &Standing,
    mut parts: Vec<Item<NewPart, PartChange>>,
    at: i64,
) -> Result<(), Error> {
    // New ones in the order of their parts, so that two orders for the same parts seldom wait for each other (where they
    // do, one is made again); those that the order has come first, since they may give back what a new one takes.
    let (order, status) = (&standing.id, standing.status);
    parts.sort_by(|a, b| place(a).cmp(&place(b)));
    for part in parts {
        match part {
            Item::New(new) => orders::add_part(tx, order, status, new, at).await?,
            Item::Known(part, change) => orders::change_part(tx, order, status, &part, change, at).await?,
        }
    }
    Ok(())
}

fn place(item: &Item<NewPart, PartChange>) -> (bool, &str) {
    match item {
        Item::Known(id, _) => (false, id),
        Item::New(new) => (true, &new.part_id),
    }
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
