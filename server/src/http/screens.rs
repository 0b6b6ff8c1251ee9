//! Screens on a wall, in front of whatever shop: how they ask, and how an administrator lets them in and out.

use super::App;
use super::auth::bearer;
use super::peer::Peer;
use crate::clock;
use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Serialize;
use shop::{Code, Error, Fields, Id, Listed, Pairing, SCREEN_NAME_CHARS, Screen, Screens, Ticket};

const BODY_BYTES: usize = 4 * 1024;

pub fn router() -> Router<App> {
    Router::new()
        .route("/screens", get(list))
        .route("/screens/pair", post(pair))
        .route("/screens/token", post(token))
        .route("/screens/approve", post(approve))
        .route("/screens/{id}", delete(revoke))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
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

async fn pair(Wall(screens): Wall, peer: Peer) -> Result<Response, Error> {
    let pairing: Pairing = screens.pair(peer.client, clock::now()).await?;
    Ok((StatusCode::CREATED, secret(Json(pairing))).into_response())
}

#[derive(Serialize)]
struct Waiting {
    status: &'static str,
}

#[derive(Serialize)]
struct Granted {
    access_token: String,
    /// Seconds until it ends; ask again before.
    #[serde(rename = "expiresIn")]
    expires_in: i64,
}

async fn token(Wall(screens): Wall, mut fields: Fields) -> Result<Response, Error> {
    let held = fields.text("secret");
    fields.finish()?;
    Ok(match screens.token(&held, clock::now()).await? {
        Ticket::Waiting => {
            (StatusCode::ACCEPTED, secret(Json(Waiting { status: "waiting" }))).into_response()
        }
        Ticket::Granted { access_token, expires_in_secs } => {
            secret(Json(Granted { access_token, expires_in: expires_in_secs })).into_response()
        }
    })
}

async fn approve(
    Wall(screens): Wall,
    _: Administrator,
    peer: Peer,
    mut fields: Fields,
) -> Result<Json<Screen>, Error> {
    let code = fields.parsed("code", "must be six digits", Code::parse);
    let name = fields.text_up_to(SCREEN_NAME_CHARS, "name");
    fields.finish()?;
    Ok(Json(screens.approve(peer.client, code, name, clock::now()).await?))
}

async fn list(Wall(screens): Wall, _: Administrator) -> Result<Json<Vec<Listed>>, Error> {
    Ok(Json(screens.list().await?))
}

async fn revoke(Wall(screens): Wall, _: Administrator, Id(id): Id) -> Result<(), Error> {
    screens.revoke(id).await
}

/// No cache on the way may keep it.
fn secret(body: impl IntoResponse) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], body)
}
