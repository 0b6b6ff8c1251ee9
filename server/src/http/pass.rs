//! What no route of ours takes: the upstream's, a page or file of the frontend, or nobody's.

use super::peer::Peer;
use super::{App, assets, envelope};
use crate::source::{BodyFault, NotPassed, Source, Upstream, body_fault, end_to_end, error_chain};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{percent_decode, percent_decode_str};
use shared::RESERVED_SEGMENTS;
use shop::{Error, Screens};
use std::borrow::Cow;

/// First path segments of the shop's contract; in upstream mode they are passed on.
const PASSED_ON: [&str; 7] =
    ["auth", "users", "equipments", "services", "spare-parts", "repair-orders", "repair-order-reviews"];

/// Below this everything is a statistic, which our own routes give to whoever may see it, and to nobody else.
const STATISTICS: &str = "stats";

pub async fn anything_else(State(app): State<App>, peer: Peer, request: Request) -> Response {
    let segment = request.uri().path().split('/').nth(1).unwrap_or_default();
    if RESERVED_SEGMENTS.contains(&segment) {
        return match &app.source {
            Source::Upstream(upstream) if PASSED_ON.contains(&segment) => {
                if app.screens.as_ref().is_some_and(|screens| holds_token(screens, &request)) {
                    return Error::forbidden().into_response();
                }
                let segments = as_read_behind_us(request.uri().path());
                if segments.iter().any(|segment| segment == "." || segment == "..") {
                    return crooked_path();
                }
                if segments.get(1).is_some_and(|segment| segment == STATISTICS) {
                    return no_such_route(request.method().clone(), request.uri().clone()).await;
                }
                pass_on(upstream, peer, request).await
            }
            Source::Upstream(_) | Source::Shop(_) => {
                no_such_route(request.method().clone(), request.uri().clone()).await
            }
        };
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return no_such_route(request.method().clone(), request.uri().clone()).await;
    }
    match assets::serve(request.uri().path(), request.headers()) {
        Some(response) => response,
        None => no_such_route(request.method().clone(), request.uri().clone()).await,
    }
}

/// A screen's token in the URL or a header, as it is or percent-encoded, is no business of the upstream's. Bodies stream
/// through unread, so one in a body does arrive there; the upstream lets nobody in with it.
fn holds_token(screens: &Screens, request: &Request) -> bool {
    let uri = request.uri();
    let url = [uri.path(), uri.query().unwrap_or_default()].map(str::as_bytes);
    let headers = request.headers().values().map(HeaderValue::as_bytes);
    url.into_iter()
        .chain(headers)
        .any(|text| screens.has_token(text) || screens.has_token(&Cow::from(percent_decode(text))))
}

/// The segments of a path as the most lenient backend may read it.
fn as_read_behind_us(path: &str) -> Vec<String> {
    let decoded = percent_decode_str(path).decode_utf8_lossy().to_lowercase();
    decoded.split(['/', '\\']).filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
}

async fn pass_on(upstream: &Upstream, peer: Peer, mut request: Request) -> Response {
    *request.headers_mut() = believed(request.headers(), peer);
    match upstream.pass(request).await {
        Ok(response) => response,
        Err(NotPassed::Path) => crooked_path(),
        Err(NotPassed::Failed(error)) => match body_fault(&error) {
            Some(BodyFault::TooSlow) => envelope::too_slow(),
            Some(BodyFault::TooLarge) => Error::too_large().into_response(),
            None => unreachable_upstream(error),
        },
    }
}

/// What we believe of where a request comes from, not what the caller said of itself. Ours are set last, so that no
/// `Connection` of the caller's takes them away.
fn believed(said: &HeaderMap, peer: Peer) -> HeaderMap {
    const REAL_ADDRESS: HeaderName = HeaderName::from_static("x-real-ip");
    let of_origin = |name: &HeaderName| {
        name == header::FORWARDED || name == REAL_ADDRESS || name.as_str().starts_with("x-forwarded-")
    };
    let mut headers = end_to_end(said);
    for name in said.keys().filter(|name| of_origin(name)) {
        headers.remove(name);
    }
    let client = HeaderValue::from_str(&peer.client.to_string()).expect("an address fits into a header");
    headers.insert("x-forwarded-for", client);
    let proto = HeaderValue::from_static(if peer.secure { "https" } else { "http" });
    headers.insert("x-forwarded-proto", proto);
    if let Some(id) = said.get(envelope::REQUEST_ID) {
        headers.insert(envelope::REQUEST_ID, id.clone());
    }
    headers
}

fn unreachable_upstream(error: reqwest::Error) -> Response {
    let (status, text) = if error.is_timeout() {
        (StatusCode::GATEWAY_TIMEOUT, "The shop's backend did not answer in time")
    } else {
        (StatusCode::BAD_GATEWAY, "The shop's backend cannot be reached")
    };
    tracing::warn!(error = error_chain(error), "could not pass a request on");
    Error::new(status, text).into_response()
}

fn crooked_path() -> Response {
    Error::bad_request("The path is not written plainly").into_response()
}

pub async fn no_such_route(method: Method, uri: Uri) -> Response {
    Error::not_found(format!("Cannot {method} {}", uri.path())).into_response()
}
