//! Every route of the shop on one page. The statistics are served by whoever keeps their newest state.

mod error;
mod repeat;
mod fields;
pub mod document;
mod caller;
mod auth;
mod cookie;
mod sign_in;
mod users;
mod equipments;
mod catalog;
mod whole;
mod orders;
mod order_query;
mod order_list;
mod order_changes;
mod order_work;
mod reviews;

pub use caller::Id;
pub use error::Error;
pub use fields::Fields;

pub(crate) use caller::Caller;
pub(crate) use document::{one_of, perhaps_one_of};
pub(crate) use equipments::take_in as take_in_device;
pub(crate) use fields::is_email;
pub(crate) use order_changes::{Item, Wish, apply};
pub(crate) use order_work::work_on;
pub(crate) use orders::take_in;
pub(crate) use sign_in::too_many;
pub(crate) use users::{Person, add as add_user};
pub(crate) use whole::Turns;

use crate::Shop;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use std::future::Future;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The contract's bodies are small: images travel as links.
const BODY_BYTES: usize = 256 * 1024;

pub fn router(shop: Shop) -> Router {
    let (router, _) = routes().split_for_parts();
    let router = router.layer(DefaultBodyLimit::max(BODY_BYTES));
    let repeating = from_fn_with_state(repeat::Turn::default(), repeat::repeat);
    let router = if shop.store().undoes() { router.layer(repeating) } else { router };
    router.with_state(shop)
}

/// What the routes say of themselves.
pub fn described() -> OpenApi {
    let mut document = routes().into_openapi();
    document::finish(&mut document);
    document
}

fn routes() -> OpenApiRouter<Shop> {
    OpenApiRouter::with_openapi(document::begin())
        .routes(routes!(auth::register))
        .routes(routes!(sign_in::login))
        .routes(routes!(sign_in::link))
        .routes(routes!(sign_in::refresh))
        .routes(routes!(sign_in::logout))
        .routes(routes!(auth::profile))
        .routes(routes!(users::clients, users::add_client))
        .routes(routes!(users::technicians, users::add_technician))
        .routes(routes!(users::change_own))
        .routes(routes!(users::change_own_skills))
        .routes(routes!(users::change_technician))
        .routes(routes!(users::one, users::change_client, users::delete))
        .routes(routes!(equipments::list, equipments::add))
        .routes(routes!(equipments::one, equipments::change, equipments::delete))
        .routes(routes!(catalog::services, catalog::add_service))
        .routes(routes!(catalog::service, catalog::change_service, catalog::delete_service))
        .routes(routes!(catalog::parts, catalog::add_part))
        .routes(routes!(catalog::part, catalog::change_part, catalog::delete_part))
        .routes(routes!(order_list::list, orders::add))
        .routes(routes!(order_list::evaluated))
        .routes(routes!(order_work::own))
        .routes(routes!(order_work::change_work))
        .routes(routes!(order_work::move_work))
        .routes(routes!(orders::one, order_changes::change, orders::delete))
        .routes(routes!(reviews::list, reviews::add))
        .routes(routes!(reviews::one, reviews::change, reviews::delete))
}

/// A write runs to its end in a task of its own, whatever the client does meanwhile.
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work).await.map_err(|error| Error::internal(error.into()))?
}
