//! An existing shop backend: its statistics fetched, everything else passed on.

use super::answer;
use crate::live::{Answer, Failure};
use axum::RequestExt;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::Response;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::LengthLimitError;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use shared::Metric;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// The upstream answers statistics within this time or has failed.
pub const FETCH_WITHIN: Duration = Duration::from_secs(3);

/// What is passed on may take longer: reports, uploads.
pub const PASS_WITHIN: Duration = Duration::from_secs(30);

/// Whoever takes longer to send a body wants to hold a connection, ours and the upstream's.
const BODY_WITHIN: Duration = Duration::from_secs(20);

/// Requests of ours to the upstream at once; more wait.
const FETCHES: usize = 8;

/// Of these, so many for lists with a length of their own: who asks for many of them must not hold up what all see.
const LIMITED_FETCHES: usize = 2;

/// A statistic larger than this is a mistake.
const BODY_BYTES: usize = 1024 * 1024;

#[derive(Clone)]
pub struct Upstream {
    client: reqwest::Client,
    /// Without a user: what is passed on has the caller's own rights and no others.
    base: Arc<Url>,
    /// For our own fetches: with the user that the setting may name, unless a token says who we are.
    own_base: Arc<Url>,
    token: Option<SecretString>,
    permits: Arc<Semaphore>,
    limited_permits: Arc<Semaphore>,
}

impl Upstream {
    pub fn new(given: Url, token: Option<SecretString>) -> anyhow::Result<Upstream> {
        const HAS_HOST: &str = "an HTTP URL has a host, and so may have a user";
        let mut base = given.clone();
        base.set_username("").expect(HAS_HOST);
        base.set_password(None).expect(HAS_HOST);
        let own_base = if token.is_some() { base.clone() } else { given };
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(FETCH_WITHIN)
            .build()?;
        let permits = Arc::new(Semaphore::new(FETCHES));
        let limited_permits = Arc::new(Semaphore::new(LIMITED_FETCHES));
        let (base, own_base) = (Arc::new(base), Arc::new(own_base));
        Ok(Upstream { client, base, own_base, token, permits, limited_permits })
    }

    pub async fn read(&self, metric: Metric, limit: Option<u32>) -> Answer {
        const NEVER_CLOSED: &str = "the semaphore is never closed";
        let _limited = match limit {
            Some(_) => Some(self.limited_permits.acquire().await.expect(NEVER_CLOSED)),
            None => None,
        };
        let _permit = self.permits.acquire().await.expect(NEVER_CLOSED);
        match tokio::time::timeout(FETCH_WITHIN, self.fetch(metric, limit)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                let failure = if error.is_connect() { Failure::Unreachable } else { Failure::Unreadable };
                tracing::warn!(
                    metric = metric.key(),
                    error = error_chain(error),
                    "could not fetch {}",
                    metric.key()
                );
                Answer::Failed(failure)
            }
            Err(_) => {
                tracing::warn!(
                    metric = metric.key(),
                    timeout_ms = FETCH_WITHIN.as_millis(),
                    "could not fetch {}: no answer in time",
                    metric.key()
                );
                Answer::Failed(Failure::Unreadable)
            }
        }
    }

    async fn fetch(&self, metric: Metric, limit: Option<u32>) -> reqwest::Result<Answer> {
        let mut url = below(&self.own_base, metric.path(), None).expect("the metrics' paths are plain");
        if let Some(limit) = limit {
            url.query_pairs_mut().append_pair("limit", &limit.to_string());
        }
        let mut request = self.client.get(url).header(header::ACCEPT, "application/json");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        let mut response = request.send().await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(Answer::Absent),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Ok(Answer::Forbidden),
            status => {
                tracing::warn!(
                    metric = metric.key(),
                    status = status.as_u16(),
                    "could not fetch {}: status {status}",
                    metric.key()
                );
                return Ok(Answer::Failed(Failure::Unreadable));
            }
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await? {
            body.extend_from_slice(&piece);
            if body.len() > BODY_BYTES {
                tracing::warn!(
                    metric = metric.key(),
                    limit_bytes = BODY_BYTES,
                    "could not fetch {}: too large",
                    metric.key()
                );
                return Ok(Answer::Failed(Failure::Unreadable));
            }
        }
        let answer = answer(String::from_utf8(body).unwrap_or_default());
        if matches!(answer, Answer::Failed(_)) {
            tracing::warn!(metric = metric.key(), "could not fetch {}: the body is no JSON", metric.key());
        }
        Ok(answer)
    }

    /// Passes a request on as it is, with the caller's own token, and its answer back. The headers of one hop are gone
    /// already.
    pub async fn pass(&self, request: Request) -> Result<Response, NotPassed> {
        // The limit of the router holds for what streams through, too.
        let (parts, body) = request.with_limited_body().into_parts();
        let url = below(&self.base, parts.uri.path(), parts.uri.query()).ok_or(NotPassed::Path)?;
        let mut headers = parts.headers;
        // The upstream is named by its own URL; the length is that of the stream.
        headers.remove(header::HOST);
        let answer = self
            .client
            .request(parts.method, url)
            .headers(headers)
            .body(reqwest::Body::wrap_stream(in_time(body)))
            .timeout(PASS_WITHIN)
            .send()
            .await?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = answer.status();
        *response.headers_mut() = without_permissions(end_to_end(answer.headers()));
        *response.body_mut() = Body::from_stream(answer.bytes_stream());
        Ok(response)
    }
}

/// Why a request was not passed on.
pub enum NotPassed {
    /// Another path would arrive than the caller wrote.
    Path,
    Failed(reqwest::Error),
}

impl From<reqwest::Error> for NotPassed {
    fn from(error: reqwest::Error) -> NotPassed {
        NotPassed::Failed(error)
    }
}

/// `None`: the rules of URLs make another path of it, perhaps one outside of the base.
fn below(base: &Url, path: &str, query: Option<&str>) -> Option<Url> {
    let mut url = base.clone();
    let whole = format!("{}{path}", base.path().trim_end_matches('/'));
    url.set_path(&whole);
    url.set_query(query);
    (url.path() == whole).then_some(url)
}

/// Which web pages may read an answer, is said by this server alone.
fn without_permissions(headers: HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in headers.keys().filter(|name| name.as_str().starts_with("access-control-")) {
        kept.remove(name);
    }
    kept
}

fn in_time(body: Body) -> impl Stream<Item = Result<Bytes, axum::BoxError>> {
    let deadline = Instant::now() + BODY_WITHIN;
    stream::unfold(Some(body.into_data_stream()), move |pieces| async move {
        let mut pieces = pieces?;
        match timeout_at(deadline, pieces.next()).await {
            Ok(piece) => piece.map(|piece| (piece.map_err(axum::BoxError::from), Some(pieces))),
            Err(_) => Some((Err(axum::BoxError::from(TooSlow)), None)),
        }
    })
}

#[derive(Debug, thiserror::Error)]
#[error("the caller's body did not come in time")]
struct TooSlow;

/// What was wrong with the body of a request that could not be passed on.
pub enum BodyFault {
    TooSlow,
    TooLarge,
}

pub fn body_fault(error: &reqwest::Error) -> Option<BodyFault> {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.is::<TooSlow>() {
            return Some(BodyFault::TooSlow);
        }
        if inner.is::<LengthLimitError>() {
            return Some(BodyFault::TooLarge);
        }
        cause = inner.source();
    }
    None
}

/// Without the headers that concern only one hop (RFC 9110, 7.6.1), and those that `Connection` names.
pub fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    const HOP_BY_HOP: [HeaderName; 8] = [
        header::CONNECTION,
        HeaderName::from_static("keep-alive"),
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|name| name.trim().to_ascii_lowercase()))
        .collect();
    let stays =
        |name: &HeaderName| !HOP_BY_HOP.contains(name) && !named.iter().any(|other| other == name.as_str());
    headers
        .iter()
        .filter(|(name, _)| stays(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// reqwest's own text names only the outermost cause, and the URL, which may hold a token or a password.
pub fn error_chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_one_hop_are_not_passed_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Mine"),
            ("keep-alive", "timeout=5"),
            ("x-mine", "1"),
            ("transfer-encoding", "chunked"),
            ("authorization", "Bearer x"),
            ("content-type", "application/json"),
        ] {
            headers.append(HeaderName::from_static(name), value.parse().expect("a header value"));
        }
        let kept = end_to_end(&headers);
        let mut names: Vec<_> = kept.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "content-type"]);
    }

    #[test]
    fn a_base_url_may_have_a_path() {
        let check = |base: &str, expected: &str| {
            let url = below(&Url::parse(base).expect("a URL"), "/users/1", Some("a=b"));
            assert_eq!(url.expect("a plain path").as_str(), expected);
        };
        check("http://localhost:3000", "http://localhost:3000/users/1?a=b");
        check("http://localhost:3000/api/", "http://localhost:3000/api/users/1?a=b");
    }
}
