//! A sign-in that outlives its tokens: the browser keeps a refresh token and gives it for the next one each time.
//!
//! Who holds an old one is either a thief or was robbed, so its use ends the whole sign-in. Only the hash of a token is
//! kept. A successor is made from its predecessor with a key of ours: so two tabs that come with the same token at the
//! same moment, and a browser whose answer was lost on the way, get the same successor once more, though it is written
//! nowhere.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

const SECOND: i64 = 1_000;
const DAY: i64 = 24 * 60 * 60 * SECOND;

/// Unused for so long, a sign-in is over.
const UNUSED: i64 = 30 * DAY;

/// And it is over after so long in any case, so that a stolen one is not for ever.
const ALTOGETHER: i64 = 90 * DAY;

/// So long the token before the current one still gives the current one. A thief who comes within it is told from a
/// second tab by nothing; one who comes later ends the sign-in.
const OVERLAP: i64 = 10 * SECOND;

/// Bytes of a token that nobody can guess.
const SECRET_BYTES: usize = 32;

/// Which sign-in it is of, and its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    pub sign_in: String,
    secret: String,
}

impl RefreshToken {
    /// The first one of a sign-in.
    pub fn first(sign_in: &str) -> RefreshToken {
        RefreshToken {
            sign_in: sign_in.to_owned(),
            secret: URL_SAFE_NO_PAD.encode(rand::random::<[u8; SECRET_BYTES]>()),
        }
    }

    pub fn parse(text: &str) -> Option<RefreshToken> {
        let (sign_in, secret) = text.split_once('.')?;
        let sign_in = uuid::Uuid::try_parse(sign_in).ok()?.to_string();
        let bytes = URL_SAFE_NO_PAD.decode(secret).ok()?;
        (bytes.len() == SECRET_BYTES).then(|| RefreshToken { sign_in, secret: secret.to_owned() })
    }

    /// As the browser keeps it.
    pub fn text(&self) -> String {
        format!("{}.{}", self.sign_in, self.secret)
    }

    /// As the database keeps it. The secret is random, so one round is as good as many.
    pub fn hash(&self) -> String {
        mark(&self.text())
    }
}

/// Never its secret.
impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(out, "RefreshToken of {}", self.sign_in)
    }
}

/// By this a secret is known again, and not found out.
pub fn mark(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret))
}

/// Which token follows which.
pub struct Succession(Hmac<Sha256>);

impl Succession {
    /// From the key of the sign-in tokens, which itself signs nothing else.
    pub fn new(key: &[u8]) -> Succession {
        let derived = mac(key).chain_update("pulso: the succession of refresh tokens").finalize();
        Succession(mac(&derived.into_bytes()))
    }

    pub fn after(&self, token: &RefreshToken) -> RefreshToken {
        let secret = self.0.clone().chain_update(token.text()).finalize().into_bytes();
        RefreshToken { sign_in: token.sign_in.clone(), secret: URL_SAFE_NO_PAD.encode(secret) }
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC accepts keys of any length")
}

/// What the database keeps of a sign-in. Times are milliseconds since 1970.
#[derive(Clone, Debug)]
pub struct Kept {
    pub token_hash: String,
    pub previous_hash: Option<String>,
    /// Of the password that was current when it began.
    pub password_mark: String,
    pub began_at: i64,
    pub used_at: i64,
    pub expires_at: i64,
}

/// What is done with a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the current one: its successor takes its place.
    Next,
    /// It was the current one a moment ago: its successor has taken its place already.
    Same,
    /// It is an old one, or made up.
    Reused,
    /// It ran out.
    Expired,
    /// The person has another password by now.
    OtherPassword,
}

/// `token_hash` is of the token that came, `password_mark` of the password that is current.
pub fn judge(kept: &Kept, token_hash: &str, password_mark: &str, now: i64) -> Verdict {
    let is_current = kept.token_hash == token_hash;
    let was_current_just_now =
        kept.previous_hash.as_deref() == Some(token_hash) && now < kept.used_at + OVERLAP;
    // Reuse first: it is worth a line in the log even when the sign-in is over anyway.
    if !is_current && !was_current_just_now {
        Verdict::Reused
    } else if now >= kept.expires_at {
        Verdict::Expired
    } else if kept.password_mark != password_mark {
        Verdict::OtherPassword
    } else if is_current {
        Verdict::Next
    } else {
        Verdict::Same
    }
}

/// Until when a sign-in lasts that is used now.
pub fn expiry(began_at: i64, now: i64) -> i64 {
    (now + UNUSED).min(began_at + ALTOGETHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN: i64 = 1_000 * DAY;

    fn kept() -> Kept {
        Kept {
            token_hash: "current".into(),
            previous_hash: Some("previous".into()),
            password_mark: "password".into(),
            began_at: BEGAN,
            used_at: BEGAN,
            expires_at: expiry(BEGAN, BEGAN),
        }
    }

    #[test]
    fn only_the_current_token_goes_on_and_the_one_before_it_for_a_moment() {
        let check = |token: &str, password: &str, now: i64, expected: Verdict| {
            assert_eq!(judge(&kept(), token, password, now), expected, "{token} {password} {now}");
        };
        check("current", "password", BEGAN, Verdict::Next);
        check("current", "password", BEGAN + UNUSED - 1, Verdict::Next);
        check("current", "password", BEGAN + UNUSED, Verdict::Expired);
        check("current", "another", BEGAN, Verdict::OtherPassword);
        check("previous", "password", BEGAN + OVERLAP - 1, Verdict::Same);
        check("previous", "another", BEGAN, Verdict::OtherPassword);
        check("previous", "password", BEGAN + OVERLAP, Verdict::Reused);
        check("older", "password", BEGAN, Verdict::Reused);
        check("older", "password", BEGAN + UNUSED, Verdict::Reused);
    }

    #[test]
    fn a_sign_in_that_is_used_lasts_but_not_for_ever() {
        assert_eq!(expiry(BEGAN, BEGAN + DAY), BEGAN + DAY + UNUSED);
        assert_eq!(expiry(BEGAN, BEGAN + 80 * DAY), BEGAN + ALTOGETHER);
    }

    #[test]
    fn a_token_has_one_successor_which_nobody_makes_without_the_key() {
        let id = uuid::Uuid::new_v4().to_string();
        let (ours, theirs) = (Succession::new(&[1; 32]), Succession::new(&[2; 32]));
        let first = RefreshToken::first(&id);
        let second = ours.after(&first);
        assert_eq!(second, ours.after(&first));
        assert_ne!(second, theirs.after(&first));
        assert_ne!(second, first);
        assert_ne!(ours.after(&second), second);
        assert_ne!(RefreshToken::first(&id), first);
    }

    #[test]
    fn a_token_is_read_as_it_was_written_and_nothing_else_is() {
        let token = RefreshToken::first(&uuid::Uuid::new_v4().to_string());
        assert_eq!(RefreshToken::parse(&token.text()), Some(token.clone()));
        let id = &token.sign_in;
        for wrong in
            ["", ".", "x.y", id, &format!("{id}."), &format!("{id}.short"), &format!("{}x", token.text())]
        {
            assert_eq!(RefreshToken::parse(wrong), None, "{wrong}");
        }
        assert!(!format!("{token:?}").contains(&token.secret));
        assert!(!token.hash().contains(&token.secret));
    }
}
