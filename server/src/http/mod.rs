//! Every route and layer on one page.
//!
//! What is not ours goes to the shop: the one in this process, or the upstream.

mod serve;
mod notify;
mod stats;
mod ws;
mod gate;
mod health;
mod auth;
mod origin;
mod pass;
mod docs;
mod assets;

use crate::config::Config;
use crate::live::Live;
use crate::source::{Flights, Source};
use auth::Viewing;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{any, get};
use axum::{Router, middleware};
pub use gate::Gate;
use origin::Origins;
pub use serve::serve;
use shared::Metric;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tower_http::timeout::TimeoutLayer;

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
    origins: Origins,
}

impl App {
    pub fn new(config: Config, address: SocketAddr, live: Live, source: Source, gate: Arc<Gate>) -> App {
        let viewing = Viewing::new(&config, &source);
        let origins = Origins { on_loopback: address.ip().is_loopback() };
        App(Arc::new(Parts { config, live, source, flights: Flights::default(), gate, viewing, origins }))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

pub fn router(app: App) -> Router {
    let mut router = docs::router(&app)
        .route("/notify", any(notify::notify).layer(DefaultBodyLimit::max(notify::BODY_BYTES)))
        .route("/health", get(health::health))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/config.json", get(health::config));
    for metric in Metric::ALL {
        router = router.route(
            metric.path(),
            get(move |app, viewer, headers, query| stats::stat(metric, app, viewer, headers, query)),
        );
    }
    // None of the layers for requests is for sockets, and each would cost every handshake.
    let ws = Router::new().route("/ws", get(ws::join)).method_not_allowed_fallback(pass::no_such_route);
    let router = match &app.source {
        Source::Shop(shop) => router.with_state(app.clone()).merge(shop.router()),
        Source::Upstream(_) => router.with_state(app.clone()),
    };
    router
        .fallback_service(any(pass::anything_else).with_state(app.clone()))
        .method_not_allowed_fallback(pass::no_such_route)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, ANSWER_WITHIN))
        .layer(origin::cors(app.origins))
        .layer(middleware::from_fn(auth::requester))
        .merge(ws.with_state(app))
        .layer(middleware::from_fn(pass::log))
}
