//! Services and spare parts.

use super::caller::{Admin, Caller, Id, Staff};
use super::document::{MayConflict, Named, Public, Token, TokenOfRole, WithBody};
use super::fields::Fields;
use super::{Error, to_the_end};
use crate::store::catalog::{
    NewService, NewSparePart, SERVICE_TYPES, Service, ServiceChange, SparePart, SparePartChange,
};
use crate::store::now;
use crate::{Shop, store};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::{Change, Subject};

/// What the shop offers. A client looks at it before signing up.
#[utoipa::path(
    get,
    path = "/services",
    tag = "services",
    responses((status = 200, description = "Oldest first", body = Vec<Service>), Public),
    security(())
)]
pub async fn services(State(shop): State<Shop>) -> Result<Json<Vec<Service>>, Error> {
    Ok(Json(store::catalog::services(shop.store().pool()).await?))
}

/// Adds a service.
#[utoipa::path(
    post,
    path = "/services",
    tag = "services",
    request_body = NewService,
    responses((status = 201, description = "The new service", body = Service), TokenOfRole, WithBody, MayConflict),
    security(("bearer" = ["Admin"]))
)]
pub async fn add_service(
    State(shop): State<Shop>,
    _: Admin,
    mut fields: Fields,
) -> Result<(StatusCode, Json<Service>), Error> {
    let new = NewService {
        service_name: fields.text("serviceName"),
        description: fields.text("description"),
        base_price: fields.money("basePrice"),
        estimated_time_minutes: fields.optional_integer("estimatedTimeMinutes", 0),
        requires_parts: fields.flag("requiresParts", false),
        kind: fields.one_of("type", &SERVICE_TYPES),
        image_urls: fields.optional_texts("imageUrls"),
        active: fields.flag("active", true),
        notes: fields.optional_text("notes"),
    };
    fields.finish()?;
    let service = to_the_end(async move {
        let mut tx = shop.store().write().await?;
        let service = store::catalog::add_service(&mut tx, new).await?;
        tx.commit().await?;
        shop.announce(Subject::Service, Change::Created, &service.id);
        Ok(service)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(service)))
}

/// One service, for who signed in.
#[utoipa::path(
    get,
    path = "/services/{id}",
    tag = "services",
    params(Id),
    responses((status = 200, description = "The service", body = Service), Token, Named),
    security(("bearer" = []))
)]
pub async fn service(State(shop): State<Shop>, _: Caller, Id(id): Id) -> Result<Json<Service>, Error> {
    let service = store::catalog::service(shop.store().pool(), &id).await?;
    service.map(Json).ok_or_else(|| no_service(&id))
}

fn no_service(id: &str) -> Error {
    Error::not_found(format!("Service with id {id} not found"))
}

/// Changes a service; what was ordered keeps its price.
#[utoipa::path(
    patch,
    path = "/services/{id}",
    tag = "services",
    params(Id),
    request_body = ServiceChange,
    responses((status = 200, description = "The service as it is now", body = Service), TokenOfRole, Named, WithBody, MayConflict),
    security(("bearer" = ["Admin"]))
)]
pub async fn change_service(
    State(shop): State<Shop>,
    _: Admin,
    Id(id): Id,
    mut fields: Fields,
) -> Result<Json<Service>, Error> {
    let change = ServiceChange {
        service_name: fields.optional_filled_text("serviceName"),
        description: fields.optional_filled_text("description"),
        base_price: fields.optional_money("basePrice"),
        estimated_time_minutes: fields.optional_integer("estimatedTimeMinutes", 0),
        requires_parts: fields.optional_flag("requiresParts"),
        kind: fields.optional_one_of("type", &SERVICE_TYPES),
        image_urls: fields.optional_texts("imageUrls"),
        active: fields.optional_flag("active"),
        notes: fields.optional_text("notes"),
    };
    fields.finish()?;
    let changed = to_the_end(async move {
        let mut tx = shop.store().write().await?;
        let service = store::catalog::change_service(&mut tx, &id, change).await?;
        let service = service.ok_or_else(|| no_service(&id))?;
        tx.commit().await?;
        shop.announce(Subject::Service, Change::Updated, &id);
        Ok(service)
    });
    changed.await.map(Json)
}

/// Deletes a service that was never ordered.
#[utoipa::path(
    delete,
    path = "/services/{id}",
    tag = "services",
    params(Id),
    responses((status = 200, description = "Deleted; the answer is empty"), TokenOfRole, Named, MayConflict),
    security(("bearer" = ["Admin"]))
)]
pub async fn delete_service(State(shop): State<Shop>, _: Admin, Id(id): Id) -> Result<(), Error> {
    to_the_end(async move {
        let mut tx = shop.store().write().await?;
        store::catalog::service(&mut **tx, &id).await?.ok_or_else(|| no_service(&id))?;
        store::catalog::delete_service(&mut tx, &id).await?;
        tx.commit().await?;
        shop.announce(Subject::Service, Change::Deleted, &id);
        Ok(())
    })
    .await
}

/// The spare parts and their stock.
#[utoipa::path(
    get,
    path = "/spare-parts",
    tag = "spare-parts",
    responses((status = 200, description = "Oldest first", body = Vec<SparePart>), TokenOfRole),
    security(("bearer" = ["Technician"]), ("bearer" = ["Admin"]))
)]
pub async fn parts(State(shop): State<Shop>, _: Staff) -> Result<Json<Vec<SparePart>>, Error> {
    Ok(Json(store::catalog::parts(shop.store().pool()).await?))
}

/// Adds a spare part.
#[utoipa::path(
    post,
    path = "/spare-parts",
    tag = "spare-parts",
    request_body = NewSparePart,
    responses((status = 201, description = "The new spare part", body = SparePart), TokenOfRole, WithBody),
    security(("bearer" = ["Technician"]), ("bearer" = ["Admin"]))
)]
pub async fn add_part(
    State(shop): State<Shop>,
    _: Staff,
    mut fields: Fields,
) -> Result<(StatusCode, Json<SparePart>), Error> {
    let new = NewSparePart {
        name: fields.text("name"),
        description: fields.text("description"),
        stock: fields.integer("stock", 1),
        unit_price: fields.money("unitPrice"),
    };
    fields.finish()?;
    let part = to_the_end(async move {
        let mut tx = shop.store().write().await?;
        let part = store::catalog::add_part(&mut tx, new, now()).await?;
        tx.commit().await?;
        shop.announce(Subject::SparePart, Change::Created, &part.id);
        Ok(part)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(part)))
}

/// One spare part.
#[utoipa::path(
    get,
    path = "/spare-parts/{id}",
    tag = "spare-parts",
    params(Id),
    responses((status = 200, description = "The spare part", body = SparePart), TokenOfRole, Named),
    security(("bearer" = ["Technician"]), ("bearer" = ["Admin"]))
)]
pub async fn part(State(shop): State<Shop>, _: Staff, Id(id): Id) -> Result<Json<SparePart>, Error> {
    let part = store::catalog::part(shop.store().pool(), &id).await?;
    part.map(Json).ok_or_else(|| no_part(&id))
}

fn no_part(id: &str) -> Error {
    Error::not_found(format!("Spare part with id {id} not found"))
}

/// Changes a spare part; what orders already use keeps its price.
#[utoipa::path(
    patch,
    path = "/spare-parts/{id}",
    tag = "spare-parts",
    params(Id),
    request_body = SparePartChange,
    responses((status = 200, description = "The spare part as it is now", body = SparePart), TokenOfRole, Named, WithBody),
    security(("bearer" = ["Technician"]), ("bearer" = ["Admin"]))
)]
pub async fn change_part(
    State(shop): State<Shop>,
    _: Staff,
    Id(id): Id,
    mut fields: Fields,
) -> Result<Json<SparePart>, Error> {
    let change = SparePartChange {
        name: fields.optional_filled_text("name"),
        description: fields.optional_filled_text("description"),
        stock: fields.optional_integer("stock", 0),
        unit_price: fields.optional_money("unitPrice"),
    };
    fields.finish()?;
    let changed = to_the_end(async move {
        let mut tx = shop.store().write().await?;
        let part = store::catalog::change_part(&mut tx, &id, change, now()).await?;
        let part = part.ok_or_else(|| no_part(&id))?;
        tx.commit().await?;
        shop.announce(Subject::SparePart, Change::Updated, &id);
        Ok(part)
    });
    changed.await.map(Json)
}

/// Deletes a spare part that was never used.
#[utoipa::path(
    delete,
    path = "/spare-parts/{id}",
    tag = "spare-parts",
    params(Id),
    responses((status = 200, description = "Deleted; the answer is empty"), TokenOfRole, Named, MayConflict),
    security(("bearer" = ["Technician"]), ("bearer" = ["Admin"]))
)]
pub async fn delete_part(State(shop): State<Shop>, _: Staff, Id(id): Id) -> Result<(), Error> {
    to_the_end(async move {
        let mut tx = shop.store().write().await?;
        store::catalog::part(&mut **tx, &id).await?.ok_or_else(|| no_part(&id))?;
        store::catalog::delete_part(&mut tx, &id).await?;
        tx.commit().await?;
        shop.announce(Subject::SparePart, Change::Deleted, &id);
        Ok(())
    })
    .await
}
