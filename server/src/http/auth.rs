//! Who may look: an Admin's token, or, where tokens cannot be verified, whoever sits at this machine.

mod keys;
mod published;

use super::peer::Peer;
use crate::clock::Millis;
use crate::config::Config;
use crate::live::{CloseCode, Renewal};
use crate::source::Source;
use axum::http::{HeaderMap, header};
use keys::{Holder, Keys, Unverified};
use serde::Deserialize;
use shop::{Error, Role, Tokens};
use subtle::ConstantTimeEq;

/// How viewers are told from strangers. A cheap handle.
#[derive(Clone)]
pub enum Viewing {
    /// The embedded shop's own tokens.
    Own(Tokens),
    /// Those of an upstream.
    Upstream(Keys),
    /// No key is configured: anyone at this machine.
    ThisMachine,
}

impl Viewing {
    pub fn new(config: &Config, source: &Source) -> anyhow::Result<Viewing> {
        Ok(match source {
            Source::Shop(shop) => Viewing::Own(shop.tokens().clone()),
            Source::Upstream(_) => Keys::new(config)?.map_or(Viewing::ThisMachine, Viewing::Upstream),
        })
    }

    pub fn is_open(&self) -> bool {
        matches!(self, Viewing::ThisMachine)
    }

    /// `token` as the caller gave it, in whatever way.
    pub async fn admit(&self, token: Option<&str>, peer: Peer) -> Result<Viewer, Error> {
        if let Viewing::ThisMachine = self {
            return if peer.is_this_machine {
                Ok(Viewer { holder: None })
            } else {
                Err(Error::unauthorized())
            };
        }
        let token = token.ok_or_else(Error::unauthorized)?;
        let holder = match self.verify(token) {
            Err(Unverified::UnknownKey) => self.verify_with_newer_keys(token).await,
            known => known,
        };
        let holder = holder.map_err(|_| Error::unauthorized())?;
        if holder.may_view() { Ok(Viewer { holder: Some(holder) }) } else { Err(Error::forbidden()) }
    }

    fn verify(&self, token: &str) -> Result<Holder, Unverified> {
        match self {
            Viewing::Own(tokens) => tokens.verify(token).map(Holder::from).map_err(|_| Unverified::Invalid),
            Viewing::Upstream(keys) => keys.verify(token),
            Viewing::ThisMachine => Err(Unverified::Invalid),
        }
    }

    async fn verify_with_newer_keys(&self, token: &str) -> Result<Holder, Unverified> {
        match self {
            Viewing::Upstream(keys) => keys.refresh().await,
            Viewing::Own(_) | Viewing::ThisMachine => {}
        }
        self.verify(token)
    }

    /// Asks for the upstream's keys from time to time, where it publishes them.
    pub async fn keep_keys_fresh(&self) {
        match self {
            Viewing::Upstream(keys) => keys.keep_fresh().await,
            Viewing::Own(_) | Viewing::ThisMachine => {}
        }
    }
}

/// Someone who may see the dashboard.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// `None`: someone at this machine, who never expires.
    holder: Option<Holder>,
}

impl Viewer {
    pub fn deadline(&self) -> Option<Millis> {
        self.holder.as_ref().map(Holder::deadline)
    }

    /// A new token over an open socket moves its deadline if it is of the same person.
    pub fn renew(&self, viewing: &Viewing, text: &[u8]) -> Renewal {
        let Ok(ClientMessage::Auth { token }) = serde_json::from_slice(text) else { return Renewal::None };
        let Some(holder) = &self.holder else { return Renewal::None };
        match viewing.verify(&token) {
            Err(Unverified::UnknownKey) => {
                Renewal::Later(Box::pin(renewed_later(viewing.clone(), holder.clone(), token)))
            }
            verified => Renewal::Now(holder.renewed(verified)),
        }
    }
}

async fn renewed_later(viewing: Viewing, holder: Holder, token: String) -> Result<Millis, CloseCode> {
    holder.renewed(viewing.verify_with_newer_keys(&token).await)
}

impl Holder {
    fn may_view(&self) -> bool {
        match self.role {
            Some(Role::Admin) => true,
            Some(Role::Technician | Role::User) | None => false,
        }
    }

    /// Seconds may be so many that they are no milliseconds any more: never, then.
    fn deadline(&self) -> Millis {
        self.expires_s.saturating_mul(1000)
    }

    fn renewed(&self, token: Result<Holder, Unverified>) -> Result<Millis, CloseCode> {
        match token {
            Err(_) => Err(CloseCode::EXPIRED),
            Ok(new) if new.subject == self.subject && new.may_view() => Ok(new.deadline()),
            Ok(_) => Err(CloseCode::FORBIDDEN),
        }
    }
}

/// The one message that a client sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ClientMessage {
    Auth { token: String },
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
