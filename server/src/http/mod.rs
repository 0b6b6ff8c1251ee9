//! Every route and layer on one page.
//!
//! What is not ours goes to the shop: the one in this process, or the upstream.

mod notify;
mod stats;
mod ws;
mod health;
mod auth;
mod origin;
mod pass;
mod assets;

use crate::config::Config;
use crate::live::Live;
use crate::source::Source;
use auth::Viewing;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{any, get};
use axum::{Router, middleware};
use origin::Origins;
use shared::Metric;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tower_http::timeout::TimeoutLayer;

/// Bodies of the contract are small; images travel as links.
const BODY_BYTES: usize = 1024 * 1024;

/// Longer than anything that an honest request waits for, the upstream included.
const ANSWER_WITHIN: Duration = Duration::from_secs(35);

/// What handlers share. A cheap handle.
#[derive(Clone)]
pub struct App {
    config: Arc<Config>,
    live: Live,
    source: Source,
    viewing: Arc<Viewing>,
    origins: Arc<Origins>,
}

impl App {
    pub fn new(config: Config, address: SocketAddr, live: Live, source: Source) -> App {
        let viewing = Arc::new(Viewing::new(&config, &source));
        let origins = Arc::new(Origins { on_loopback: address.ip().is_loopback() });
        App { config: Arc::new(config), live, source, viewing, origins }
    }
}

pub fn router(app: App) -> Router {
    let mut router = Router::new()
        .route("/notify", any(notify::notify).layer(DefaultBodyLimit::max(notify::BODY_BYTES)))
        .route("/ws", get(ws::join))
        .route("/health", get(health::health))
        .route("/config.json", get(health::config));
    for metric in Metric::ALL {
        router = router.route(
            metric.path(),
            get(move |app, viewer, headers, query| stats::stat(metric, app, viewer, headers, query)),
        );
    }
    let cors = origin::cors(app.origins.clone());
    let router = match &app.source {
        Source::Shop(shop) => router.with_state(app.clone()).merge(shop.router()),
        Source::Upstream(_) => router.with_state(app.clone()),
    };
    router
        .fallback_service(any(pass::anything_else).with_state(app.clone()))
        .method_not_allowed_fallback(pass::no_such_route)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, ANSWER_WITHIN))
        .layer(cors)
        .layer(middleware::from_fn(pass::log))
}
