//! Signing up, and who one is.

use super::caller::Caller;
use super::document::{MayBeClosed, Public, Throttled, Token, WithBody};
use super::fields::Fields;
use super::sign_in::too_many;
use super::users::{self, Client, Person};
use super::{Error, equipments, to_the_end};
use crate::store;
use crate::store::users::User;
use crate::{Registration, Requester, Role, Shop};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

/// Signs up as a client.
#[utoipa::path(
    post,
    path = "/auth/register",
    tag = "auth",
    request_body = Person,
    responses((status = 201, description = "The new client", body = User), Public, MayBeClosed, WithBody, Throttled),
    security(())
)]
pub async fn register(
    State(shop): State<Shop>,
    requester: Requester,
    mut fields: Fields,
) -> Result<(StatusCode, Json<User>), Error> {
    match shop.registration() {
        Registration::Open => {}
        Registration::Closed => return Err(closed()),
    }
    let person = Person::read(&mut fields);
    fields.finish()?;
    shop.0.tries.register(requester.address, shop.now()).map_err(too_many)?;
    let user = to_the_end(users::add(shop, person, Role::User, None)).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

fn closed() -> Error {
    Error::new(StatusCode::FORBIDDEN, "Registration is closed: an administrator of the shop can add you")
}

/// Who one is, with own devices and their orders.
#[utoipa::path(
    get,
    path = "/auth/profile",
    tag = "auth",
    responses((status = 200, description = "The caller", body = Client), Token),
    security(("bearer" = []))
)]
pub async fn profile(State(shop): State<Shop>, caller: Caller) -> Result<Json<Client>, Error> {
    let mut tx = shop.store().read().await?;
    let user = store::users::by_id(&mut *tx, &caller.id).await?.ok_or_else(Error::unauthorized)?;
    let numbers = store::equipments::numbers(&mut tx, Some(&caller.id)).await?;
    let mut equipments = equipments::with_orders(&mut tx, &numbers).await?;
    equipments.iter_mut().for_each(|device| device.equipment.user = None);
    Ok(Json(Client { user, equipments }))
}
