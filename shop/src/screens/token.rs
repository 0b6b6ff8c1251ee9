//! A screen's token: what tells it from all others, and what it says. Pure: the time comes in.
//!
//! Its key is Pulso's own, and so is its header: the first part of the text is always the same, so whether a token
//! claims to be a screen's is seen without a key. Whatever claims that is never shown to anybody else.

use crate::TokenError;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// How long a token is good, in seconds: a screen renews it for as long as it is not revoked.
pub const LIFETIME_SECS: i64 = 10 * 60;

const KEY_ID: &str = "pulso-screen";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Role {
    Screen,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The screen's id.
    pub sub: String,
    role: Role,
    iat: i64,
    /// Seconds since 1970.
    pub exp: i64,
}

pub struct ScreenTokens {
    header: Header,
    /// The header as it stands in each token, with the dot behind it.
    first_part: String,
    sign: EncodingKey,
    verify: DecodingKey,
    rules: Validation,
}

impl ScreenTokens {
    pub fn new(secret: &[u8]) -> ScreenTokens {
        let sign = EncodingKey::from_secret(secret);
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::HS256) };
        let sample = jsonwebtoken::encode(&header, &(), &sign).expect("nothing can be signed with HS256");
        let (first, _) = sample.split_once('.').expect("a token has three parts");
        // The time is compared here, with the caller's clock.
        let mut rules = Validation::new(Algorithm::HS256);
        rules.validate_exp = false;
        rules.validate_aud = false;
        rules.set_required_spec_claims(&["exp", "sub"]);
        ScreenTokens {
            first_part: format!("{first}."),
            header,
            sign,
            verify: DecodingKey::from_secret(secret),
            rules,
        }
    }

    pub fn issue(&self, screen: &str, at: i64) -> String {
        let iat = at.div_euclid(1000);
        let claims = Claims { sub: screen.to_owned(), role: Role::Screen, iat, exp: iat + LIFETIME_SECS };
        jsonwebtoken::encode(&self.header, &claims, &self.sign)
            .expect("plain claims can be signed with HS256")
    }

    /// Whether it says that it is a screen's; nothing about whether that is true.
    pub fn claims_to_be_one(&self, token: &str) -> bool {
        token.starts_with(&self.first_part)
    }

    /// Whether such a token stands anywhere in it.
    pub fn stands_in(&self, text: &[u8]) -> bool {
        text.windows(self.first_part.len()).any(|part| part == self.first_part.as_bytes())
    }

    /// A token ends when it says: its clock is ours, so there is no leeway.
    pub fn verify(&self, token: &str, at: i64) -> Result<Claims, TokenError> {
        let claims =
            jsonwebtoken::decode::<Claims>(token, &self.verify, &self.rules).map_err(|_| TokenError)?.claims;
        if claims.exp.saturating_mul(1000) <= at { Err(TokenError) } else { Ok(claims) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Role, Tokens};
    use std::time::Duration;

    const KEY: [u8; 32] = [1; 32];
    const AT: i64 = 1_763_519_756_007;

    #[test]
    fn a_token_is_good_until_it_says_and_not_a_moment_longer() {
        let tokens = ScreenTokens::new(&KEY);
        let token = tokens.issue("7", AT);
        let end = (AT / 1000 + LIFETIME_SECS) * 1000;
        assert_eq!(
            tokens.verify(&token, AT).map(|claims| (claims.sub, claims.exp * 1000)),
            Ok(("7".into(), end))
        );
        assert!(tokens.verify(&token, end - 1).is_ok());
        assert_eq!(tokens.verify(&token, end), Err(TokenError));
    }

    #[test]
    fn another_key_or_anything_else_is_no_token_of_a_screen() {
        let tokens = ScreenTokens::new(&KEY);
        let token = tokens.issue("7", AT);
        let other = ScreenTokens::new(&[2; 32]).issue("7", AT);
        let shorter = &token[..token.len() - 2];
        for broken in ["", "a.b.c", &other, &token[1..], shorter] {
            assert_eq!(tokens.verify(broken, AT), Err(TokenError), "{broken}");
        }
        // Even with the same key: an Admin's is not one, and a screen's is nobody's who signed in.
        let admin = Tokens::new(&KEY).issue("7", "a@b.co", Role::Admin, Duration::from_secs(60));
        assert_eq!(tokens.verify(&admin, AT), Err(TokenError));
        assert!(Tokens::new(&KEY).verify(&tokens.issue("7", crate::store::now())).is_err());
    }

    #[test]
    fn a_token_is_known_as_a_screens_by_how_it_begins() {
        let tokens = ScreenTokens::new(&KEY);
        let token = tokens.issue("7", AT);
        let admin = Tokens::new(&KEY).issue("7", "a@b.co", Role::Admin, Duration::from_secs(60));
        assert!(tokens.claims_to_be_one(&token) && tokens.claims_to_be_one(&tokens.issue("8", AT + 1)));
        assert!(!tokens.claims_to_be_one(&admin) && !tokens.claims_to_be_one(""));
        for text in [format!("bEaReR   {token}"), format!("a=1&token={token}&b"), token] {
            assert!(tokens.stands_in(text.as_bytes()), "{text}");
        }
        assert!(!tokens.stands_in(admin.as_bytes()) && !tokens.stands_in(b""));
    }
}
