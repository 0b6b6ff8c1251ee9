//! Who someone is: passwords on the way in, tokens from then on.

use crate::Error;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Role {
    User,
    Technician,
    Admin,
}

impl Role {
    pub const fn name(self) -> &'static str {
        match self {
            Role::User => "User",
            Role::Technician => "Technician",
            Role::Admin => "Admin",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Role> {
        [Role::User, Role::Technician, Role::Admin].into_iter().find(|role| role.name() == name)
    }
}

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

/// How long a sign-in lasts.
pub(crate) const SIGNED_IN: Duration = Duration::from_secs(12 * 60 * 60);

/// Issues and verifies JWTs (HS256) of one key.
#[derive(Clone)]
pub struct Tokens {
    sign: EncodingKey,
    verify: DecodingKey,
    rules: Arc<Validation>,
}

impl Tokens {
    pub fn new(secret: &[u8]) -> Tokens {
        // The algorithm is ours to fix, never the token's; and our own clock needs no leeway.
        let mut rules = Validation::new(jsonwebtoken::Algorithm::HS256);
        rules.leeway = 0;
        rules.set_required_spec_claims(&["exp", "sub"]);
        rules.validate_aud = false;
        Tokens {
            sign: EncodingKey::from_secret(secret),
            verify: DecodingKey::from_secret(secret),
            rules: Arc::new(rules),
        }
    }

    pub fn issue(&self, sub: &str, email: &str, role: Role, lifetime: Duration) -> String {
        let iat = OffsetDateTime::now_utc().unix_timestamp();
        let exp = iat + i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX / 2);
        let claims = Claims { sub: sub.to_owned(), email: email.to_owned(), role, iat, exp };
        jsonwebtoken::encode(&Header::default(), &claims, &self.sign)
            .expect("plain claims can be signed with HS256")
    }

    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let claims =
            jsonwebtoken::decode::<Claims>(token, &self.verify, &self.rules).map_err(|_| TokenError)?.claims;
        // The library counts the last second as valid; a token ends when it says.
        if claims.exp <= OffsetDateTime::now_utc().unix_timestamp() { Err(TokenError) } else { Ok(claims) }
    }
}

/// Hashes and checks passwords with argon2id, off the async threads. Each takes 19 MiB and a core for a while, so
/// few run at once, others wait, and the rest is told to come back.
#[derive(Clone)]
pub(crate) struct Passwords {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    argon: Arc<Argon2<'static>>,
}

const AT_ONCE: usize = 2;

/// Who would have to wait longer than about a second hears 503 instead.
const ADMITTED: usize = 64;

impl Default for Passwords {
    fn default() -> Passwords {
        // OWASP's recommendation: 19 MiB, two passes, one lane.
        let params = Params::new(19 * 1024, 2, 1, None).expect("the parameters are within argon2's limits");
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        Passwords {
            running: Arc::new(Semaphore::new(AT_ONCE)),
            admitted: Arc::new(Semaphore::new(ADMITTED)),
            argon: Arc::new(argon),
        }
    }
}

impl Passwords {
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        let hashed = self.off_thread(move |argon| {
            let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>())?;
            argon.hash_password(password.as_bytes(), &salt).map(|hash| hash.to_string())
        });
        hashed
            .await?
            .map_err(|error| Error::internal(anyhow::anyhow!("a password cannot be hashed: {error}")))
    }

    /// The same work whether the person exists (`hash`) or not, so that time does not tell.
    pub async fn matches(&self, password: String, hash: Option<String>) -> Result<bool, Error> {
        self.off_thread(move |argon| {
            let Some(hash) = hash else {
                let mut nobody = [0; 32];
                let _ = argon.hash_password_into(password.as_bytes(), b"nobody's salt 16", &mut nobody);
                return false;
            };
            PasswordHash::new(&hash)
                .is_ok_and(|hash| argon.verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let admitted = self.admitted.clone().try_acquire_owned();
        let admitted =
            admitted.map_err(|_| Error::unavailable("Too many people are signing in, please try again"))?;
        let running = self.running.clone().acquire_owned().await.expect("the semaphore is never closed");
        let argon = self.argon.clone();
        let done = tokio::task::spawn_blocking(move || {
            // The work cannot be called off, so its place is given back when it is done, not when the client goes.
            let _places = (admitted, running);
            work(&argon)
        });
        done.await.map_err(|error| Error::internal(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[tokio::test]
    async fn only_the_right_password_matches() {
        let passwords = Passwords::default();
        let hash = passwords.hash("secreto".into()).await.expect("a hash");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.matches("secreto".into(), Some(hash.clone())).await.expect("an answer"));
        assert!(!passwords.matches("Secreto".into(), Some(hash)).await.expect("an answer"));
        assert!(!passwords.matches("secreto".into(), None).await.expect("an answer"));
        assert!(!passwords.matches("secreto".into(), Some("no hash".into())).await.expect("an answer"));
    }
}
