//! Who calls is a parameter: `Caller` requires a valid token, `Admin` and `Staff` a role.

use super::Error;
use crate::{Requester, Role, Shop};
use axum::extract::{FromRequestParts, Path};
use axum::http::header;
use axum::http::request::Parts;
use std::convert::Infallible;
use std::net::IpAddr;
use utoipa::IntoParams;

/// Someone who signed in.
#[derive(Clone, Debug)]
pub struct Caller {
    pub id: String,
    pub role: Role,
}

pub struct Admin;

/// A technician, or an administrator, who passes every check.
pub struct Staff;

impl FromRequestParts<Shop> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Caller, Error> {
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let claims = token
            .and_then(|(_, token)| shop.tokens().verify(token.trim()).ok())
            .ok_or_else(Error::unauthorized)?;
        Ok(Caller { id: claims.sub, role: claims.role })
    }
}

impl FromRequestParts<Shop> for Admin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Admin, Error> {
        match Caller::from_request_parts(parts, shop).await?.role {
            Role::Admin => Ok(Admin),
            Role::Technician | Role::User => Err(Error::forbidden()),
        }
    }
}

impl FromRequestParts<Shop> for Staff {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Staff, Error> {
        match Caller::from_request_parts(parts, shop).await?.role {
            Role::Admin | Role::Technician => Ok(Staff),
            Role::User => Err(Error::forbidden()),
        }
    }
}

/// Without a server in front, as in tests, nothing is known of where a request comes from.
impl<S: Sync> FromRequestParts<S> for Requester {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Requester, Infallible> {
        let nowhere = Requester { address: IpAddr::from([0, 0, 0, 0]), secure: false, this_machine: false };
        Ok(parts.extensions.get().copied().unwrap_or(nowhere))
    }
}

/// The `{id}` of a path.
#[derive(IntoParams)]
#[into_params(names("id"), parameter_in = Path)]
pub struct Id(#[param(format = Uuid)] pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Id, Error> {
        let malformed = || Error::bad_request("Validation failed (uuid is expected)");
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| malformed())?;
        match uuid::Uuid::try_parse(&text) {
            Ok(id) => Ok(Id(id.to_string())),
            Err(_) => Err(malformed()),
        }
    }
}
