//! Who is signed in: a token in the browser's storage, and what it says of itself.

use crate::api::window;
use crate::clock;
use serde::Deserialize;

const KEY: &str = "pulso.token";

/// A token, and what it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub token: String,
    pub email: String,
    pub is_admin: bool,
    /// When it ends, milliseconds since 1970.
    ends_ms: Option<f64>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    email: String,
    #[serde(default)]
    role: String,
    exp: Option<f64>,
}

impl Session {
    /// `None` if the token cannot be read. It is not verified here: the server does that, and by its own clock.
    pub fn of(token: String) -> Option<Session> {
        let payload = token.split('.').nth(1)?.replace('-', "+").replace('_', "/");
        let bytes = window().atob(&payload).ok()?;
        // `atob` gives one character a byte.
        let bytes: Vec<u8> = bytes.chars().map(|c| c as u8).collect();
        let claims: Claims = serde_json::from_slice(&bytes).ok()?;
        let ends_ms = claims.exp.map(|exp| exp * 1000.0);
        Some(Session { token, email: claims.email, is_admin: claims.role == "Admin", ends_ms })
    }

    /// The one of the last visit, unless it is over.
    pub fn kept() -> Option<Session> {
        Session::of(stored()?)
            .filter(|session| session.ends_ms.is_none_or(|ends_ms| ends_ms > clock::now_ms()))
    }

    /// Signing out in one tab signs out in all.
    pub fn was_forgotten() -> bool {
        storage().is_some() && stored().is_none()
    }

    pub fn keep(&self) {
        if let Some(storage) = storage() {
            // A browser that stores nothing asks again after a reload.
            let _ = storage.set_item(KEY, &self.token);
        }
    }

    pub fn forget() {
        if let Some(storage) = storage() {
            let _ = storage.remove_item(KEY);
        }
    }
}

fn stored() -> Option<String> {
    storage()?.get_item(KEY).ok()?
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok()?
}
