//! Signing in, signing up, and who one is.

use super::caller::Caller;
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

#[derive(Serialize)]
pub struct SignedIn {
    access_token: String,
}

pub async fn login(State(shop): State<Shop>, mut fields: Fields) -> Result<Json<SignedIn>, Error> {
    let (email, password) = (fields.email("email"), fields.password("password"));
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

pub async fn register(
    State(shop): State<Shop>,
    mut fields: Fields,
) -> Result<(StatusCode, Json<User>), Error> {
    let person = Person::read(&mut fields);
    fields.finish()?;
    let user = to_the_end(users::add(shop, person, Role::User, None)).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

pub async fn profile(State(shop): State<Shop>, caller: Caller) -> Result<Json<Client>, Error> {
    let mut tx = shop.store().read().await?;
    let user = store::users::by_id(&mut *tx, &caller.id).await?.ok_or_else(Error::unauthorized)?;
    let mut equipments = equipments::with_orders(&mut tx, Some(&caller.id)).await?;
    equipments.iter_mut().for_each(|device| device.equipment.user = None);
    Ok(Json(Client { user, equipments }))
}
