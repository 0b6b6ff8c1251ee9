//! What browsers are told about our answers: what a page may load and run, who may frame it, and what it gives away.
//! deploy/nginx.conf says the same of the files that it serves.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Everything that is no page: nothing in it may run, wherever a browser opens it.
const DATA: &str = "default-src 'none'; frame-ancestors 'none'";

/// Where a browser came over TLS it may come only so for a year. Not for other names below ours: they are not ours to decide.
const ONLY_TLS: &str = "max-age=31536000";

/// The origin alone is told to others, and to ourselves: a path or a query of ours stands in nobody's log. (With
/// `no-referrer` some browsers would send `Origin: null` along with a form, and we could not tell it from a stranger's.)
const REFERRER: &str = "strict-origin";

/// Devices that the page has no use for.
const PERMISSIONS: &str = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()";

/// What is not there yet. A page may bring a policy of its own, and so may the answer of an upstream.
pub fn add_to(headers: &mut HeaderMap, secure: bool) {
    let is_page =
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let mut add = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    add(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    add(header::REFERRER_POLICY, REFERRER);
    add(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if secure {
        add(header::STRICT_TRANSPORT_SECURITY, ONLY_TLS);
    }
    if is_page {
        add(HeaderName::from_static("permissions-policy"), PERMISSIONS);
        add(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert_with(|| of_page(""));
    } else {
        add(header::CONTENT_SECURITY_POLICY, DATA);
    }
}

/// The policy of a page of ours. Scripts run from our files, and those that stand in the page itself if it is they: each by
/// its checksum, so that nothing that gets into the page runs.
///
/// `'wasm-unsafe-eval'` compiles WebAssembly and nothing else (Chromium 97, Firefox 102, Safari 16); each browser that knows
/// it also takes `'self'` for the page's own WebSocket. Styles have to be allowed in the page: stylist writes `<style>`
/// elements while the page runs, under names that are new each time, and the width of a bar is a `style` attribute.
pub fn of_page(html: &str) -> HeaderValue {
    let scripts: String =
        inline_scripts(html).map(|script| format!(" 'sha256-{}'", checksum(script))).collect();
    let other = ["pulso-api", "pulso-ws"].map(|name| named_origin(html, name)).concat();
    let policy = format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{scripts}; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'{other}; manifest-src 'self'; worker-src 'self'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(DATA))
}

fn checksum(script: &str) -> String {
    STANDARD.encode(Sha256::digest(script))
}

/// What stands between the tags of scripts that are not loaded from a file.
fn inline_scripts(html: &str) -> impl Iterator<Item = &str> {
    html.split("<script").skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let (script, _) = rest.split_once("</script>")?;
        (!attributes.contains("src=")).then_some(script)
    })
}

/// The page may name an API elsewhere in a `<meta>` element: it has to be able to reach it.
fn named_origin(html: &str, name: &str) -> String {
    let element = html.split_once(&format!("<meta name=\"{name}\" content=\"")).map(|(_, rest)| rest);
    let url = element.and_then(|rest| rest.split_once('"')).map_or("", |(url, _)| url);
    match reqwest::Url::parse(url) {
        Ok(url) if url.has_host() => format!(" {}", url.origin().ascii_serialization()),
        Ok(_) | Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(html: &str) -> String {
        of_page(html).to_str().expect("a text").to_owned()
    }

    #[test]
    fn a_script_in_the_page_runs_only_as_it_was_built() {
        let page = "<script>alert(1)</script><script type=\"module\">\nimport x from '/x.js'\n</script>\
                    <script src=\"/y.js\"></script>";
        // Made with: printf '%s' 'alert(1)' | openssl dgst -sha256 -binary | base64
        assert!(
            policy(page).contains("'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"),
            "{}",
            policy(page)
        );
        assert_eq!(policy(page).matches("'sha256-").count(), 2);
        assert_eq!(policy("").matches("sha256").count(), 0);
        let scripts = policy(page);
        let scripts =
            scripts.split(';').find(|part| part.contains("script-src")).expect("a rule for scripts");
        assert!(!scripts.contains("unsafe-inline") && !scripts.contains("'unsafe-eval'"), "{scripts}");
    }

    #[test]
    fn an_api_elsewhere_can_be_reached() {
        let page = "<meta name=\"pulso-api\" content=\"https://api.taller.ec/x\" />\
                    <meta name=\"pulso-ws\" content=\"wss://api.taller.ec/ws\" />";
        assert!(policy(page).contains("connect-src 'self' https://api.taller.ec wss://api.taller.ec;"));
        let empty = "<meta name=\"pulso-api\" content=\"\" />";
        assert!(policy(empty).contains("connect-src 'self';"));
    }

    #[test]
    fn a_page_and_data_are_told_apart() {
        let check = |kind: &'static str, secure: bool, name: &str, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            add_to(&mut headers, secure);
            let found = headers.get(name).map(|value| value.to_str().expect("a text"));
            match expected {
                Some(part) => {
                    assert!(found.is_some_and(|found| found.contains(part)), "{kind} {name}: {found:?}")
                }
                None => assert_eq!(found, None, "{kind} {name}"),
            }
        };
        check("text/html; charset=utf-8", false, "content-security-policy", Some("script-src 'self'"));
        check("text/html; charset=utf-8", false, "cross-origin-opener-policy", Some("same-origin"));
        check(
            "application/json",
            false,
            "content-security-policy",
            Some("default-src 'none'; frame-ancestors 'none'"),
        );
        check("application/json", false, "strict-transport-security", None);
        check("application/json", true, "strict-transport-security", Some("max-age=31536000"));
    }
}
