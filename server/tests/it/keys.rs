//! Keys of invented backends, and tokens signed with them.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Clone)]
pub struct Signer {
    algorithm: Algorithm,
    private: EncodingKey,
    /// The public key in PEM form.
    pub public: String,
}

impl Signer {
    pub fn rsa() -> Signer {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        let private: Pkcs8V1Der = pair.as_der().expect("a key");
        let public: PublicKeyX509Der = pair.public_key().as_der().expect("a key");
        Signer::new(Algorithm::RS256, private.as_ref(), public.as_ref())
    }

    pub fn p256() -> Signer {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let private = pair.to_pkcs8v1().expect("a key");
        let public: PublicKeyX509Der = pair.public_key().as_der().expect("a key");
        Signer::new(Algorithm::ES256, private.as_ref(), public.as_ref())
    }

    pub fn ed25519() -> Signer {
        let pair = Ed25519KeyPair::generate().expect("a key");
        let private = pair.to_pkcs8v1().expect("a key");
        let public: PublicKeyX509Der = pair.public_key().as_der().expect("a key");
        Signer::new(Algorithm::EdDSA, private.as_ref(), public.as_ref())
    }

    fn new(algorithm: Algorithm, private: &[u8], public: &[u8]) -> Signer {
        let pem = pem("PRIVATE KEY", private);
        let private = match algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_pem(pem.as_bytes()),
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes()),
            _ => EncodingKey::from_ed_pem(pem.as_bytes()),
        };
        Signer { algorithm, private: private.expect("a key"), public: self::pem("PUBLIC KEY", public) }
    }

    pub fn sign(&self, claims: &Value) -> String {
        sign(&Header::new(self.algorithm), claims, &self.private)
    }

    pub fn sign_as(&self, id: &str, claims: &Value) -> String {
        let header = Header { kid: Some(id.to_owned()), ..Header::new(self.algorithm) };
        sign(&header, claims, &self.private)
    }

    /// As it stands in a published list.
    pub fn published(&self, id: &str) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.private, self.algorithm).expect("a key");
        jwk.common.key_id = Some(id.to_owned());
        serde_json::to_value(jwk).expect("JSON")
    }
}

pub fn sign(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    jsonwebtoken::encode(header, claims, key).expect("a token")
}

pub fn pem(label: &str, der: &[u8]) -> String {
    let lines = STANDARD.encode(der);
    let lines: Vec<_> = lines.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

pub fn now_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later").as_secs() as i64
}

/// An administrator's for an hour, with `changes`; null takes a claim away.
pub fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "sub": "7", "email": "ana@taller.ec", "role": "Admin", "iat": now_s(), "exp": now_s() + 3600
    });
    let all = claims.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            all.remove(name)
        } else {
            all.insert(name.clone(), value.clone())
        };
    }
    claims
}
