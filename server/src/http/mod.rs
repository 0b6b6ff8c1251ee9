//! Every route and layer on one page.
//!
//! What is not ours goes to the shop: the one in this process, or the upstream.

mod serve;
mod lobby;
mod taking;
mod envelope;
mod peer;
mod origin;
mod policy;
mod notify;
mod stats;
mod ws;
mod gate;
mod health;
mod auth;
mod watcher;
mod screens;
mod pass;
mod docs;
mod assets;

use crate::config::Config;
use crate::live::Live;
use crate::source::{Flights, Source};
use auth::Viewing;
use axum::extract::DefaultBodyLimit;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Router, middleware};
pub use gate::Gate;
pub use lobby::Lobby;
use origin::Origins;
pub use serve::serve;
use shared::Metric;
use shop::{Error, Screens};
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

/// Bodies of the contract are small; images travel as links.
const BODY_BYTES: usize = 1024 * 1024;

/// Longer than anything that an honest request waits for, the upstream included.
const ANSWER_WITHIN: Duration = Duration::from_secs(35);

/// What handlers share. A cheap handle: every request has its own.
#[derive(Clone)]
pub struct App(Arc<Parts>);

pub struct Parts {
    config: Config,
    live: Live,
    source: Source,
    flights: Flights,
    gate: Arc<Gate>,
    viewing: Viewing,
    /// `None`: they have nowhere to be kept.
    screens: Option<Screens>,
    origins: Origins,
}

impl App {
    pub fn new(
        config: Config,
        address: SocketAddr,
        live: Live,
        source: Source,
        screens: Option<Screens>,
        gate: Arc<Gate>,
    ) -> anyhow::Result<App> {
        let viewing = Viewing::new(&config, &source)?;
        let listed = config.allowed_origins.0.clone();
        let origins = Origins { on_loopback: address.ip().is_loopback(), listed };
        let flights = Flights::default();
        Ok(App(Arc::new(Parts { config, live, source, flights, gate, viewing, screens, origins })))
    }

    /// What goes on beside requests. Comes to no end worth waiting for.
    pub async fn keep_keys_fresh(self) {
        self.viewing.keep_keys_fresh().await;
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Only what is added here, and the statistics, is in the OpenAPI document.
fn requests() -> OpenApiRouter<App> {
    // Of the contract's routes this one alone answers 405, so it takes every method.
    let notify = routes!(notify::notify)
        .map(|post| post.fallback(notify::notify).layer(DefaultBodyLimit::max(notify::BODY_BYTES)));
    OpenApiRouter::default()
        .routes(notify)
        .routes(routes!(health::health))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::config))
}

/// None of the layers for requests is for sockets, and each would cost every handshake.
fn sockets() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(ws::join))
}

pub fn router(app: App) -> Router {
    let (mut router, ours) = requests().split_for_parts();
    let (ws, sockets) = sockets().split_for_parts();
    router = router.merge(docs::router(&docs::describe([ours, sockets], &app))).merge(screens::router());
    for metric in Metric::ALL {
        router = router.route(
            metric.path(),
            get(move |app, watcher, headers, query| stats::stat(metric, app, watcher, headers, query)),
        );
    }
    let router = match &app.source {
        Source::Shop(shop) => router.with_state(app.clone()).merge(shop.router()),
        Source::Upstream(_) => router.with_state(app.clone()),
    };
    router
        .fallback_service(any(pass::anything_else).with_state(app.clone()))
        .method_not_allowed_fallback(pass::no_such_route)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(middleware::from_fn(bounded))
        .layer(middleware::from_fn_with_state(app.clone(), origin::refuse_foreign_writes))
        .layer(origin::cors(app.clone()))
        .layer(middleware::from_fn(peer::requester))
        .merge(ws.method_not_allowed_fallback(pass::no_such_route).with_state(app.clone()))
        .layer(middleware::from_fn_with_state(app, envelope::wrap))
}

/// A body that announces itself as too long is not waited for, nor is one that does not come.
async fn bounded(request: Request, next: Next) -> Response {
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|bytes: u64| bytes > BODY_BYTES as u64) {
        return Error::too_large().into_response();
    }
    timeout(ANSWER_WITHIN, next.run(request)).await.unwrap_or_else(|_| envelope::too_slow())
}
