//! GET /ws: from an HTTP request to a plain TCP stream in the hub.
//!
//! Everything that can be refused is refused before the upgrade, as HTTP with a body.

use super::App;
use super::auth::bearer;
use super::peer::Peer;
use super::stats::FILL_WITHIN;
use super::taking::Taking;
use crate::live::{Dialect, Newcomer};
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use sha1::{Digest, Sha1};
use shop::Error;
use shop::document::{Problem, TokenOfRole, WithParameters};
use tokio::net::TcpStream;
use tokio::time::timeout;
use utoipa::IntoParams;

/// The subprotocol that our own clients offer, with their token beside it.
const PROTOCOL: &str = "pulso.v1";
const TOKEN_PREFIX: &str = "bearer.";

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Position {
    /// Whoever gives it speaks this protocol; a bare `/ws` is a client of the original.
    version: Option<String>,
    /// The history that `version` counts in.
    epoch: Option<String>,
    /// For clients that cannot send it as a subprotocol, `bearer.<token>`.
    token: Option<String>,
}

/// The metrics as they change, over a WebSocket.
#[utoipa::path(
    get,
    path = "/ws",
    tag = "stats",
    params(Position),
    responses(
        (status = 101, description = "Frames follow"),
        (status = 426, description = "Only for WebSockets", body = Problem),
        TokenOfRole,
        WithParameters,
    ),
    security(("bearer" = ["Admin"]), ("bearer" = ["Screen"]))
)]
pub async fn join(
    State(app): State<App>,
    peer: Peer,
    position: Result<Query<Position>, QueryRejection>,
    mut request: Request,
) -> Result<Response, Error> {
    let Query(position) = position
        .map_err(|_| Error::bad_request("version, epoch and token may each stand in the query once"))?;
    let headers = request.headers();
    let accept = handshake(headers)?;
    let offered = Offered::read(headers);
    let token = offered.token.as_deref().or(position.token.as_deref()).or_else(|| bearer(headers));
    let watcher = app.admit(token, peer).await.inspect_err(|error| {
        tracing::warn!(peer = %peer.address, status = error.status().as_u16(), "client refused: its token");
    })?;
    app.origins.check(headers).map_err(|reason| {
        tracing::warn!(peer = %peer.address, "client refused: {reason}");
        Error::forbidden()
    })?;
    if app.live.hub.is_draining() {
        return Err(Error::unavailable("The server is going down"));
    }
    let (dialect, version) = match &position.version {
        None => (Dialect::Original, 0),
        Some(text) => (
            Dialect::Versioned,
            text.parse().map_err(|_| Error::invalid(vec!["version must be a whole number".into()]))?,
        ),
    };

    let mut place = app.gate.enter(peer.client).inspect_err(|full| {
        tracing::debug!(client = %peer.client, "client refused: {full:?}");
    })?;

    let upgrade = hyper::upgrade::on(&mut request);
    let Position { epoch, .. } = position;
    tokio::spawn(async move {
        let Some((stream, early)) = tcp_stream(upgrade).await else { return };
        let live = &app.live;
        if !live.latest.snapshot().is_filled() {
            // On a cold server a client waits for the first fill; then its first frame carries what there is, and an
            // original client is not told of the fill as if something had happened.
            let _ = timeout(FILL_WITHIN, live.latest.filled()).await;
        }
        // A version of another history says nothing about this one.
        let same_history = epoch.as_deref() == Some(live.latest.snapshot().epoch());
        drop(epoch);
        let seen = if same_history { version } else { 0 };
        let (deadline, revoked) = (watcher.deadline(), watcher.revoked());
        let newcomer = Newcomer { stream, early, dialect, seen, deadline, revoked };
        let _present = watcher.present();
        let renew = |text: &[u8]| watcher.renew(&app, text);
        live.hub.serve(newcomer, &renew, || place.served()).await;
    });
    Ok(switching(&accept, offered.ours))
}

/// The plain connection, and what the client sent right behind its request. `None`: it is gone already.
async fn tcp_stream(upgrade: OnUpgrade) -> Option<(TcpStream, Bytes)> {
    let Ok(parts) = upgrade.await.ok()?.downcast::<TokioIo<Taking>>() else {
        tracing::error!("the connection is of another type than it was served as");
        return None;
    };
    // A copy: the buffer that it lies in is large, and most often it is empty.
    Some((parts.io.into_inner().into_inner(), Bytes::copy_from_slice(&parts.read_buf)))
}

/// The answer to the client's key, or why there is no handshake (RFC 6455, 4.2).
fn handshake(headers: &HeaderMap) -> Result<String, Error> {
    let has = |name: header::HeaderName, expected: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case(expected))
    };
    if !has(header::CONNECTION, "upgrade") || !has(header::UPGRADE, "websocket") {
        let error = Error::new(StatusCode::UPGRADE_REQUIRED, "This is a WebSocket endpoint");
        return Err(error.with_header(header::UPGRADE, HeaderValue::from_static("websocket")));
    }
    if !has(header::SEC_WEBSOCKET_VERSION, "13") {
        let error = Error::new(StatusCode::UPGRADE_REQUIRED, "Sec-WebSocket-Version must be 13");
        return Err(error.with_header(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    if !STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16) {
        return Err(Error::bad_request("Sec-WebSocket-Key must be 16 bytes in base64"));
    }
    let mut digest = Sha1::new();
    digest.update(key);
    digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    Ok(STANDARD.encode(digest.finalize()))
}

/// What the client offers as subprotocols: ours, and a token in the disguise of one.
struct Offered {
    ours: bool,
    token: Option<String>,
}

impl Offered {
    fn read(headers: &HeaderMap) -> Offered {
        let mut offered = Offered { ours: false, token: None };
        let values =
            headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
        for protocol in values.flat_map(|value| value.split(',')).map(str::trim) {
            offered.ours |= protocol == PROTOCOL;
            if let Some(token) = protocol.strip_prefix(TOKEN_PREFIX) {
                offered.token = Some(token.to_owned());
            }
        }
        offered
    }
}

fn switching(accept: &str, ours: bool) -> Response {
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let accept = HeaderValue::from_str(accept).expect("base64 fits into a header");
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    if ours {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(changes: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(header::SEC_WEBSOCKET_KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        for (name, value) in changes {
            headers.insert(name.clone(), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_handshake_is_that_of_the_standard() {
        assert_eq!(handshake(&headers(&[])).expect("a handshake"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let refused = |name: header::HeaderName, value: &'static str, status: u16| {
            let error = handshake(&headers(&[(name, value)])).expect_err(value);
            assert_eq!(error.status().as_u16(), status, "{value}");
        };
        refused(header::CONNECTION, "keep-alive", 426);
        refused(header::UPGRADE, "h2c", 426);
        refused(header::SEC_WEBSOCKET_VERSION, "8", 426);
        refused(header::SEC_WEBSOCKET_KEY, "c2hvcnQ=", 400);
        refused(header::SEC_WEBSOCKET_KEY, "not base64", 400);
    }

    #[test]
    fn a_token_may_come_as_a_subprotocol() {
        let offered = Offered::read(&headers(&[(header::SEC_WEBSOCKET_PROTOCOL, "pulso.v1, bearer.a.b.c")]));
        assert_eq!((offered.ours, offered.token.as_deref()), (true, Some("a.b.c")));
        let none = Offered::read(&headers(&[]));
        assert_eq!((none.ours, none.token), (false, None));
    }
}
