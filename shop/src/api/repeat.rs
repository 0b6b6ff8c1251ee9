//! PostgreSQL undoes one of two transactions that wait for each other. Nothing of it happened, so the request is made again
//! from the beginning, and its caller never learns of it.

use super::{BODY_BYTES, Error};
use crate::store::busy;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::time::Duration;

/// After so many there is more wrong than chance.
const TRIES: u32 = 5;

/// Half the longest pause after the first try; it doubles.
const PAUSE_MS: u64 = 10;

/// Of an answer: the request's transaction was undone, for nobody's fault.
#[derive(Clone, Copy, Debug)]
pub struct Undone;

pub async fn repeat(request: Request, next: Next) -> Response {
    if !changes_something(&request) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES).await else {
        return Error::bad_request("The body could not be read").into_response();
    };
    for tries in 1..=TRIES {
        let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
        let response = next.clone().run(request).await;
        if response.extensions().get::<Undone>().is_none() {
            return response;
        }
        // By chance, or the same two would meet again.
        let longest = PAUSE_MS << tries;
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..longest))).await;
    }
    tracing::warn!(path = parts.uri.path(), "a request's transaction was undone {TRIES} times");
    busy().into_response()
}

/// A body whose length is not known beforehand, or is too large, is left to its reader.
fn changes_something(request: &Request) -> bool {
    let length = request.body().size_hint().exact();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    !reads && length.is_some_and(|length| length <= BODY_BYTES as u64)
}
