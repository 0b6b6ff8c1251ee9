//! Repair orders: taken in, looked at, deleted.

use super::caller::{Admin, Caller, Id};
use super::document::{Named, Token, TokenOfRole, WithBody};
use super::fields::Fields;
use super::{Error, equipments, to_the_end};
use crate::Shop;
use crate::auth::Role;
use crate::store::orders::{NewDetail, NewOrder, NewPart, Order};
use crate::store::{self, now};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use shared::{Change, Money, Subject};
use utoipa::ToSchema;

/// The contract wraps a new order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    saved_order: Order,
}

/// Takes a device in for repair.
#[utoipa::path(
    post,
    path = "/repair-orders",
    tag = "repair-orders",
    request_body = NewOrder,
    responses((status = 201, description = "The new order", body = Created), Token, Named, WithBody),
    security(("bearer" = []))
)]
pub async fn add(
    State(shop): State<Shop>,
    caller: Caller,
    mut fields: Fields,
) -> Result<(StatusCode, Json<Created>), Error> {
    let new = NewOrder {
        equipment_id: fields.id("equipmentId"),
        problem_description: fields.text("problemDescription"),
        image_urls: fields.optional_texts("imageUrls"),
        diagnosis: fields.optional_text("diagnosis"),
        estimated_cost: fields.optional_money("estimatedCost"),
        details: fields.list("details", new_detail),
        parts: fields.list("parts", new_part),
    };
    fields.finish()?;
    let role = caller.role;
    let saved_order = to_the_end(take_in(shop, new, caller)).await?.seen_by(role);
    Ok((StatusCode::CREATED, Json(Created { saved_order })))
}

pub fn new_detail(item: &mut Fields) -> NewDetail {
    NewDetail {
        service_id: item.id("serviceId"),
        technician_id: item.id("technicianId"),
        unit_price: item.optional_money("unitPrice"),
        discount: item.optional_money("discount").unwrap_or(Money::ZERO),
        notes: item.optional_text("notes"),
    }
}

pub fn new_part(item: &mut Fields) -> NewPart {
    NewPart {
        part_id: item.id("partId"),
        quantity: item.integer("quantity", 1),
        img_url: item.optional_text("imgUrl"),
    }
}

/// One transaction: refused means that nothing changed.
pub(crate) async fn take_in(shop: Shop, new: NewOrder, by: Caller) -> Result<Order, Error> {
    let mut tx = shop.store().write().await?;
    let device = store::equipments::by_id(&mut **tx, &new.equipment_id).await?;
    let owner =
        device.and_then(|device| device.user).ok_or_else(|| equipments::missing(&new.equipment_id))?;
    // Another's device might as well not exist.
    if by.role == Role::User && owner.id != by.id {
        return Err(equipments::missing(&new.equipment_id));
    }
    let evaluator = store::users::evaluator(&mut tx).await?;
    let evaluator = evaluator.ok_or_else(|| Error::not_found("No evaluator technician found"))?;
    let id = store::orders::add(&mut tx, new, &evaluator, &by.id, now()).await?;
    let order = store::orders::by_id(&mut tx, &id).await?;
    tx.commit().await?;
    shop.announce(Subject::RepairOrder, Change::Created, &id);
    Ok(order)
}

/// An order: a client's own, a technician's, or any for an administrator.
#[utoipa::path(
    get,
    path = "/repair-orders/{id}",
    tag = "repair-orders",
    params(Id),
    responses((status = 200, description = "The order", body = Order), TokenOfRole, Named),
    security(("bearer" = []))
)]
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
    if mine { Ok(Json(order.seen_by(caller.role))) } else { Err(no_access()) }
}

pub fn no_access() -> Error {
    Error::new(StatusCode::FORBIDDEN, "You do not have access to this repair order.")
}

/// Deletes an order; its parts go back to the stock.
#[utoipa::path(
    delete,
    path = "/repair-orders/{id}",
    tag = "repair-orders",
    params(Id),
    responses((status = 200, description = "Deleted; the answer is empty"), TokenOfRole, Named),
    security(("bearer" = ["Admin"]))
)]
pub async fn delete(State(shop): State<Shop>, _: Admin, Id(id): Id) -> Result<(), Error> {
    to_the_end(async move {
        let mut tx = shop.store().write().await?;
        let standing = store::orders::standing(&mut tx, &id).await?;
        store::orders::delete(&mut tx, &standing, now()).await?;
        tx.commit().await?;
        shop.announce(Subject::RepairOrder, Change::Deleted, &id);
        Ok(())
    })
    .await
}
