//! Who may look: an Admin's token, or, where tokens cannot be verified, whoever sits at this machine.

use super::App;
use crate::clock::Millis;
use crate::config::Config;
use crate::live::CloseCode;
use crate::source::Source;
use axum::extract::{ConnectInfo, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use secrecy::ExposeSecret;
use serde::Deserialize;
use shop::{Claims, Error, Requester, Role, Tokens};
use std::net::{IpAddr, SocketAddr};
use subtle::ConstantTimeEq;

/// How viewers are told from strangers.
pub enum Viewing {
    Verified(Tokens),
    /// No key is configured: anyone at this machine.
    ThisMachine,
}

impl Viewing {
    pub fn new(config: &Config, source: &Source) -> Viewing {
        match (source, &config.jwt_secret) {
            (Source::Shop(shop), _) => Viewing::Verified(shop.tokens().clone()),
            (Source::Upstream(_), Some(secret)) => {
                Viewing::Verified(Tokens::new(secret.expose_secret().as_bytes()))
            }
            (Source::Upstream(_), None) => Viewing::ThisMachine,
        }
    }

    pub fn is_open(&self) -> bool {
        matches!(self, Viewing::ThisMachine)
    }

    /// `token` as the caller gave it, in whatever way.
    pub fn admit(&self, token: Option<&str>, peer: Peer) -> Result<Viewer, Error> {
        match self {
            Viewing::ThisMachine if peer.is_this_machine => Ok(Viewer { claims: None }),
            Viewing::ThisMachine => Err(Error::unauthorized()),
            Viewing::Verified(tokens) => {
                let claims =
                    token.and_then(|token| tokens.verify(token).ok()).ok_or_else(Error::unauthorized)?;
                match claims.role {
                    Role::Admin => Ok(Viewer { claims: Some(claims) }),
                    Role::User | Role::Technician => Err(Error::forbidden()),
                }
            }
        }
    }
}

/// Someone who may see the dashboard.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// `None`: someone at this machine, who never expires.
    claims: Option<Claims>,
}

impl Viewer {
    pub fn deadline(&self) -> Option<Millis> {
        self.claims.as_ref().map(|claims| claims.exp * 1000)
    }

    /// A new token over an open socket moves its deadline if it is of the same person.
    pub fn renew(&self, viewing: &Viewing, text: &[u8]) -> Option<Result<Millis, CloseCode>> {
        let Ok(ClientMessage::Auth { token }) = serde_json::from_slice(text) else { return None };
        let (Some(claims), Viewing::Verified(tokens)) = (&self.claims, viewing) else { return None };
        Some(match tokens.verify(&token) {
            Err(_) => Err(CloseCode::EXPIRED),
            Ok(renewed) if renewed.sub == claims.sub && renewed.role == Role::Admin => Ok(renewed.exp * 1000),
            Ok(_) => Err(CloseCode::FORBIDDEN),
        })
    }
}

/// The one message that a client sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ClientMessage {
    Auth { token: String },
}

impl FromRequestParts<App> for Viewer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Viewer, Error> {
        let peer = Peer::of(parts);
        app.viewing.admit(bearer(&parts.headers), peer)
    }
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    pub address: IpAddr,
    /// Who is counted: the peer, or whom a proxy on this machine names as its own peer.
    pub client: IpAddr,
    /// Loopback means: the peer is loopback, no proxy says that it stands in between, and the caller asked for
    /// a loopback name. (Behind a proxy on the same host every peer is loopback.)
    pub is_this_machine: bool,
}

impl Peer {
    fn of(parts: &Parts) -> Peer {
        let address =
            parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        // Without a known address nobody is at this machine.
        let address = address.unwrap_or(IpAddr::from([0, 0, 0, 0]));
        let proxied =
            parts.headers.contains_key(header::FORWARDED) || parts.headers.contains_key("x-forwarded-for");
        let is_this_machine =
            address.is_loopback() && !proxied && host(&parts.headers).is_some_and(is_loopback_name);
        let behind_proxy = address.is_loopback().then(|| last_forwarded(&parts.headers)).flatten();
        Peer { address, client: behind_proxy.unwrap_or(address), is_this_machine }
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Peer, Self::Rejection> {
        Ok(Peer::of(parts))
    }
}

/// Tells the shop where a request comes from.
pub async fn requester(peer: Peer, mut request: Request, next: Next) -> Response {
    let Peer { client: address, is_this_machine: this_machine, .. } = peer;
    request.extensions_mut().insert(Requester { address, secure: false, this_machine });
    next.run(request).await
}

/// The proxy's own word is the last one; what stands before it came from the client.
fn last_forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    let address: IpAddr = last.rsplit(',').next()?.trim().parse().ok()?;
    Some(address.to_canonical())
}

pub fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// Of an authority such as `localhost:8081` or `[::1]:8081`.
pub fn is_loopback_name(authority: &str) -> bool {
    let name = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Takes the same time wherever two secrets differ.
pub fn same_secret(given: &str, expected: &str) -> bool {
    given.as_bytes().ct_eq(expected.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_names_are_told_from_others() {
        for name in ["localhost", "LOCALHOST:8081", "127.0.0.1:1", "127.9.9.9", "[::1]:8081", "a.localhost"] {
            assert!(is_loopback_name(name), "{name}");
        }
        for name in [
            "",
            "example.com",
            "localhost.example.com",
            "10.0.0.1:80",
            "[2001:db8::1]:80",
            "127.0.0.1.nip.io",
        ] {
            assert!(!is_loopback_name(name), "{name}");
        }
    }

    #[test]
    fn a_proxy_names_its_peer_last() {
        let check = |value: &str, expected: Option<[u8; 4]>| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", value.parse().expect("a header value"));
            assert_eq!(last_forwarded(&headers), expected.map(IpAddr::from), "{value}");
        };
        check("10.0.0.7", Some([10, 0, 0, 7]));
        check("1.2.3.4, 10.0.0.7", Some([10, 0, 0, 7]));
        check("::ffff:10.0.0.7", Some([10, 0, 0, 7]));
        check("1.2.3.4, unknown", None);
        check("", None);
    }

    #[test]
    fn a_bearer_token_is_found_whatever_the_case() {
        let check = |value: &str, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().expect("a header value"));
            assert_eq!(bearer(&headers), expected);
        };
        check("Bearer abc", Some("abc"));
        check("bearer  abc ", Some("abc"));
        check("Basic abc", None);
        check("abc", None);
    }
}
