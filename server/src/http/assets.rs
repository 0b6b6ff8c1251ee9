//! The frontend: in release builds inside the binary, in debug builds read from `dist/web`.
//!
//! Hashed files are cached for ever, the page never. Compressed forms were made when the frontend was built.

use super::policy;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../dist/web"]
#[allow_missing = true]
struct Files;

const PAGE: &str = "index.html";

/// Pages of the frontend; each is answered with the same file.
const PAGES: [&str; 2] = ["/", "/screen"];

/// `None`: neither a file nor a page, and the caller did not ask for a page.
pub fn serve(path: &str, headers: &HeaderMap) -> Option<Response> {
    if PAGES.contains(&path) {
        return Some(page(StatusCode::OK, headers));
    }
    let name = path.trim_start_matches('/');
    // A page's compressed forms are not files of their own.
    if !name.ends_with(".br")
        && !name.ends_with(".gz")
        && let Some(response) = file(name, headers)
    {
        return Some(response);
    }
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/html").then(|| page(StatusCode::NOT_FOUND, headers))
}

fn page(status: StatusCode, headers: &HeaderMap) -> Response {
    let Some(mut response) = file(PAGE, headers) else {
        let text =
            "<!doctype html><title>Pulso</title><p>The frontend is not built: run <code>make build</code>.";
        return (StatusCode::SERVICE_UNAVAILABLE, Html(text)).into_response();
    };
    *response.status_mut() = status;
    // Read each time: a debug build's page may have been built anew.
    let plain = Files::get(PAGE).map(|page| page.data).unwrap_or_default();
    let policy = policy::of_page(&String::from_utf8_lossy(&plain));
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

fn file(name: &str, headers: &HeaderMap) -> Option<Response> {
    let accepted =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accepts = |coding: &str| {
        accepted.split(',').any(|one| one.split(';').next().is_some_and(|name| name.trim() == coding))
    };
    let compressed = |coding: &'static str, suffix: &str| {
        let found = accepts(coding).then(|| Files::get(&format!("{name}.{suffix}"))).flatten()?;
        Some((found, Some(coding)))
    };
    let plain = Files::get(name)?;
    let (content, coding) =
        compressed("br", "br").or_else(|| compressed("gzip", "gz")).unwrap_or((plain, None));
    Some(answer(name, content, coding))
}

fn answer(name: &str, content: EmbeddedFile, coding: Option<&'static str>) -> Response {
    let cache = if is_hashed(name) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = content.data.into_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media_type(name).parse().expect("a media type"));
    headers.insert(header::CACHE_CONTROL, cache.parse().expect("a cache directive"));
    headers.insert(header::VARY, "Accept-Encoding".parse().expect("a header name"));
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, coding.parse().expect("a coding"));
    }
    response
}

/// trunk puts the content's hash into the name: 16 hexadecimal digits, fewer where it begins with zeros.
fn is_hashed(name: &str) -> bool {
    let digits = |part: &str| (8..=16).contains(&part.len()) && part.chars().all(|c| c.is_ascii_hexdigit());
    name.split(['-', '_', '.']).any(digits)
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        // Anything else would not be compiled while it streams in.
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "webmanifest" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_a_hash_are_kept_for_ever() {
        assert!(is_hashed("frontend-1a2b3c4d5e6f7a8b_bg.wasm"));
        assert!(is_hashed("pulso-1a2b3c4d5e6f7a8b.css"));
        assert!(is_hashed("pulso-ad169cbda471d.css"));
        assert!(!is_hashed("index.html"));
        assert!(!is_hashed("pulso-12.css"));
    }
}
