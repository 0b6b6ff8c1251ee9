//! Keys that an upstream publishes (JWKS): kept, asked for anew from time to time and when a token names an unknown one.
//! While they cannot be had, those that are known stay.

use super::keys::{Holder, Key, Unverified};
use crate::source::error_chain;
use anyhow::{Context, ensure};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

/// A rotation that no unknown key announces, such as a key taken back, is followed within this time.
const FRESH_FOR: Duration = Duration::from_secs(5 * 60);

/// Whoever sends tokens of unknown keys makes us ask no more often.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(10);

const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// A list of keys has a few KiB.
const BODY_BYTES: usize = 256 * 1024;

/// More are a mistake; those beyond are not kept.
const KEYS: usize = 32;

pub struct Published {
    url: Url,
    client: Client,
    known: RwLock<Arc<Vec<Named>>>,
    /// When we last asked. Held while asking, so that all who wait for a key wait for one answer.
    asked: Mutex<Option<Instant>>,
}

/// A key with the name that tokens call it by.
struct Named {
    id: Option<String>,
    key: Key,
}

impl Published {
    pub fn new(url: Url) -> anyhow::Result<Published> {
        let redirect = reqwest::redirect::Policy::none();
        let client = Client::builder().redirect(redirect).timeout(ANSWER_WITHIN).build()?;
        Ok(Published { url, client, known: RwLock::default(), asked: Mutex::default() })
    }

    pub fn verify(&self, token: &str) -> Result<Holder, Unverified> {
        let known = self.known();
        let id = jsonwebtoken::decode_header(token).map_err(|_| Unverified::Invalid)?.kid;
        if id.is_some() {
            let named = known.iter().find(|named| named.id == id).ok_or(Unverified::UnknownKey)?;
            return named.key.verify(token);
        }
        // A token that names no key may be of any.
        let holder = known.iter().find_map(|named| named.key.verify(token).ok());
        holder.ok_or(if known.is_empty() { Unverified::UnknownKey } else { Unverified::Invalid })
    }

    fn known(&self) -> Arc<Vec<Named>> {
        self.known.read().expect("nothing panics while it swaps the keys").clone()
    }

    /// Asks for the keys, unless that was done a moment ago. In a task of its own: a stranger who hangs up must not
    /// call off what others wait for.
    pub async fn refresh(self: &Arc<Self>) {
        let published = self.clone();
        let _ = tokio::spawn(async move { published.ask().await }).await;
    }

    /// Never comes to an end.
    pub async fn keep_fresh(self: &Arc<Self>) {
        loop {
            self.refresh().await;
            let none = self.known().is_empty();
            sleep(if none { ASK_AGAIN_AFTER } else { FRESH_FOR }).await;
        }
    }

    async fn ask(&self) {
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|at| at.elapsed() < ASK_AGAIN_AFTER) {
            return;
        }
        *asked = Some(Instant::now());
        match self.fetch().await {
            Ok(keys) => {
                tracing::debug!(keys = keys.len(), "the upstream's keys were read");
                *self.known.write().expect("nothing panics while it swaps the keys") = Arc::new(keys);
            }
            Err(error) => tracing::warn!(
                error = format!("{error:#}"),
                known = self.known().len(),
                "could not fetch the keys of JWKS_URL"
            ),
        }
    }

    async fn fetch(&self) -> anyhow::Result<Vec<Named>> {
        let chain = |error: reqwest::Error| anyhow::anyhow!(error_chain(error));
        let mut response = self.client.get(self.url.clone()).send().await.map_err(chain)?;
        ensure!(response.status() == StatusCode::OK, "status {}", response.status());
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(chain)? {
            body.extend_from_slice(&piece);
            ensure!(body.len() <= BODY_BYTES, "the answer has more than {BODY_BYTES} bytes");
        }
        usable(&body)
    }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

/// The keys that we can use; others are for somebody else. A list without any is a mistake.
fn usable(body: &[u8]) -> anyhow::Result<Vec<Named>> {
    let set: KeySet = serde_json::from_slice(body).context("the answer is no list of keys")?;
    let keys: Vec<Named> = set.keys.into_iter().filter_map(read).take(KEYS).collect();
    ensure!(!keys.is_empty(), "the list has no key for RS256, ES256 or EdDSA");
    Ok(keys)
}

fn read(key: serde_json::Value) -> Option<Named> {
    let jwk: Jwk = serde_json::from_value(key).ok()?;
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    let algorithm = algorithm(&jwk)?;
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Named { id: jwk.common.key_id, key: Key::new(decoding, algorithm) })
}

/// What the key is for, if we know it. Never a shared secret: who publishes one has none.
fn algorithm(jwk: &Jwk) -> Option<Algorithm> {
    let (algorithm, name) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        // The library may come to know more kinds.
        _ => return None,
    };
    jwk.common.key_algorithm.is_none_or(|own| own == name).then_some(algorithm)
}
