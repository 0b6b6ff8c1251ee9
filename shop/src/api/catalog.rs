//! Services and spare parts.

use super::caller::{Admin, Staff};
use super::fields::Fields;
use super::{Error, to_the_end};
use crate::store::catalog::{SERVICE_TYPES, Service, SparePart};
use crate::store::now;
use crate::{Shop, store};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::{Change, Subject};

/// Public: a client looks at what the shop offers before signing up.
pub async fn services(State(shop): State<Shop>) -> Result<Json<Vec<Service>>, Error> {
    Ok(Json(store::catalog::services(shop.store().pool()).await?))
}

pub async fn add_service(
    State(shop): State<Shop>,
    _: Admin,
    mut fields: Fields,
) -> Result<(StatusCode, Json<Service>), Error> {
    let service = Service {
        id: String::new(),
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
        let service = store::catalog::add_service(&mut tx, service).await?;
        tx.commit().await?;
        shop.announce(Subject::Service, Change::Created, &service.id);
        Ok(service)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(service)))
}

pub async fn parts(State(shop): State<Shop>, _: Staff) -> Result<Json<Vec<SparePart>>, Error> {
    Ok(Json(store::catalog::parts(shop.store().pool()).await?))
}

pub async fn add_part(
    State(shop): State<Shop>,
    _: Staff,
    mut fields: Fields,
) -> Result<(StatusCode, Json<SparePart>), Error> {
    let (name, description) = (fields.text("name"), fields.text("description"));
    let (stock, unit_price) = (fields.integer("stock", 1), fields.money("unitPrice"));
    fields.finish()?;
    let part = to_the_end(async move {
        let mut tx = shop.store().write().await?;
        let part = store::catalog::add_part(&mut tx, name, description, stock, unit_price, now()).await?;
        tx.commit().await?;
        shop.announce(Subject::SparePart, Change::Created, &part.id);
        Ok(part)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(part)))
}
