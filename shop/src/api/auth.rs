//! Signing in, signing up, and who one is.

use super::caller::Caller;
use super::document::{MayBeWrong, Public, Throttled, Token, WithBody};
use super::fields::Fields;
use super::users::{self, Client, Person};
use super::{Error, equipments, to_the_end};
use crate::auth::SIGNED_IN;
use crate::store;
use crate::store::users::User;
use crate::{Role, Shop};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    #[schema(format = Email)]
    email: String,
    #[schema(min_length = 6)]
    password: String,
}

#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    access_token: String,
}

/// Signs in.
#[utoipa::path(
    post,
    path = "/auth/login",
    tag = "auth",
    request_body = Credentials,
    responses((status = 200, description = "A token for the `Authorization` header", body = SignedIn), MayBeWrong, WithBody, Throttled),
    security(())
)]
pub async fn login(State(shop): State<Shop>, mut fields: Fields) -> Result<Json<SignedIn>, Error> {
    let Credentials { email, password } =
        Credentials { email: fields.email("email"), password: fields.password("password") };
    fields.finish()?;
    let person = store::users::credentials(shop.store().pool(), &email).await?;
    let hash = person.as_ref().map(|(_, _, hash)| hash.clone());
    let matches = shop.0.passwords.matches(password, hash).await?;
    // One answer, and the same work, whether the mail address or the password is wrong.
    let Some((id, role, _)) = person.filter(|_| matches) else {
        return Err(Error::unauthorized_because("Invalid credentials"));
    };
    Ok(Json(SignedIn { access_token: shop.tokens().issue(&id, &email, role, SIGNED_IN) }))
}

/// Signs up as a client.
#[utoipa::path(
    post,
    path = "/auth/register",
    tag = "auth",
    request_body = Person,
    responses((status = 201, description = "The new client", body = User), Public, WithBody, Throttled),
    security(())
)]
pub async fn register(
    State(shop): State<Shop>,
    mut fields: Fields,
) -> Result<(StatusCode, Json<User>), Error> {
    let person = Person::read(&mut fields);
    fields.finish()?;
    let user = to_the_end(users::add(shop, person, Role::User, None)).await?;
    Ok((StatusCode::CREATED, Json(user)))
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
    let mut equipments = equipments::with_orders(&mut tx, Some(&caller.id)).await?;
    equipments.iter_mut().for_each(|device| device.equipment.user = None);
    Ok(Json(Client { user, equipments }))
}
