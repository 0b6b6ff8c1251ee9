//! Around every request: where it comes from, its id, its line in the log, and what every answer carries.

use super::peer::Peer;
use super::{App, policy};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shop::Error;
use std::time::Instant;
use tracing::Instrument;

/// Of a URL. Longer ones are no link of ours: the longest has a token in it.
const URL_BYTES: usize = 8 * 1024;

/// Names a request in the answer, in our log, and in those of the proxy before us and of the backend behind us. It stands in
/// no body: the contract says what is in there.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const REQUEST_ID_CHARS: usize = 64;

pub async fn wrap(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let peer = Peer::note(&app, &mut request);
    let given = request.headers().get(REQUEST_ID).filter(|_| peer.is_proxy).cloned();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let start = Instant::now();
    // There are many handshakes, and one that succeeds has no use for a name.
    let (mut response, id) = if path == "/ws" {
        let response = if is_long(&request) { too_long() } else { next.run(request).await };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            tracing::debug!("a client is let in");
            return response;
        }
        (response, named(given))
    } else {
        let id = named(given);
        (named_answer(request, next, &id).await, id)
    };
    let (status, took_ms) = (response.status().as_u16(), start.elapsed().as_millis() as u64);
    let id_text = id.to_str().unwrap_or_default();
    // Never the query: it may hold a token.
    match status {
        400.. => {
            tracing::info!(%method, path = shortened(&path), status, took_ms, id = id_text, "request refused");
        }
        _ => tracing::debug!(%method, path, status, took_ms, id = id_text, "request"),
    }
    response.headers_mut().insert(REQUEST_ID, id);
    policy::add_to(response.headers_mut(), peer.secure);
    response
}

/// Lines that are written on the way name their request, and so does what is asked of a backend.
async fn named_answer(mut request: Request, next: Next, id: &HeaderValue) -> Response {
    if is_long(&request) {
        return too_long();
    }
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default());
    request.headers_mut().insert(REQUEST_ID, id.clone());
    next.run(request).instrument(span).await
}

fn is_long(request: &Request) -> bool {
    request.uri().path_and_query().is_some_and(|both| both.as_str().len() > URL_BYTES)
}

fn too_long() -> Response {
    Error::new(StatusCode::URI_TOO_LONG, "URI Too Long").into_response()
}

fn shortened(path: &str) -> &str {
    let end = (0..=path.len().min(200)).rev().find(|end| path.is_char_boundary(*end));
    &path[..end.unwrap_or(0)]
}

/// The name that a proxy gave, if it could be one.
fn named(given: Option<HeaderValue>) -> HeaderValue {
    given.filter(|id| is_sane(id.as_bytes())).unwrap_or_else(|| {
        let made = format!("{:016x}", rand::random::<u64>());
        HeaderValue::from_str(&made).expect("hexadecimal digits fit into a header")
    })
}

fn is_sane(id: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=REQUEST_ID_CHARS).contains(&id.len()) && id.iter().all(plain)
}

/// A body of the contract's form, whatever refused the request.
pub fn too_slow() -> Response {
    let mut response = Error::new(StatusCode::REQUEST_TIMEOUT, "Request Timeout").into_response();
    // The rest of the request is not waited for.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_plain() {
        let check = |id: &str, expected: bool| assert_eq!(is_sane(id.as_bytes()), expected, "{id}");
        check("4bf92f3577b34da6a3ce929d0e0e4736", true);
        check("req-1_a.b", true);
        check(&"x".repeat(64), true);
        check(&"x".repeat(65), false);
        check("", false);
        check("a b", false);
        check("a\u{1b}[31m", false);
        check("{\"a\":1}", false);
    }
}
