//! What no route of ours takes: the upstream's, a page or file of the frontend, or nobody's.

use super::{App, assets};
use crate::source::{Source, Upstream, error_chain};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shared::RESERVED_SEGMENTS;
use shop::{Error, Screens};
use std::time::Instant;

/// First path segments of the shop's contract; in upstream mode they are passed on.
const PASSED_ON: [&str; 7] =
    ["auth", "users", "equipments", "services", "spare-parts", "repair-orders", "repair-order-reviews"];

pub async fn anything_else(State(app): State<App>, request: Request) -> Response {
    let segment = request.uri().path().split('/').nth(1).unwrap_or_default();
    if RESERVED_SEGMENTS.contains(&segment) {
        return match &app.source {
            Source::Upstream(upstream) if PASSED_ON.contains(&segment) => {
                if app.screens.as_ref().is_some_and(|screens| holds_token(screens, &request)) {
                    return Error::forbidden().into_response();
                }
                pass_on(upstream, request).await
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

async fn pass_on(upstream: &Upstream, request: Request) -> Response {
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|bytes: usize| bytes > super::BODY_BYTES) {
        return Error::too_large().into_response();
    }
    match upstream.pass(request).await {
        Ok(response) => response,
        Err(error) => unreachable_upstream(&error),
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

/// One line for each request that was refused or failed; the others are told at debug level. Never the query:
/// it may hold a token.
pub async fn log(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let start = Instant::now();
    let mut response = next.run(request).await;
    let (status, took_ms) = (response.status().as_u16(), start.elapsed().as_millis() as u64);
    match status {
        400.. => tracing::info!(%method, path, status, took_ms, "request refused"),
        _ => tracing::debug!(%method, path, status, took_ms, "request"),
    }
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(nosniff);
    response
}
