//! Who is signed in: a token in the browser's storage, and what it says of itself.

use crate::api::window;
use crate::clock;
use serde::Deserialize;

const KEY: &str = "pulso.token";

/// A token that has not expired.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub token: String,
    pub email: String,
    pub is_admin: bool,
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
    /// `None` if the token cannot be read or is over. It is not verified here: the server does that.
    pub fn of(token: String) -> Option<Session> {
        let payload = token.split('.').nth(1)?.replace('-', "+").replace('_', "/");
        let bytes = window().atob(&payload).ok()?;
        // `atob` gives one character a byte.
        let bytes: Vec<u8> = bytes.chars().map(|c| c as u8).collect();
        let claims: Claims = serde_json::from_slice(&bytes).ok()?;
        if claims.exp.is_some_and(|exp| exp * 1000.0 <= clock::now_ms()) {
            return None;
        }
        Some(Session { token, email: claims.email, is_admin: claims.role == "Admin" })
    }

    pub fn kept() -> Option<Session> {
        Session::of(storage()?.get_item(KEY).ok()??)
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

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok()?
}
