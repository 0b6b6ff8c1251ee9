//! Services and spare parts.

use super::caller::{Admin, Staff};
use super::document::{MayConflict, Public, TokenOfRole, WithBody};
use super::fields::Fields;
use super::{Error, to_the_end};
use crate::store::catalog::{NewService, NewSparePart, SERVICE_TYPES, Service, SparePart};
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
