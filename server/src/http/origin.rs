//! Which web pages may talk to this server: its own, and on a loopback listener any of this machine, so that
//! `trunk serve` and the original's frontend work.

use super::auth::{host, is_loopback_name};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

#[derive(Clone, Copy)]
pub struct Origins {
    pub on_loopback: bool,
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
        let or_loopback = if self.on_loopback { " or a loopback origin" } else { "" };
        Err(format!("origin {origin:.100} refused: expected that of {host:.100}{or_loopback}"))
    }

    fn allows(&self, origin: &str, host: &str) -> bool {
        let Some((_, authority)) = origin.split_once("://") else { return false };
        authority.eq_ignore_ascii_case(host) || (self.on_loopback && is_loopback_name(authority))
    }
}

pub fn cors(origins: Origins) -> CorsLayer {
    let allowed = move |origin: &HeaderValue, parts: &axum::http::request::Parts| {
        let host = host(&parts.headers).unwrap_or_default();
        origin.to_str().is_ok_and(|origin| origins.allows(origin, host))
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(allowed))
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
            assert_eq!(Origins { on_loopback }.allows(origin, host), expected, "{origin} to {host}");
        };
        check(false, "https://taller.ec", "taller.ec", true);
        check(false, "https://taller.ec", "TALLER.ec", true);
        check(false, "https://evil.example", "taller.ec", false);
        check(false, "http://localhost:5173", "taller.ec", false);
        check(true, "http://localhost:5173", "127.0.0.1:8081", true);
        check(true, "http://evil.example", "127.0.0.1:8081", false);
        check(true, "null", "127.0.0.1:8081", false);
    }
}
