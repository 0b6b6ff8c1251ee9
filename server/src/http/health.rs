//! What anyone may ask: whether the server lives, and what the page needs before it signs in.

use super::App;
use crate::clock;
use crate::source::Source;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::Event;
use shop::document::Public;
use shop::{Error, Registration};
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Health {
    status: &'static str,
    #[schema(format = DateTime)]
    timestamp: String,
    clients: usize,
    /// How many kinds of events it knows, as in the original.
    events: usize,
}

/// Whether it lives, and how many are connected.
#[utoipa::path(
    get,
    path = "/health",
    tag = "server",
    responses((status = 200, description = "It lives", body = Health)),
    security(())
)]
pub async fn health(State(app): State<App>) -> Json<Health> {
    let timestamp = clock::iso(clock::now());
    Json(Health { status: "ok", timestamp, clients: app.live.hub.clients(), events: Event::COUNT })
}

/// For a supervisor: this process answers.
#[utoipa::path(
    get,
    path = "/livez",
    tag = "server",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain")),
    security(())
)]
pub async fn live() -> &'static str {
    "alive"
}

/// For a load balancer: whether new clients should be sent here.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "server",
    responses((status = 200, description = "They should", body = String, content_type = "text/plain"), Public),
    security(())
)]
pub async fn ready(State(app): State<App>) -> Result<&'static str, Error> {
    if app.live.hub.is_draining() {
        return Err(Error::unavailable("The server is going down"));
    }
    if !app.live.latest.snapshot().is_filled() {
        return Err(Error::unavailable("The metrics are being read for the first time"));
    }
    Ok("ready")
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageConfig {
    mode: &'static str,
    auth: &'static str,
    locale: String,
    currency: String,
    time_zone: String,
    version: &'static str,
    features: Vec<&'static str>,
}

/// What the page needs before anyone signs in.
#[utoipa::path(
    get,
    path = "/config.json",
    tag = "server",
    responses((status = 200, description = "The server's settings for pages", body = PageConfig)),
    security(())
)]
pub async fn config(State(app): State<App>) -> Json<PageConfig> {
    let (mode, mut features) = match &app.source {
        Source::Shop(shop) => ("embedded", embedded_features(shop.registration())),
        Source::Upstream(_) => ("upstream", vec!["create"]),
    };
    features.extend(app.screens.as_ref().map(|_| "screens"));
    Json(PageConfig {
        mode,
        auth: if app.viewing.is_open() { "open" } else { "required" },
        locale: app.config.locale.clone(),
        currency: app.config.currency.clone(),
        time_zone: app.config.time_zone.clone(),
        version: env!("CARGO_PKG_VERSION"),
        features,
    })
}

fn embedded_features(registration: Registration) -> Vec<&'static str> {
    let mut features = vec!["equipmentFor", "create", "paging", "refresh"];
    match registration {
        Registration::Open => features.push("register"),
        Registration::Closed => {}
    }
    features
}
