//! PostgreSQL undoes one of two transactions that wait for each other. Nothing of it happened, so the request is made again
//! from the beginning, and its caller never learns of it.

use super::{BODY_BYTES, Error};
use crate::store::busy;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// After so many there is more wrong than chance.
const TRIES: u32 = 5;

/// Half the longest pause after the first try; it doubles.
const PAUSE_MS: u64 = 10;

/// Of an answer: the request's transaction was undone, for nobody's fault.
#[derive(Clone, Copy, Debug)]
pub struct Undone;

/// Those that are made again go one after another: the same two would meet again otherwise.
pub type Turn = Arc<Mutex<()>>;

pub async fn repeat(State(turn): State<Turn>, request: Request, next: Next) -> Response {
    if !changes_something(&request) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES).await else {
        return Error::bad_request("The body could not be read").into_response();
    };
    let again = || Request::from_parts(parts.clone(), Body::from(body.clone()));
    let response = next.clone().run(again()).await;
    if !was_undone(&response) {
        return response;
    }
    let _turn = turn.lock().await;
    for tries in 1..TRIES {
        // Those that are made for the first time are there, too, and chance keeps out of their way.
        let longest = PAUSE_MS << tries;
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..longest))).await;
        let response = next.clone().run(again()).await;
        if !was_undone(&response) {
            return response;
        }
    }
    tracing::warn!(path = parts.uri.path(), "a request's transaction was undone {TRIES} times");
    busy().into_response()
}

fn was_undone(response: &Response) -> bool {
    response.extensions().get::<Undone>().is_some()
}

/// A body whose length is not known beforehand, or is too large, is left to its reader.
fn changes_something(request: &Request) -> bool {
    let length = request.body().size_hint().exact();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    !reads && length.is_some_and(|length| length <= BODY_BYTES as u64)
}
