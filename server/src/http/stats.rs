//! The statistics, served from the snapshot: no client makes the source work.

use super::App;
use super::watcher::Watcher;
use crate::live::Answer;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::value::RawValue;
use shared::{Metric, MetricState, Upstream};
use shop::Error;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::timeout;

/// How long a request waits for the first fill of a cold server.
pub const FILL_WITHIN: Duration = Duration::from_secs(3);

pub const MOST_ROWS: u32 = 100;

/// Kept by the browser, and asked for anew each time.
const CACHE: &str = "private, no-cache";

pub async fn stat(
    metric: Metric,
    State(app): State<App>,
    _: Watcher,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Error> {
    if let Some(limit) = other_limit(metric, &query)? {
        if app.live.latest.snapshot().upstream() == Upstream::Down {
            return Err(missing(Some(MetricState::Failed)));
        }
        return limited(app.flights.read(&app.source, metric, limit).await);
    }
    // An error is a cold server whose source is slow; the state below says so.
    let _ = timeout(FILL_WITHIN, app.live.latest.answered(metric)).await;
    let snapshot = app.live.latest.snapshot();
    let Some((body, version)) = snapshot.body(metric) else { return Err(missing(snapshot.trouble(metric))) };
    let tag = format!("\"{}-{version}\"", snapshot.epoch());
    let mut response = if matches(&headers, &tag) { not_modified() } else { json(body) };
    let tag = HeaderValue::from_str(&tag).expect("hexadecimal digits and a number fit into a header");
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

/// The `?limit=` that this metric is not kept for.
fn other_limit(metric: Metric, query: &HashMap<String, String>) -> Result<Option<u32>, Error> {
    let (Some(default), Some(text)) = (metric.default_limit(), query.get("limit")) else { return Ok(None) };
    match text.parse() {
        Ok(limit) if limit == default => Ok(None),
        Ok(limit @ 1..=MOST_ROWS) => Ok(Some(limit)),
        _ => Err(Error::invalid(vec![format!("limit must be an integer from 1 to {MOST_ROWS}")])),
    }
}

fn limited(answer: Answer) -> Result<Response, Error> {
    match answer {
        Answer::Body(body) => Ok(json(&body)),
        Answer::Absent => Err(missing(Some(MetricState::Absent))),
        Answer::Forbidden => Err(missing(Some(MetricState::Forbidden))),
        Answer::Failed(_) => Err(missing(Some(MetricState::Failed))),
    }
}

fn missing(trouble: Option<MetricState>) -> Error {
    match trouble {
        Some(MetricState::Absent) => Error::not_found("The shop's backend does not offer this metric"),
        Some(MetricState::Forbidden) => Error::forbidden(),
        Some(MetricState::Failed) | None => Error::unavailable("The shop's backend has not answered yet"),
    }
}

fn not_modified() -> Response {
    (StatusCode::NOT_MODIFIED, [(header::CACHE_CONTROL, CACHE)]).into_response()
}

fn json(body: &RawValue) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, CACHE)];
    (headers, body.get().to_owned()).into_response()
}

/// A proxy that compresses weakens tags, so both forms match.
fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strong_and_weak_tags_match() {
        let check = |value: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, value.parse().expect("a header value"));
            assert_eq!(matches(&headers, "\"9f-42\""), expected, "{value}");
        };
        check("\"9f-42\"", true);
        check("W/\"9f-42\"", true);
        check("\"9f-41\", W/\"9f-42\"", true);
        check("\"9f-4\"", false);
        check("9f-42", false);
        check("*", true);
    }

    #[test]
    fn a_limit_is_a_small_number() {
        let check = |limit: &str, expected: Result<Option<u32>, ()>| {
            let query = HashMap::from([("limit".to_owned(), limit.to_owned())]);
            assert_eq!(other_limit(Metric::OrdersRecent, &query).map_err(|_| ()), expected, "{limit}");
        };
        check("10", Ok(None));
        check("1", Ok(Some(1)));
        check("100", Ok(Some(100)));
        for wrong in ["0", "101", "-1", "ten", "", "1.5", "99999999999"] {
            check(wrong, Err(()));
        }
        let query = HashMap::from([("limit".to_owned(), "x".to_owned())]);
        assert_eq!(other_limit(Metric::OrdersOverview, &query).ok(), Some(None), "not a list: ignored");
    }
}
