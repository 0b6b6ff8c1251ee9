//! Screens on a wall, in front of whatever shop: how they ask, and how an administrator lets them in and out.

use super::App;
use super::auth::bearer;
use super::peer::Peer;
use crate::clock;
use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde::Serialize;
use shop::document::{MayConflict, Named, Problem, Public, Throttled, TokenOfRole, WithBody};
use shop::{Code, Error, Fields, Id, Listed, Pairing, SCREEN_NAME_CHARS, Screen, Screens, Ticket};
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const BODY_BYTES: usize = 4 * 1024;

pub fn router() -> Router<App> {
    let (router, _) = routes().split_for_parts();
    router.layer(DefaultBodyLimit::max(BODY_BYTES))
}

/// What the routes say of themselves.
pub fn described() -> OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(pair))
        .routes(routes!(token))
        .routes(routes!(approve))
        .routes(routes!(revoke))
}

/// Somebody who may let screens in: an Admin, or whoever sits at this machine where tokens cannot be verified. That a
/// screen sits there, too, does not make it one.
struct Administrator;

impl FromRequestParts<App> for Administrator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Administrator, Error> {
        let Ok(peer) = Peer::from_request_parts(parts, app).await;
        let token = bearer(&parts.headers);
        if token.is_some_and(|token| app.screen(token).is_some()) {
            return Err(Error::forbidden());
        }
        app.viewing.admit(token, peer).await?;
        Ok(Administrator)
    }
}

/// The screens, where there are any to be had: in front of a backend their file may not open.
struct Wall(Screens);

impl FromRequestParts<App> for Wall {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Wall, Error> {
        let path = || format!("Cannot {} {}", parts.method, parts.uri.path());
        app.screens.clone().map(Wall).ok_or_else(|| Error::not_found(path()))
    }
}

/// A new screen asks for a code to show.
#[utoipa::path(
    post,
    path = "/screens/pair",
    tag = "screens",
    responses((status = 201, description = "The code to show, and the secret to keep", body = Pairing), Public, Throttled),
    security(())
)]
async fn pair(Wall(screens): Wall, peer: Peer) -> Result<Response, Error> {
    let pairing: Pairing = screens.pair(peer.client, clock::now()).await?;
    Ok((StatusCode::CREATED, not_kept(Json(pairing))).into_response())
}

#[derive(ToSchema)]
struct Secret {
    secret: String,
}

impl Secret {
    fn read(fields: &mut Fields) -> Secret {
        Secret { secret: fields.text("secret") }
    }
}

#[derive(Serialize, ToSchema)]
struct Waiting {
    /// `waiting`
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Granted {
    access_token: String,
    /// Seconds until it ends; ask again before.
    #[serde(rename = "expiresIn")]
    expires_in: i64,
}

/// What a screen's secret is good for: a token, once its code was entered. Also renews, for as long as it is not revoked.
#[utoipa::path(
    post,
    path = "/screens/token",
    tag = "screens",
    request_body = Secret,
    responses(
        (status = 200, description = "It may look", body = Granted),
        (status = 202, description = "Nobody has entered its code yet", body = Waiting),
        (status = 401, description = "Revoked, or unknown", body = Problem),
        (status = 410, description = "Its code ran out before anybody entered it", body = Problem),
        Public,
        WithBody,
    ),
    security(())
)]
async fn token(Wall(screens): Wall, mut fields: Fields) -> Result<Response, Error> {
    let held = Secret::read(&mut fields);
    fields.finish()?;
    Ok(match screens.token(&held.secret, clock::now()).await? {
        Ticket::Waiting => {
            (StatusCode::ACCEPTED, not_kept(Json(Waiting { status: "waiting" }))).into_response()
        }
        Ticket::Granted { access_token, expires_in_secs } => {
            not_kept(Json(Granted { access_token, expires_in: expires_in_secs })).into_response()
        }
    })
}

#[derive(ToSchema)]
struct Approval {
    /// Six digits, as the screen shows them.
    #[schema(value_type = String, example = "012345")]
    code: Code,
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

impl Approval {
    fn read(fields: &mut Fields) -> Approval {
        Approval {
            code: fields.parsed("code", "must be six digits", Code::parse),
            name: fields.text_up_to(SCREEN_NAME_CHARS, "name"),
        }
    }
}

/// Lets the screen in that shows this code.
#[utoipa::path(
    post,
    path = "/screens/approve",
    tag = "screens",
    request_body = Approval,
    responses(
        (status = 200, description = "The screen", body = Screen),
        TokenOfRole,
        WithBody,
        Named,
        MayConflict,
        Throttled,
    ),
    security(("bearer" = ["Admin"]))
)]
async fn approve(
    Wall(screens): Wall,
    _: Administrator,
    peer: Peer,
    mut fields: Fields,
) -> Result<Json<Screen>, Error> {
    let Approval { code, name } = Approval::read(&mut fields);
    fields.finish()?;
    Ok(Json(screens.approve(peer.client, code, name, clock::now()).await?))
}

/// The approved screens.
#[utoipa::path(
    get,
    path = "/screens",
    tag = "screens",
    responses((status = 200, description = "Oldest first", body = Vec<Listed>), TokenOfRole),
    security(("bearer" = ["Admin"]))
)]
async fn list(Wall(screens): Wall, _: Administrator) -> Result<Json<Vec<Listed>>, Error> {
    Ok(Json(screens.list().await?))
}

/// Takes a screen's access away: its sockets end, and its token is worth nothing.
#[utoipa::path(
    delete,
    path = "/screens/{id}",
    tag = "screens",
    params(Id),
    responses((status = 200, description = "Revoked"), TokenOfRole, Named),
    security(("bearer" = ["Admin"]))
)]
async fn revoke(Wall(screens): Wall, _: Administrator, Id(id): Id) -> Result<(), Error> {
    screens.revoke(id).await
}

/// By no cache on the way.
fn not_kept(body: impl IntoResponse) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], body)
}
