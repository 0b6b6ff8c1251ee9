//! Tokens that say who calls and until when. Nothing is looked up for them: what changes about a person shows when
//! the next one is issued.

use crate::Clock;
use crate::auth::Role;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What a token says. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    pub sub: String,
    pub email: String,
    pub role: Role,
    pub iat: i64,
    pub exp: i64,
}

/// The token is malformed, of another key, expired, or says too little. Which of these is nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenError;

/// Issues and verifies JWTs (HS256) of one key.
#[derive(Clone)]
pub struct Tokens {
    sign: EncodingKey,
    verify: DecodingKey,
    rules: Arc<Validation>,
    clock: Clock,
}

impl Tokens {
    pub fn new(secret: &[u8]) -> Tokens {
        Tokens::told_by(Clock::default(), secret)
    }

    pub fn told_by(clock: Clock, secret: &[u8]) -> Tokens {
        // The algorithm is ours to fix, never the token's; and our own clock needs no leeway.
        let mut rules = Validation::new(jsonwebtoken::Algorithm::HS256);
        rules.leeway = 0;
        // Compared below, by our clock.
        rules.validate_exp = false;
        rules.set_required_spec_claims(&["exp", "sub"]);
        rules.validate_aud = false;
        Tokens {
            sign: EncodingKey::from_secret(secret),
            verify: DecodingKey::from_secret(secret),
            rules: Arc::new(rules),
            clock,
        }
    }

    pub fn issue(&self, sub: &str, email: &str, role: Role, lifetime: Duration) -> String {
        let iat = self.now();
        let exp = iat + i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX / 2);
        let claims = Claims { sub: sub.to_owned(), email: email.to_owned(), role, iat, exp };
        jsonwebtoken::encode(&Header::default(), &claims, &self.sign)
            .expect("plain claims can be signed with HS256")
    }

    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let claims =
            jsonwebtoken::decode::<Claims>(token, &self.verify, &self.rules).map_err(|_| TokenError)?.claims;
        // The library would count the last second as valid; a token ends when it says.
        if claims.exp <= self.now() { Err(TokenError) } else { Ok(claims) }
    }

    /// Seconds since 1970.
    fn now(&self) -> i64 {
        self.clock.now().div_euclid(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

    #[test]
    fn a_token_is_good_until_it_says() {
        let tokens = Tokens::new(&[1; 32]);
        let token = tokens.issue("7", "a@b.co", Role::Admin, Duration::from_secs(60));
        let claims = tokens.verify(&token).expect("our own token");
        assert_eq!((claims.sub.as_str(), claims.role, claims.exp - claims.iat), ("7", Role::Admin, 60));
        assert_eq!(tokens.verify(&tokens.issue("7", "a@b.co", Role::Admin, Duration::ZERO)), Err(TokenError));
        assert_eq!(Tokens::new(&[2; 32]).verify(&token), Err(TokenError));
        for broken in ["", "a.b.c", &token[1..], &token[..token.len() - 2]] {
            assert_eq!(tokens.verify(broken), Err(TokenError), "{broken}");
        }
    }

    #[test]
    fn a_token_ends_to_the_second_and_without_leeway() {
        let now = Arc::new(AtomicI64::new(1_000_000));
        let told = now.clone();
        let tokens = Tokens::told_by(Clock::new(move || told.load(Relaxed)), &[1; 32]);
        let token = tokens.issue("7", "a@b.co", Role::Admin, Duration::from_secs(60));
        now.store(1_059_999, Relaxed);
        assert!(tokens.verify(&token).is_ok());
        now.store(1_060_000, Relaxed);
        assert_eq!(tokens.verify(&token), Err(TokenError));
    }

    #[test]
    fn the_algorithm_is_not_the_tokens_to_choose() {
        let tokens = Tokens::new(&[1; 32]);
        let claims =
            Claims { sub: "7".into(), email: "a@b.co".into(), role: Role::Admin, iat: 0, exp: 9_999_999_999 };
        let other = Header::new(jsonwebtoken::Algorithm::HS512);
        let token =
            jsonwebtoken::encode(&other, &claims, &EncodingKey::from_secret(&[1; 32])).expect("a token");
        assert_eq!(tokens.verify(&token), Err(TokenError));
        // {"alg":"none"}
        let none = format!("eyJhbGciOiJub25lIn0.{}.", token.split('.').nth(1).expect("a payload"));
        assert_eq!(tokens.verify(&none), Err(TokenError));
    }
}
