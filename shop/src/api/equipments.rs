//! Devices: a client's own; an administrator takes in those of others.

use super::caller::{Caller, Id};
use super::document::{Both, MayConflict, Named, Token, TokenOfRole, WithBody};
use super::fields::Fields;
use super::whole::{Whole, whole};
use super::{Error, to_the_end, users};
use crate::auth::Role;
use crate::store::equipments::{Equipment, EquipmentChange, NewEquipment, STATUSES, TYPES};
use crate::store::orders::OrderBrief;
use crate::store::{Tx, now};
use crate::{Shop, store};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use shared::{Change, Subject};
use utoipa::ToSchema;

/// A device with its orders, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    #[serde(flatten)]
    pub equipment: Equipment,
    pub repair_orders: Vec<OrderBrief>,
}

/// Own devices with their orders; all of them for an administrator.
#[utoipa::path(
    get,
    path = "/equipments",
    tag = "equipments",
    responses((status = 200, description = "Newest first", body = Vec<Device>), Token),
    security(("bearer" = []))
)]
pub async fn list(State(shop): State<Shop>, caller: Caller) -> Result<Response, Error> {
    let owner = match caller.role {
        Role::Admin => None,
        Role::User | Role::Technician => Some(caller.id.clone()),
    };
    whole(shop, Whole::Devices(owner), caller).await
}

/// Whose it is, when it is not the caller's own. Only an administrator may say so.
#[derive(Default, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    #[schema(format = Uuid)]
    user_id: Option<String>,
}

type NewDevice = Both<NewEquipment, Owner>;

/// Devices that are read with one query.
const STEP: usize = 200;

/// These devices, by their `seq`, newest first.
pub async fn with_orders(tx: &mut Tx, seqs: &[i64]) -> sqlx::Result<Vec<Device>> {
    let mut devices = Vec::with_capacity(seqs.len());
    for seqs in seqs.chunks(STEP) {
        let mut orders = store::orders::of_equipments(tx, seqs).await?;
        let with_orders = |equipment: Equipment| {
            let repair_orders = orders.remove(&equipment.id).unwrap_or_default();
            Device { equipment, repair_orders }
        };
        devices.extend(store::equipments::of(tx, seqs).await?.into_iter().map(with_orders));
    }
    Ok(devices)
}

/// An own device; any for an administrator.
#[utoipa::path(
    get,
    path = "/equipments/{id}",
    tag = "equipments",
    params(Id),
    responses((status = 200, description = "The device", body = Equipment), Token, Named),
    security(("bearer" = []))
)]
pub async fn one(State(shop): State<Shop>, caller: Caller, Id(id): Id) -> Result<Json<Equipment>, Error> {
    let device = store::equipments::by_id(shop.store().pool(), &id).await?;
    only_own(device, &id, &caller).map(Json)
}

/// What is not one's own might as well not exist.
fn only_own(device: Option<Equipment>, id: &str, caller: &Caller) -> Result<Equipment, Error> {
    let owned = |device: &Equipment| device.user.as_ref().is_some_and(|user| user.id == caller.id);
    device.filter(|device| caller.role == Role::Admin || owned(device)).ok_or_else(|| missing(id))
}

/// Changes an own device; any for an administrator.
#[utoipa::path(
    patch,
    path = "/equipments/{id}",
    tag = "equipments",
    params(Id),
    request_body = EquipmentChange,
    responses((status = 200, description = "The device as it is now", body = Equipment), Token, Named, WithBody),
    security(("bearer" = []))
)]
pub async fn change(
    State(shop): State<Shop>,
    caller: Caller,
    Id(id): Id,
    mut fields: Fields,
) -> Result<Json<Equipment>, Error> {
    let change = EquipmentChange {
        name: fields.optional_filled_text("name"),
        kind: fields.optional_one_of("type", &TYPES),
        brand: fields.optional_filled_text("brand"),
        model: fields.optional_filled_text("model"),
        serial_number: fields.optional_text("serialNumber"),
        current_status: fields.optional_one_of("currentStatus", &STATUSES),
    };
    fields.finish()?;
    let changed = to_the_end(async move {
        let mut tx = shop.store().write().await?;
        only_own(store::equipments::by_id(&mut **tx, &id).await?, &id, &caller)?;
        store::equipments::change(&mut tx, &id, change).await?;
        let device = store::equipments::by_id(&mut **tx, &id).await?.ok_or_else(|| missing(&id))?;
        tx.commit().await?;
        shop.announce(Subject::Equipment, Change::Updated, &id);
        Ok(device)
    });
    changed.await.map(Json)
}

/// Deletes an own device that was never repaired here; any such for an administrator.
#[utoipa::path(
    delete,
    path = "/equipments/{id}",
    tag = "equipments",
    params(Id),
    responses((status = 200, description = "Deleted; the answer is empty"), Token, Named, MayConflict),
    security(("bearer" = []))
)]
pub async fn delete(State(shop): State<Shop>, caller: Caller, Id(id): Id) -> Result<(), Error> {
    to_the_end(async move {
        let mut tx = shop.store().write().await?;
        only_own(store::equipments::by_id(&mut **tx, &id).await?, &id, &caller)?;
        store::equipments::delete(&mut tx, &id).await?;
        tx.commit().await?;
        shop.announce(Subject::Equipment, Change::Deleted, &id);
        Ok(())
    })
    .await
}

/// Brings a device; an administrator may take in a client's.
#[utoipa::path(
    post,
    path = "/equipments",
    tag = "equipments",
    request_body = NewDevice,
    responses((status = 201, description = "The new device", body = Equipment), TokenOfRole, Named, WithBody),
    security(("bearer" = ["User"]), ("bearer" = ["Admin"]))
)]
pub async fn add(
    State(shop): State<Shop>,
    caller: Caller,
    mut fields: Fields,
) -> Result<(StatusCode, Json<Equipment>), Error> {
    if caller.role == Role::Technician {
        return Err(Error::forbidden());
    }
    let new = NewEquipment {
        name: fields.text("name"),
        kind: fields.one_of("type", &TYPES),
        brand: fields.text("brand"),
        model: fields.text("model"),
        serial_number: fields.optional_text("serialNumber"),
    };
    let owner = match caller.role {
        Role::Admin => Owner { user_id: fields.optional_id("userId") },
        Role::User | Role::Technician => Owner::default(),
    };
    fields.finish()?;
    let device = to_the_end(take_in(shop, caller.id, owner.user_id, new)).await?;
    Ok((StatusCode::CREATED, Json(device)))
}

/// The device of `by`, or of the client whom they name.
pub(crate) async fn take_in(
    shop: Shop,
    by: String,
    owner: Option<String>,
    new: NewEquipment,
) -> Result<Equipment, Error> {
    let owner = owner.unwrap_or_else(|| by.clone());
    let mut tx = shop.store().write().await?;
    let person = store::users::by_id(&mut **tx, &owner).await?.ok_or_else(|| users::missing(&owner))?;
    match person.role {
        Role::Technician | Role::Admin if owner != by => {
            return Err(Error::bad_request("userId must be that of a client"));
        }
        Role::User | Role::Technician | Role::Admin => {}
    }
    let device = store::equipments::add(&mut tx, &owner, new, now()).await?;
    tx.commit().await?;
    shop.announce(Subject::Equipment, Change::Created, &device.id);
    Ok(device)
}

pub fn missing(id: &str) -> Error {
    Error::not_found(format!("Equipment with id {id} not found"))
}
