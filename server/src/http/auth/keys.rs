//! The keys of an upstream's tokens: a secret that it shares with us, its public key, or those that it publishes.
//!
//! What a key is decides the algorithm. A token that names another one is not of this key.

use super::published::Published;
use crate::config::Config;
use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::ExposeSecret;
use serde::Deserialize;
use shop::{Claims, Role};
use std::sync::Arc;
use time::OffsetDateTime;

/// The upstream's clock may be ahead of ours by so much: a token that it just issued is not "not yet valid" then. Its end
/// gets no leeway: one that ends early is renewed, one that ends late lets someone in who should be out.
const SKEW_S: u64 = 5;

/// Whose token it is, whoever issued it.
#[derive(Clone, Debug, PartialEq)]
pub struct Holder {
    pub subject: String,
    /// `None`: one that we do not know.
    pub role: Option<Role>,
    /// Seconds since 1970.
    pub expires_s: i64,
}

impl From<Claims> for Holder {
    fn from(claims: Claims) -> Holder {
        Holder { subject: claims.sub, role: Some(claims.role), expires_s: claims.exp }
    }
}

/// Why a token says nothing. A stranger hears the same for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unverified {
    Invalid,
    /// It names a key that we do not have; the upstream may have published it since.
    UnknownKey,
}

#[derive(Clone)]
pub enum Keys {
    Fixed(Arc<Key>),
    Published(Arc<Published>),
}

impl Keys {
    /// `None`: nothing is configured that could verify a token.
    pub fn new(config: &Config) -> anyhow::Result<Option<Keys>> {
        if let Some(secret) = &config.jwt_secret {
            return Ok(Some(Keys::Fixed(Arc::new(Key::shared(secret.expose_secret().as_bytes())))));
        }
        if let Some(given) = &config.jwt_public_key {
            let key = Key::from_pem(&text(given)?).context("JWT_PUBLIC_KEY")?;
            return Ok(Some(Keys::Fixed(Arc::new(key))));
        }
        match &config.jwks_url {
            Some(url) => Ok(Some(Keys::Published(Arc::new(Published::new(url.clone())?)))),
            None => Ok(None),
        }
    }

    pub fn verify(&self, token: &str) -> Result<Holder, Unverified> {
        match self {
            Keys::Fixed(key) => key.verify(token),
            Keys::Published(published) => published.verify(token),
        }
    }

    pub async fn refresh(&self) {
        match self {
            Keys::Fixed(_) => {}
            Keys::Published(published) => published.refresh().await,
        }
    }

    pub async fn keep_fresh(&self) {
        match self {
            Keys::Fixed(_) => {}
            Keys::Published(published) => published.keep_fresh().await,
        }
    }
}

/// One key and the one algorithm that it is for.
pub struct Key {
    decoding: DecodingKey,
    rules: Validation,
}

impl Key {
    pub fn new(decoding: DecodingKey, algorithm: Algorithm) -> Key {
        let mut rules = Validation::new(algorithm);
        rules.leeway = SKEW_S;
        rules.validate_nbf = true;
        rules.validate_aud = false;
        rules.set_required_spec_claims(&["exp"]);
        Key { decoding, rules }
    }

    fn shared(secret: &[u8]) -> Key {
        Key::new(DecodingKey::from_secret(secret), Algorithm::HS256)
    }

    /// A public key as OpenSSL writes it.
    fn from_pem(pem: &str) -> anyhow::Result<Key> {
        ensure!(!pem.contains("PRIVATE KEY-----"), "this is a private key; its public half is needed");
        let (Some(from), Some(to)) = (pem.find("-----BEGIN "), pem.find("-----END ")) else {
            bail!("this is no key in PEM form")
        };
        let body = pem.get(from..to).and_then(|body| body[11..].split_once("-----"));
        let Some((label, base64)) = body else { bail!("this is no key in PEM form") };
        let base64: String = base64.split_whitespace().collect();
        let der = STANDARD.decode(base64).ok().context("the key is cut off or damaged")?;
        let key = match (label, &der) {
            ("RSA PUBLIC KEY", der) => rsa(der, pem),
            ("PUBLIC KEY", der) if names(der, RSA) => rsa(der, pem),
            ("PUBLIC KEY", der) if names(der, P256) => {
                Ok(Key::new(DecodingKey::from_ec_pem(pem.as_bytes())?, Algorithm::ES256))
            }
            ("PUBLIC KEY", der) if names(der, ED25519) => {
                Ok(Key::new(DecodingKey::from_ed_pem(pem.as_bytes())?, Algorithm::EdDSA))
            }
            ("CERTIFICATE", _) => {
                bail!("this is a certificate; its key comes out with: openssl x509 -pubkey -noout")
            }
            _ => bail!("the key must be RSA, EC on the curve P-256, or Ed25519"),
        };
        key.context("the key cannot be read")
    }

    pub fn verify(&self, token: &str) -> Result<Holder, Unverified> {
        let token = jsonwebtoken::decode::<Payload>(token, &self.decoding, &self.rules);
        let payload = token.map_err(|_| Unverified::Invalid)?.claims;
        if payload.exp <= OffsetDateTime::now_utc().unix_timestamp() {
            return Err(Unverified::Invalid);
        }
        let subject = match payload.sub {
            Subject::Text(text) => text,
            Subject::Number(number) => number.to_string(),
        };
        Ok(Holder { subject, role: Role::deserialize(payload.role).ok(), expires_s: payload.exp })
    }
}

/// Shorter ones are not accepted by anybody any more, and a token would be refused without a word.
const RSA_BYTES: usize = 2048 / 8;

fn rsa(der: &[u8], pem: &str) -> anyhow::Result<Key> {
    ensure!(der.len() > RSA_BYTES, "an RSA key needs 2048 bits or more");
    Ok(Key::new(DecodingKey::from_rsa_pem(pem.as_bytes())?, Algorithm::RS256))
}

// Names of algorithms as they stand at the head of a public key (RFC 5280, 4.1).
const RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
const P256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const ED25519: &[u8] = &[0x2B, 0x65, 0x70];

fn names(der: &[u8], algorithm: &[u8]) -> bool {
    der[..der.len().min(32)].windows(algorithm.len()).any(|part| part == algorithm)
}

/// The key itself, in which line ends may be written as `\n`, or the file that holds it.
fn text(given: &str) -> anyhow::Result<String> {
    if given.contains("-----BEGIN") {
        return Ok(given.replace("\\n", "\n"));
    }
    std::fs::read_to_string(given)
        .with_context(|| format!("JWT_PUBLIC_KEY is neither a key in PEM form nor a file: {given:.100}"))
}

/// What backends write. Only what we need has to be there.
#[derive(Deserialize)]
struct Payload {
    sub: Subject,
    #[serde(default)]
    role: serde_json::Value,
    exp: i64,
}

/// Some number their users.
#[derive(Deserialize)]
#[serde(untagged)]
enum Subject {
    Text(String),
    Number(i64),
}
