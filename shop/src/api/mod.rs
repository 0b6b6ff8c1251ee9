//! Every route of the shop on one page. The statistics are served by whoever keeps their newest state.

mod error;
mod fields;
mod caller;
mod auth;
mod cookie;
mod sign_in;
mod users;
mod equipments;
mod catalog;
mod orders;
mod order_changes;

pub use error::Error;

pub(crate) use caller::Caller;
pub(crate) use equipments::take_in as take_in_device;
pub(crate) use fields::is_email;
pub(crate) use order_changes::{Item, Wish, apply, work_on};
pub(crate) use orders::take_in;
pub(crate) use users::{Person, add as add_user};

use crate::Shop;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, patch, post};
use std::future::Future;

/// The contract's bodies are small: images travel as links.
const BODY_BYTES: usize = 256 * 1024;

pub fn router(shop: Shop) -> Router {
    Router::new()
        .route("/auth/register", post(auth::register))
        .route("/auth/login", post(sign_in::login))
        .route("/auth/link", post(sign_in::link))
        .route("/auth/refresh", post(sign_in::refresh))
        .route("/auth/logout", post(sign_in::logout))
        .route("/auth/profile", get(auth::profile))
        .route("/users", get(users::clients).post(users::add_client))
        .route("/users/technician", get(users::technicians).post(users::add_technician))
        .route("/users/{id}", get(users::one))
        .route("/equipments", get(equipments::list).post(equipments::add))
        .route("/equipments/{id}", get(equipments::one))
        .route("/services", get(catalog::services).post(catalog::add_service))
        .route("/spare-parts", get(catalog::parts).post(catalog::add_part))
        .route("/repair-orders", get(orders::list).post(orders::add))
        .route("/repair-orders/evaluator", get(orders::evaluated))
        .route("/repair-orders/technician/detail/{id}", patch(order_changes::change_work))
        .route("/repair-orders/technician/detail/{id}/status", patch(order_changes::move_work))
        .route("/repair-orders/{id}", get(orders::one).patch(order_changes::change).delete(orders::delete))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(shop)
}

/// A write runs to its end in a task of its own, whatever the client does meanwhile.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work).await.map_err(|error| Error::internal(error.into()))?
}
