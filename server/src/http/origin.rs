//! Which web pages may talk to this server: its own, those of ALLOWED_ORIGINS, and on a loopback listener any of this
//! machine, so that `trunk serve` and the original's frontend work.

use super::App;
use super::peer::{Peer, host, is_loopback_name, name_of};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shop::Error;
use std::net::IpAddr;
use std::time::Duration;
use tower_http::cors::{AllowCredentials, AllowOrigin, CorsLayer};

pub struct Origins {
    pub on_loopback: bool,
    /// As browsers write them.
    pub listed: Vec<String>,
}

impl Origins {
    /// `Err` says what was expected. A request without an origin does not come from a web page.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), String> {
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or_default();
        let host = host(headers).unwrap_or_default();
        if self.allows(origin, host) {
            return Ok(());
        }
        let listed = match self.listed.is_empty() {
            true => "none in ALLOWED_ORIGINS".to_owned(),
            false => format!("one of ALLOWED_ORIGINS ({})", self.listed.join(", ")),
        };
        let or_loopback = if self.on_loopback { " or a loopback origin" } else { "" };
        Err(format!("origin {origin:.100} refused: expected that of {host:.100}, {listed}{or_loopback}"))
    }

    fn allows(&self, origin: &str, host: &str) -> bool {
        let Some((scheme, authority)) = web(origin) else { return false };
        is_same(scheme, authority, host)
            || self.listed.iter().any(|listed| listed.eq_ignore_ascii_case(origin))
            || (self.on_loopback && is_loopback_name(authority))
    }
}

/// Scheme and authority of a web page's origin; others (`null`, a browser's extension) are never let in.
fn web(origin: &str) -> Option<(&str, &str)> {
    origin.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
}

/// The caller's own word for where it is, whose port may be left out. The scheme is not compared: behind a proxy we may not
/// know that of our own.
fn is_same(scheme: &str, authority: &str, host: &str) -> bool {
    let port = if scheme == "https" { ":443" } else { ":80" };
    let bare = |name: &str| name.strip_suffix(port).unwrap_or(name).to_ascii_lowercase();
    bare(authority) == bare(host)
}

/// Whether browsers, too, would send our cookies along: the same scheme, and the same name, a name below the other, or two
/// names below the same one. An address is only itself, and the port makes no difference. (Browsers know which names
/// strangers can have side by side, such as all below co.uk; we do not, but ask this only of origins that are let in.)
fn is_same_site(origin: &str, host: &str, secure: bool) -> bool {
    let Some((scheme, authority)) = web(origin) else { return false };
    let (page, ours) = (name_of(authority).to_ascii_lowercase(), name_of(host).to_ascii_lowercase());
    if (scheme == "https") != secure || page.is_empty() {
        return false;
    }
    if page == ours {
        return true;
    }
    let is_address = |name: &str| name.parse::<IpAddr>().is_ok();
    if is_address(&page) || is_address(&ours) {
        return false;
    }
    let parent =
        |name: &str| name.split_once('.').map(|(_, rest)| rest.to_owned()).filter(|rest| rest.contains('.'));
    let is_below = |name: &str, other: &str| other.contains('.') && name.ends_with(&format!(".{other}"));
    is_below(&page, &ours)
        || is_below(&ours, &page)
        || parent(&page).is_some_and(|above| parent(&ours) == Some(above))
}

/// A page of elsewhere may read nothing, for want of a header; this keeps it from changing something all the same.
pub async fn refuse_foreign_writes(State(app): State<App>, request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        && let Err(reason) = app.origins.check(request.headers())
    {
        tracing::warn!("write refused: {reason}");
        return Error::forbidden().into_response();
    }
    next.run(request).await
}

pub fn cors(app: App) -> CorsLayer {
    let with_cookies = |origin: &HeaderValue, parts: &Parts| {
        let host = host(&parts.headers).unwrap_or_default();
        let secure = parts.extensions.get::<Peer>().is_some_and(|peer| peer.secure);
        origin.to_str().is_ok_and(|origin| is_same_site(origin, host, secure))
    };
    let allowed = move |origin: &HeaderValue, parts: &Parts| {
        let host = host(&parts.headers).unwrap_or_default();
        origin.to_str().is_ok_and(|origin| app.origins.allows(origin, host))
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(allowed))
        .allow_credentials(AllowCredentials::predicate(with_cookies))
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_NONE_MATCH])
        .expose_headers([
            header::ETAG,
            header::RETRY_AFTER,
            HeaderName::from_static("x-total-count"),
            HeaderName::from_static("x-total-count-is"),
            header::LINK,
        ])
        .max_age(Duration::from_secs(600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_server_or_machine_may_talk_to_it() {
        let check = |on_loopback: bool, origin: &str, host: &str, expected: bool| {
            let origins = Origins { on_loopback, listed: vec!["https://panel.ec".into()] };
            assert_eq!(origins.allows(origin, host), expected, "{origin} to {host}");
        };
        check(false, "https://taller.ec", "taller.ec", true);
        check(false, "https://taller.ec", "TALLER.ec", true);
        check(false, "https://taller.ec", "taller.ec:443", true);
        check(false, "http://taller.ec", "taller.ec:443", false);
        check(false, "http://taller.ec:8081", "taller.ec:8081", true);
        check(false, "http://taller.ec:8082", "taller.ec:8081", false);
        check(false, "https://evil.example", "taller.ec", false);
        check(false, "https://panel.ec", "taller.ec", true);
        check(false, "http://panel.ec", "taller.ec", false);
        check(false, "https://panel.ec.evil.example", "taller.ec", false);
        check(false, "http://localhost:5173", "taller.ec", false);
        check(true, "http://localhost:5173", "127.0.0.1:8081", true);
        check(true, "http://evil.example", "127.0.0.1:8081", false);
        check(true, "null", "127.0.0.1:8081", false);
        check(true, "chrome-extension://localhost", "127.0.0.1:8081", false);
    }

    #[test]
    fn cookies_are_for_the_same_site() {
        let check = |origin: &str, host: &str, secure: bool, expected: bool| {
            assert_eq!(is_same_site(origin, host, secure), expected, "{origin} to {host}");
        };
        check("https://taller.ec", "taller.ec", true, true);
        check("https://taller.ec:8443", "taller.ec", true, true);
        check("http://taller.ec", "taller.ec", true, false);
        check("https://panel.taller.ec", "taller.ec", true, true);
        check("https://malo-taller.ec", "taller.ec", true, false);
        check("https://panel.taller.com.ec", "taller.com.ec", true, true);
        check("https://taller.com.ec", "api.taller.com.ec", true, true);
        check("https://panel.taller.ec", "api.taller.ec", true, true);
        check("https://taller.ec", "otro.ec", true, false);
        check("https://taller.ec", "ec", true, false);
        check("https://evil.example", "taller.ec", true, false);
        check("http://localhost:5173", "localhost:8081", false, true);
        check("http://localhost:5173", "127.0.0.1:8081", false, false);
        check("http://10.0.0.7:5173", "10.0.0.7:8081", false, true);
        check("http://10.0.0.7:5173", "11.0.0.7:8081", false, false);
        check("null", "localhost", false, false);
    }
}
