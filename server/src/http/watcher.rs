//! Who looks at the dashboard: someone who may, or a screen on a wall.
//!
//! A screen's token is known by how it begins, and is then nothing else: good, or refused.

use super::App;
use super::auth::{ClientMessage, Viewer, bearer};
use super::peer::Peer;
use crate::clock::{self, Millis};
use crate::live::{CloseCode, Renewal, Revoked};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use shop::{Error, Pass, Presence};

pub enum Watcher {
    Person(Viewer),
    Screen(Pass),
}

impl App {
    /// `token` as the caller gave it, in whatever way.
    pub async fn admit(&self, token: Option<&str>, peer: Peer) -> Result<Watcher, Error> {
        match token.and_then(|token| self.screen(token)) {
            Some(pass) => Ok(Watcher::Screen(pass?)),
            None => self.viewing.admit(token, peer).await.map(Watcher::Person),
        }
    }

    /// `None`: no screen's token.
    pub fn screen(&self, token: &str) -> Option<Result<Pass, Error>> {
        let recognised = self.screens.as_ref()?.recognise(token, clock::now())?;
        Some(recognised.map_err(|_| Error::unauthorized()))
    }
}

impl Watcher {
    pub fn deadline(&self) -> Option<Millis> {
        match self {
            Watcher::Person(viewer) => viewer.deadline(),
            Watcher::Screen(pass) => Some(pass.expires()),
        }
    }

    pub fn revoked(&self) -> Option<Revoked> {
        match self {
            Watcher::Person(_) => None,
            Watcher::Screen(pass) => Some(Box::pin(pass.revoked())),
        }
    }

    /// To be kept while a socket is open.
    pub fn present(&self) -> Option<Presence> {
        match self {
            Watcher::Person(_) => None,
            Watcher::Screen(pass) => Some(pass.present()),
        }
    }

    /// A new token over an open socket moves its deadline if it is of the same person or screen.
    pub fn renew(&self, app: &App, text: &[u8]) -> Renewal {
        match self {
            Watcher::Person(viewer) => viewer.renew(&app.viewing, text),
            Watcher::Screen(pass) => {
                let Ok(ClientMessage::Auth { token }) = serde_json::from_slice(text) else {
                    return Renewal::None;
                };
                Renewal::Now(match app.screen(&token) {
                    None | Some(Err(_)) => Err(CloseCode::EXPIRED),
                    Some(Ok(renewed)) if renewed.is_of_the_same_screen(pass) => Ok(renewed.expires()),
                    Some(Ok(_)) => Err(CloseCode::FORBIDDEN),
                })
            }
        }
    }
}

impl FromRequestParts<App> for Watcher {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Watcher, Error> {
        let Ok(peer) = Peer::from_request_parts(parts, app).await;
        app.admit(bearer(&parts.headers), peer).await
    }
}
