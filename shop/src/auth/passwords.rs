//! Passwords: argon2id, off the async threads, and few at once.

use crate::Error;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Hashes and checks passwords with argon2id, off the async threads. Each takes 19 MiB and a core for a while, so
/// few run at once, others wait, and the rest is told to come back.
#[derive(Clone)]
pub(crate) struct Passwords {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    argon: Arc<Argon2<'static>>,
}

/// Longer ones are no better, and hashing must not take what a stranger likes.
pub const MOST_CHARS: usize = 256;

const AT_ONCE: usize = 2;

/// Who would have to wait longer than about a second hears 503 instead.
const ADMITTED: usize = 64;

/// OWASP's recommendation for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

impl Default for Passwords {
    fn default() -> Passwords {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None);
        let params = params.expect("the parameters are within argon2's limits");
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

/// Whether the password should be hashed again, now that it is here: today's parameters cost a thief more.
pub fn is_weak(hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    let Ok(params) = Params::try_from(&hash) else { return false };
    let is_ours = hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && params.m_cost() >= MEMORY_KIB
        && params.t_cost() >= PASSES;
    !is_ours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_of_weaker_parameters_is_told_from_todays() {
        let check = |head: &str, expected: bool| {
            let hash = format!("${head}$bm9ib2R5J3Mgc2FsdA$CDqwMvFwZNS7KJjYlA2dbLJc3tbn0dCIYfGmjTBJ0mo");
            assert_eq!(is_weak(&hash), expected, "{head}");
        };
        check("argon2id$v=19$m=19456,t=2,p=1", false);
        check("argon2id$v=19$m=65536,t=3,p=4", false);
        check("argon2id$v=19$m=12288,t=3,p=1", true);
        check("argon2id$v=19$m=19456,t=1,p=1", true);
        check("argon2id$v=16$m=19456,t=2,p=1", true);
        check("argon2i$v=19$m=19456,t=2,p=1", true);
        assert!(!is_weak("!"), "nobody can sign in with it");
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
