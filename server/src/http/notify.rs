//! POST /notify: something happened in the shop. Answers before the work is done.

use super::App;
use super::auth::{bearer, same_secret};
use super::peer::Peer;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use shared::{Event, Origin};
use shop::Error;
use shop::document::{RawBody, Secret};

pub const BODY_BYTES: usize = 64 * 1024;

/// Something happened in the shop.
#[utoipa::path(
    post,
    path = "/notify",
    tag = "server",
    request_body(
        content = Object,
        description = "`type` names the event, `resourceId` what it happened to, `timestamp` when; all of them optional"
    ),
    responses(
        (status = 200, description = "Taken in; the work follows", body = String, content_type = "text/plain"),
        (status = 400, description = "No JSON object", body = String, content_type = "text/plain"),
        Secret,
        RawBody,
    ),
    security(("notify" = []))
)]
pub async fn notify(
    State(app): State<App>,
    peer: Peer,
    method: Method,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    if method != Method::POST {
        let mut response =
            Error::new(StatusCode::METHOD_NOT_ALLOWED, format!("Cannot {method} /notify")).into_response();
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    if !may_notify(&app, peer, &headers) {
        tracing::warn!(peer = %peer.address, "notification refused: a stranger");
        return Error::unauthorized().into_response();
    }
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            tracing::warn!(
                status = rejection.status().as_u16(),
                "notification refused: {}",
                rejection.body_text()
            );
            return match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Error::too_large().into_response(),
                status => Error::new(status, rejection.body_text()).into_response(),
            };
        }
    };
    let Ok(notification) = serde_json::from_slice::<Map<String, Value>>(&body) else {
        tracing::warn!(size_bytes = body.len(), "notification refused: not a JSON object");
        return (StatusCode::BAD_REQUEST, "JSON inválido").into_response();
    };
    let text = |name: &str| notification.get(name).and_then(Value::as_str);
    let event = Event::parse(text("type").unwrap_or(Event::FULL_UPDATE));
    let name = event.name();
    app.live.inbox.announce(
        event,
        text("resourceId").map(str::to_owned),
        text("timestamp").map(str::to_owned),
        Origin::Http,
    );
    format!("Notificación recibida: {name}").into_response()
}

fn may_notify(app: &App, peer: Peer, headers: &HeaderMap) -> bool {
    match &app.config.notify_token {
        Some(expected) => bearer(headers).is_some_and(|token| same_secret(token, expected.expose_secret())),
        None => peer.is_this_machine,
    }
}
