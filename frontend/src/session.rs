//! Who is signed in: a token, what it says of itself, and where the browser keeps it.

use crate::api::window;
use crate::clock;
use serde::Deserialize;

const KEY: &str = "pulso.token";
/// Of a wall's screen: what it gets its tokens with.
const SECRET_KEY: &str = "pulso.screen";
/// In the token's place: signed out, and the server does not know it yet.
const SIGNED_OUT: &str = "";

/// So long before its end a token is renewed: enough for a few tries, and for a hidden tab, whose timers come once
/// a minute.
const EARLY_MS: f64 = 120_000.0;

/// A token, and what it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub token: String,
    pub email: String,
    pub is_admin: bool,
    subject: String,
    /// When it ends, milliseconds since 1970 by the server's clock.
    ends_ms: Option<f64>,
    lasts_ms: f64,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    sub: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    role: String,
    iat: Option<f64>,
    exp: Option<f64>,
}

impl Session {
    /// `None` if the token cannot be read. It is not verified here: the server does that, and by its own clock.
    pub fn of(token: String) -> Option<Session> {
        let payload = token.split('.').nth(1)?.replace('-', "+").replace('_', "/");
        let bytes = window().atob(&payload).ok()?;
        // `atob` gives one character a byte.
        let bytes: Vec<u8> = bytes.chars().map(|c| c as u8).collect();
        Session::claimed(token, &bytes)
    }

    fn claimed(token: String, payload: &[u8]) -> Option<Session> {
        let claims: Claims = serde_json::from_slice(payload).ok()?;
        let lasts_ms = match (claims.iat, claims.exp) {
            (Some(begins), Some(ends)) => (ends - begins) * 1000.0,
            (None, _) | (_, None) => f64::INFINITY,
        };
        Some(Session {
            token,
            email: claims.email,
            is_admin: claims.role == "Admin",
            subject: claims.sub,
            ends_ms: claims.exp.map(|exp| exp * 1000.0),
            lasts_ms,
        })
    }

    /// When a new token should be asked for, by the server's clock. `None`: this one has no end.
    pub fn renew_at_ms(&self) -> Option<f64> {
        self.ends_ms.map(|ends_ms| ends_ms - (self.lasts_ms / 3.0).min(EARLY_MS))
    }

    pub fn is_of_the_same(&self, other: &Session) -> bool {
        self.subject == other.subject
    }

    /// The one of the last visit, unless it is over.
    pub fn kept() -> Option<Session> {
        Session::stored().filter(|session| session.ends_ms.is_none_or(|ends_ms| ends_ms > clock::now_ms()))
    }

    pub fn stored() -> Option<Session> {
        Session::of(stored(KEY)?)
    }

    /// Signing out in one tab signs out in all.
    pub fn was_forgotten() -> bool {
        storage().is_some() && stored(KEY).is_none_or(|token| token.is_empty())
    }

    /// Signed out while the server could not be told: its cookie must not sign in again.
    pub fn awaits_sign_out() -> bool {
        stored(KEY).as_deref() == Some(SIGNED_OUT)
    }

    pub fn keep(&self) {
        store(KEY, &self.token);
    }

    pub fn forget() {
        erase(KEY);
    }

    pub fn owe_sign_out() {
        store(KEY, SIGNED_OUT);
    }
}

/// The code of a link that signs in. The page's first script took it out of the address bar and the history, before
/// anything else was asked for.
pub fn take_link() -> Option<String> {
    let name = "pulsoLink".into();
    let code = js_sys::Reflect::get(&window(), &name).ok()?.as_string();
    let _ = js_sys::Reflect::delete_property(&window(), &name);
    code
}

/// The screen that this browser is, so that neither a reload nor a power cut needs a new pairing.
pub fn screen_secret() -> Option<String> {
    stored(SECRET_KEY)
}

pub fn keep_screen_secret(secret: &str) {
    store(SECRET_KEY, secret);
}

pub fn forget_screen() {
    erase(SECRET_KEY);
}

pub fn stored(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

/// A browser that stores nothing asks again after a reload.
pub fn store(key: &str, value: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(key, value);
    }
}

pub fn erase(key: &str) {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(key);
    }
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_well_before_its_end_and_a_short_one_in_its_last_third() {
        let check = |payload: &str, expected: Option<f64>| {
            let session = Session::claimed("t".into(), payload.as_bytes()).expect("claims");
            assert_eq!(session.renew_at_ms(), expected, "{payload}");
        };
        check(r#"{"iat":1000,"exp":1900}"#, Some(1_780_000.0));
        check(r#"{"iat":1000,"exp":1006}"#, Some(1_004_000.0));
        check(r#"{"exp":1900}"#, Some(1_780_000.0));
        check("{}", None);
    }

    #[test]
    fn only_an_admin_is_one() {
        let role = |role: &str| {
            let payload = format!(r#"{{"sub":"1","email":"ana@taller.ec","role":"{role}"}}"#);
            Session::claimed("t".into(), payload.as_bytes()).is_some_and(|session| session.is_admin)
        };
        assert!(role("Admin"));
        assert!(!role("Technician"));
        assert!(!role("Screen"));
        assert_eq!(Session::claimed("t".into(), b"no claims"), None);
    }
}
