//! The contract between backend, server and browser: one source of truth for both sides.
//!
//! Read in this order: `metric` names the 14 metrics, `stats` gives each its shape, `status` the states of
//! an order, `event` says which metrics an event touches, `message` is what travels over the socket, and
//! `dashboard` is what a client makes of it. No I/O, no clock: this crate compiles for host and wasm.

mod metric;
mod number;
mod stats;
mod status;
mod event;
mod message;
mod dashboard;
#[cfg(not(target_arch = "wasm32"))]
mod schema;

pub use dashboard::{DecodeError, FullDashboardData, Outcome, Slot};
pub use event::{Change, Event, Notification, Origin, Subject};
pub use message::{
    AUTH, DashboardMessage, HEARTBEAT, MetricState, MetricStatus, UPSTREAM_STATUS, Upstream, UpstreamStatus,
};
pub use metric::{Metric, MetricSet, PerMetric};
pub use number::Money;
pub use stats::*;
pub use status::{OrderStatus, StatusCode};

/// First path segments that belong to the API. Pages of the frontend never use one; nginx, Trunk.toml and
/// the server's fallback share this list.
pub const RESERVED_SEGMENTS: [&str; 19] = [
    "auth",
    "users",
    "equipments",
    "services",
    "spare-parts",
    "repair-orders",
    "repair-order-reviews",
    "notify",
    "ws",
    "health",
    "events",
    "metrics",
    "livez",
    "readyz",
    "openapi.json",
    "docs",
    "config.json",
    "screens",
    "sw.js",
];
