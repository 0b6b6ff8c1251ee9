//! What no route of ours takes: the upstream's, a page or file of the frontend, or nobody's.

use super::peer::Peer;
use super::{App, assets, envelope};
use crate::source::{BodyFault, Source, Upstream, body_fault, error_chain};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use shared::RESERVED_SEGMENTS;
use shop::{Error, Screens};

/// First path segments of the shop's contract; in upstream mode they are passed on.
const PASSED_ON: [&str; 7] =
    ["auth", "users", "equipments", "services", "spare-parts", "repair-orders", "repair-order-reviews"];

pub async fn anything_else(State(app): State<App>, peer: Peer, request: Request) -> Response {
    let segment = request.uri().path().split('/').nth(1).unwrap_or_default();
    if RESERVED_SEGMENTS.contains(&segment) {
        return match &app.source {
            Source::Upstream(upstream) if PASSED_ON.contains(&segment) => {
                if app.screens.as_ref().is_some_and(|screens| holds_token(screens, &request)) {
                    return Error::forbidden().into_response();
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

/// A screen's token is no business of the upstream's, wherever it stands; it lets nobody in there anyway.
fn holds_token(screens: &Screens, request: &Request) -> bool {
    let query = request.uri().query().unwrap_or_default();
    screens.has_token(query.as_bytes())
        || request.headers().values().any(|value| screens.has_token(value.as_bytes()))
}

async fn pass_on(upstream: &Upstream, peer: Peer, mut request: Request) -> Response {
    // What we believe, not what the caller said of itself.
    let client = HeaderValue::from_str(&peer.client.to_string()).expect("an address fits into a header");
    request.headers_mut().remove(header::FORWARDED);
    request.headers_mut().insert("x-forwarded-for", client);
    let proto = HeaderValue::from_static(if peer.secure { "https" } else { "http" });
    request.headers_mut().insert("x-forwarded-proto", proto);
    match upstream.pass(request).await {
        Ok(response) => response,
        Err(error) => match body_fault(&error) {
            Some(BodyFault::TooSlow) => envelope::too_slow(),
            Some(BodyFault::TooLarge) => Error::too_large().into_response(),
            None => unreachable_upstream(&error),
        },
    }
}

fn unreachable_upstream(error: &reqwest::Error) -> Response {
    tracing::warn!(error = error_chain(error), "could not pass a request on");
    let (status, text) = if error.is_timeout() {
        (StatusCode::GATEWAY_TIMEOUT, "The shop's backend did not answer in time")
    } else {
        (StatusCode::BAD_GATEWAY, "The shop's backend cannot be reached")
    };
    Error::new(status, text).into_response()
}

pub async fn no_such_route(method: Method, uri: Uri) -> Response {
    Error::not_found(format!("Cannot {method} {}", uri.path())).into_response()
}
