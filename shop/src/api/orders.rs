//! Repair orders: taken in, looked at, moved on.

use super::caller::{Admin, Caller, Id};
use super::fields::Fields;
use super::{Error, equipments, to_the_end};
use crate::auth::Role;
use crate::store::orders::{NewDetail, NewOrder, NewPart, Order, OrderChange, Standing, Whose};
use crate::store::{self, now};
use crate::transitions::{self, Acting, Refusal};
use crate::Shop;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use shared::{Change, Money, OrderStatus, Subject};

/// The contract wraps a new order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    saved_order: Order,
}

pub async fn add(State(shop): State<Shop>, caller: Caller, mut fields: Fields) -> Result<(StatusCode, Json<Created>), Error> {
    let new = NewOrder {
        equipment_id: fields.id("equipmentId"),
        problem_description: fields.text("problemDescription"),
        image_urls: fields.optional_texts("imageUrls"),
        diagnosis: fields.optional_text("diagnosis"),
        estimated_cost: fields.optional_money("estimatedCost"),
        details: fields.list("details", |item| NewDetail {
            service_id: item.id("serviceId"),
            technician_id: item.id("technicianId"),
            unit_price: item.optional_money("unitPrice"),
            discount: item.optional_money("discount").unwrap_or(Money::ZERO),
            notes: item.optional_text("notes"),
        }),
        parts: fields.list("parts", |item| NewPart {
            part_id: item.id("partId"),
            quantity: item.integer("quantity", 1),
            img_url: item.optional_text("imgUrl"),
        }),
    };
    fields.finish()?;
    let saved_order = to_the_end(take_in(shop, new, caller.id, caller.role)).await?;
    Ok((StatusCode::CREATED, Json(Created { saved_order })))
}

/// One transaction: refused means that nothing changed.
pub(crate) async fn take_in(shop: Shop, new: NewOrder, by: String, role: Role) -> Result<Order, Error> {
    let mut tx = shop.store().write().await?;
    let device = store::equipments::by_id(&mut *tx, &new.equipment_id).await?;
    let owner = device.and_then(|device| device.user).ok_or_else(|| equipments::missing(&new.equipment_id))?;
    if role == Role::User && owner.id != by {
        return Err(equipments::missing(&new.equipment_id));
    }
    let evaluator = store::users::evaluator(&mut tx).await?.ok_or_else(|| Error::not_found("No evaluator technician found"))?;
    let id = store::orders::add(&mut tx, new, &evaluator, &by, now()).await?;
    let order = store::orders::by_id(&mut tx, &id).await?;
    tx.commit().await?;
    shop.announce(Subject::RepairOrder, Change::Created, &id);
    Ok(order)
}

pub async fn list(State(shop): State<Shop>, caller: Caller) -> Result<Json<Vec<Order>>, Error> {
    let whose = match caller.role {
        Role::Admin => Whose::Everyone,
        Role::Technician => Whose::Worked(&caller.id),
        Role::User => Whose::Owned(&caller.id),
    };
    let mut tx = shop.store().read().await?;
    Ok(Json(store::orders::list(&mut tx, whose).await?))
}

pub async fn one(State(shop): State<Shop>, caller: Caller, Id(id): Id) -> Result<Json<Order>, Error> {
    let mut tx = shop.store().read().await?;
    let order = store::orders::by_id(&mut tx, &id).await?;
    let mine = match caller.role {
        Role::Admin => true,
        Role::User => order.equipment.user.as_ref().is_some_and(|user| user.id == caller.id),
        Role::Technician => {
            order.evaluated_by.as_ref().is_some_and(|user| user.id == caller.id)
                || order.repair_order_details.iter().any(|detail| detail.technician.id == caller.id)
        }
    };
    if mine { Ok(Json(order)) } else { Err(no_access()) }
}

fn no_access() -> Error {
    Error::new(StatusCode::FORBIDDEN, "You do not have access to this repair order.")
}

pub async fn change(State(shop): State<Shop>, caller: Caller, Id(id): Id, mut fields: Fields) -> Result<Json<Order>, Error> {
    let change = OrderChange {
        problem_description: fields.optional_filled_text("problemDescription"),
        diagnosis: fields.optional_text("diagnosis"),
        estimated_cost: fields.optional_money("estimatedCost"),
        warranty_start: fields.optional_date("warrantyStartDate"),
        warranty_end: fields.optional_date("warrantyEndDate"),
    };
    let codes = OrderStatus::ALL.map(OrderStatus::code);
    let status = fields.optional_one_of("status", &codes).and_then(|code| OrderStatus::parse(&code));
    fields.finish()?;
    if let (Some(start), Some(end)) = (&change.warranty_start, &change.warranty_end)
        && start >= end
    {
        return Err(Error::bad_request("Warranty start date must be earlier than the end date."));
    }
    to_the_end(apply(shop, id, caller, change, status)).await.map(Json)
}

async fn apply(shop: Shop, id: String, caller: Caller, change: OrderChange, status: Option<OrderStatus>) -> Result<Order, Error> {
    let mut tx = shop.store().write().await?;
    let standing = store::orders::standing(&mut tx, &id).await?;
    let acting = acting(&caller, &standing).ok_or_else(no_access)?;
    let beyond_owner = change.diagnosis.is_some()
        || change.estimated_cost.is_some()
        || change.warranty_start.is_some()
        || change.warranty_end.is_some();
    if acting == Acting::Owner && beyond_owner {
        return Err(Error::forbidden());
    }
    store::orders::change(&mut tx, &id, change).await?;
    if let Some(status) = status {
        transitions::check(standing.status, status, acting).map_err(|refusal| refused(standing.status, status, refusal))?;
        store::orders::set_status(&mut tx, &id, &standing, status, Some(&caller.id), now()).await?;
    }
    let order = store::orders::by_id(&mut tx, &id).await?;
    tx.commit().await?;
    shop.announce(Subject::RepairOrder, Change::Updated, &id);
    Ok(order)
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

fn refused(from: OrderStatus, to: OrderStatus, refusal: Refusal) -> Error {
    match refusal {
        Refusal::NotYours => Error::forbidden(),
        Refusal::NoArrow(allowed) => {
            let names: Vec<_> = allowed.into_iter().map(OrderStatus::code).collect();
            let allowed = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            Error::conflict(format!("An order that is {} cannot become {}. Allowed: {allowed}", from.code(), to.code()))
        }
    }
}

pub async fn delete(State(shop): State<Shop>, _: Admin, Id(id): Id) -> Result<(), Error> {
    to_the_end(async move {
        let mut tx = shop.store().write().await?;
        store::orders::delete(&mut tx, &id).await?;
        tx.commit().await?;
        shop.announce(Subject::RepairOrder, Change::Deleted, &id);
        Ok(())
    })
    .await
}
