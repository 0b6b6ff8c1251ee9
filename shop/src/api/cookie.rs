//! The cookie that holds the refresh token.
//!
//! No script reads it (HttpOnly), it comes along with nothing but requests below /auth, and never with one that another
//! site began (SameSite=Strict). That and the server's check of origins are what keeps other sites from refreshing
//! or signing out in somebody's name; the shop itself checks nothing more.

use crate::Requester;
use crate::auth::RefreshToken;
use axum::http::{HeaderMap, HeaderValue, header};

/// With the prefix a browser takes it over TLS only, so nobody on the way can plant one. `__Host-` would ask for
/// `Path=/`, and the token would travel with every request.
const SECURE_NAME: &str = "__Secure-pulso-refresh";
const NAME: &str = "pulso-refresh";

fn name(requester: Requester) -> &'static str {
    if requester.secure { SECURE_NAME } else { NAME }
}

pub fn read(headers: &HeaderMap, requester: Requester) -> Option<RefreshToken> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = cookies.flat_map(|value| value.split(';')).filter_map(|cookie| cookie.split_once('='));
    let (_, value) = cookies.find(|(found, _)| found.trim() == name(requester))?;
    RefreshToken::parse(value.trim())
}

pub fn set(token: &RefreshToken, lifetime_ms: i64, requester: Requester) -> HeaderValue {
    let mut value = cookie(&token.text(), lifetime_ms / 1_000, requester);
    value.set_sensitive(true);
    value
}

pub fn clear(requester: Requester) -> HeaderValue {
    cookie("", 0, requester)
}

fn cookie(value: &str, max_age_s: i64, requester: Requester) -> HeaderValue {
    let secure = if requester.secure { "; Secure" } else { "" };
    let name = name(requester);
    let text = format!("{name}={value}; Path=/auth; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).expect("ids and base64 fit into a header")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn requester(secure: bool) -> Requester {
        Requester { address: IpAddr::from([10, 0, 0, 1]), secure, this_machine: false }
    }

    #[test]
    fn the_cookie_is_for_auth_alone_and_for_no_script() {
        let token = RefreshToken::first(&uuid::Uuid::new_v4().to_string());
        let text = token.text();
        let plain = set(&token, 60_000, requester(false));
        assert_eq!(
            plain,
            format!("pulso-refresh={text}; Path=/auth; Max-Age=60; HttpOnly; SameSite=Strict").as_str()
        );
        assert!(!format!("{plain:?}").contains(&text), "it can be seen in no log");
        let secure = set(&token, 60_000, requester(true));
        assert!(secure.to_str().expect("a text").starts_with("__Secure-pulso-refresh="));
        assert!(secure.to_str().expect("a text").ends_with("; Secure"));
        let cleared = clear(requester(false));
        assert_eq!(cleared, "pulso-refresh=; Path=/auth; Max-Age=0; HttpOnly; SameSite=Strict");
    }

    #[test]
    fn it_is_found_among_others_and_over_tls_only_the_secure_one_counts() {
        let token = RefreshToken::first(&uuid::Uuid::new_v4().to_string());
        let mut headers = HeaderMap::new();
        let cookies = format!("a=b; pulso-refresh={}; c", token.text());
        headers.insert(header::COOKIE, cookies.parse().expect("a header value"));
        assert_eq!(read(&headers, requester(false)), Some(token.clone()));
        assert_eq!(read(&headers, requester(true)), None);
        headers.append(
            header::COOKIE,
            format!("__Secure-pulso-refresh={}", token.text()).parse().expect("a value"),
        );
        assert_eq!(read(&headers, requester(true)), Some(token));
        assert_eq!(read(&HeaderMap::new(), requester(false)), None);
    }
}
