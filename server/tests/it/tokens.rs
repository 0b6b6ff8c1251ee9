//! Tokens of an upstream: which ones are believed, and how its keys may change.

use crate::keys::{Signer, claims, now_s, pem, sign};
use crate::support::{Client, FakeShop, Server, soon, until};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use shared::Metric;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

async fn status(server: &Server, token: &str) -> u16 {
    let request = server.http.get(server.url(Metric::OrdersOverview.path())).bearer_auth(token);
    soon("an answer", request.send()).await.expect("an answer").status().as_u16()
}

async fn check(server: &Server, token: &str, expected: u16, what: &str) {
    assert_eq!(status(server, token).await, expected, "{what}");
}

#[tokio::test]
async fn a_public_key_verifies_its_own_tokens_and_no_others() {
    let shop = FakeShop::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let signers = [Signer::rsa(), Signer::p256(), Signer::ed25519()];
    for (this, signer) in signers.iter().enumerate() {
        let file = folder.path().join("key.pem");
        std::fs::write(&file, &signer.public).expect("a file");
        let one_line = signer.public.replace('\n', "\\n");
        for given in [signer.public.as_str(), &one_line, file.to_str().expect("a path")] {
            let server = Server::before_with(&shop, &["--jwt-public-key", given]).await;
            for (other, signer) in signers.iter().enumerate() {
                let expected = if this == other { 200 } else { 401 };
                check(&server, &signer.sign(&claims(json!({}))), expected, &format!("{other} with {this}"))
                    .await;
            }
            check(&server, "", 401, "none").await;
        }
    }
}

#[tokio::test]
async fn the_algorithm_is_that_of_the_key_whatever_the_token_says() {
    let shop = FakeShop::start().await;
    let signer = Signer::rsa();
    let server = Server::before_with(&shop, &["--jwt-public-key", &signer.public]).await;
    let good = signer.sign(&claims(json!({})));
    check(&server, &good, 200, "its own").await;
    // Everybody knows the public key, so it must not pass for a shared secret.
    for secret in [signer.public.as_bytes(), signer.public.trim().as_bytes()] {
        let forged =
            sign(&Header::new(Algorithm::HS256), &claims(json!({})), &EncodingKey::from_secret(secret));
        check(&server, &forged, 401, "HS256 with the public key").await;
    }
    let payload = good.split('.').nth(1).expect("a payload");
    let signature = good.split('.').nth(2).expect("a signature");
    for header in
        [r#"{"alg":"none"}"#, r#"{"alg":"HS256"}"#, r#"{"alg":"RS512"}"#, r#"{"alg":"ES256"}"#, "{}"]
    {
        for signature in ["", signature] {
            let token = format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(header));
            check(&server, &token, 401, header).await;
        }
    }
    // A kid does not lead to another key than the configured one.
    check(&server, &signer.sign_as("../../dev/null", &claims(json!({}))), 200, "a name").await;
    check(&server, &Signer::rsa().sign_as("x", &claims(json!({}))), 401, "another's key").await;
}

#[tokio::test]
async fn what_a_token_must_say_and_what_it_may() {
    let shop = FakeShop::start().await;
    let secret = "a key of thirty-two bytes or more";
    let server = Server::before_with(&shop, &["--jwt-secret", secret]).await;
    let key = EncodingKey::from_secret(secret.as_bytes());
    for (changes, expected) in [
        (json!({}), 200),
        (json!({"sub": 7}), 200),
        (json!({"iat": null, "email": null}), 200),
        (json!({"aud": "shop", "iss": "shop", "extra": {}}), 200),
        (json!({"exp": now_s() - 1}), 401),
        (json!({"exp": now_s()}), 401),
        (json!({"exp": null}), 401),
        (json!({"exp": "soon"}), 401),
        (json!({"exp": -1}), 401),
        (json!({"exp": i64::MAX}), 200),
        (json!({"exp": u64::MAX}), 401),
        (json!({"sub": null}), 401),
        (json!({"nbf": now_s() + 3}), 200),
        (json!({"nbf": now_s() + 3600}), 401),
        (json!({"nbf": "later"}), 401),
        (json!({"role": "Technician"}), 403),
        (json!({"role": "User"}), 403),
        (json!({"role": "admin"}), 403),
        (json!({"role": "Screen"}), 403),
        (json!({"role": ["Admin"]}), 403),
        (json!({"role": null}), 403),
    ] {
        let token = sign(&Header::default(), &claims(changes.clone()), &key);
        check(&server, &token, expected, &changes.to_string()).await;
    }
    let joined = server
        .try_join(
            &format!(
                "?version=0&token={}",
                sign(&Header::default(), &claims(json!({"exp": i64::MAX})), &key)
            ),
            &[],
        )
        .await;
    assert!(joined.is_ok(), "for ever");
}

#[tokio::test]
async fn a_key_that_cannot_be_one_ends_the_start_with_a_line() {
    let shop = FakeShop::start().await;
    let url = shop.url();
    let check = async |key: &str, expected: &str| {
        let told = Server::refused(&["--rest-api-url", &url, "--jwt-public-key", key]).await;
        assert!(told.contains("JWT_PUBLIC_KEY") && told.contains(expected), "{told}");
        assert!(!told.contains('\n'), "{told}");
    };
    check("/no/such/file.pem", "neither a key in PEM form nor a file").await;
    check(&pem("PRIVATE KEY", b"x"), "private key").await;
    check(&pem("CERTIFICATE", b"x"), "openssl x509").await;
    check(&pem("PUBLIC KEY", b"x"), "RSA, EC on the curve P-256, or Ed25519").await;
    check("-----BEGIN PUBLIC KEY-----\n!!!\n-----END PUBLIC KEY-----", "cut off or damaged").await;
    check("-----BEGIN PUBLIC KEY-----", "no key in PEM form").await;
    let short =
        [&[0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01][..], &[0; 140]]
            .concat();
    check(&pem("PUBLIC KEY", &short), "2048 bits").await;
}

const KEYS: &str = "/keys.json";

fn publish(shop: &FakeShop, keys: &[Value]) {
    shop.reply(KEYS, 200, "application/json", &json!({ "keys": keys }).to_string());
}

fn times_asked(shop: &FakeShop) -> usize {
    shop.asked().iter().filter(|asked| asked.path == KEYS).count()
}

async fn with_published_keys(shop: &FakeShop) -> Server {
    let url = format!("{}{KEYS}", shop.url());
    let server = Server::before_with(shop, &["--jwks-url", &url, "--reconcile-secs", "3600"]).await;
    until("the keys to be asked for", async || times_asked(shop) == 1 || server.clients().await > 0).await;
    server
}

/// So much later, by every clock of the server.
async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn published_keys_are_followed_when_they_change() {
    let shop = FakeShop::start().await;
    let (first, second, third) = (Signer::rsa(), Signer::p256(), Signer::ed25519());
    // What is for somebody else is passed over.
    let others = [
        json!({"kty": "oct", "kid": "o", "k": "c2VjcmV0"}),
        json!({"kty": "zz"}),
        json!(7),
        json!({"kty": "RSA", "use": "enc", "kid": "e", "n": first.published("e")["n"], "e": "AQAB"}),
    ];
    publish(&shop, &[&others[..], &[first.published("one")]].concat());
    let server = with_published_keys(&shop).await;
    let one = first.sign_as("one", &claims(json!({})));
    check(&server, &one, 200, "the first key").await;
    check(&server, &first.sign(&claims(json!({}))), 200, "without a name").await;
    check(&server, &first.sign_as("e", &claims(json!({}))), 401, "a key for something else").await;
    let secret = EncodingKey::from_secret(b"secret");
    let header = Header { kid: Some("o".into()), ..Header::default() };
    check(&server, &sign(&header, &claims(json!({})), &secret), 401, "a published secret").await;
    assert_eq!(times_asked(&shop), 1, "an unknown name makes it ask no more often than every ten seconds");

    publish(&shop, &[second.published("two"), third.published("three")]);
    let two = second.sign_as("two", &claims(json!({})));
    check(&server, &two, 401, "asked a moment ago").await;
    later(Duration::from_secs(10)).await;
    check(&server, &two, 200, "rotated").await;
    check(&server, &third.sign_as("three", &claims(json!({}))), 200, "a third").await;
    check(&server, &second.sign_as("three", &claims(json!({}))), 401, "under another's name").await;
    check(&server, &one, 401, "taken back").await;
    assert_eq!(times_asked(&shop), 2);
}

#[tokio::test]
async fn keys_stay_while_they_cannot_be_had() {
    let shop = FakeShop::start().await;
    let signer = Signer::p256();
    publish(&shop, &[signer.published("one")]);
    let server = with_published_keys(&shop).await;
    let known = signer.sign_as("one", &claims(json!({})));
    check(&server, &known, 200, "published").await;
    let endless = format!("{{\"keys\":[{}]}}", "\"x\",".repeat(100_000));
    for (status, body) in
        [(500, "{}"), (302, ""), (200, "no JSON"), (200, "{\"keys\":[]}"), (200, endless.as_str())]
    {
        shop.reply(KEYS, status, "application/json", body);
        later(Duration::from_secs(10)).await;
        let asked = times_asked(&shop);
        check(&server, &signer.sign_as("unknown", &claims(json!({}))), 401, "unknown").await;
        assert_eq!(times_asked(&shop), asked + 1, "{body:.20}");
        check(&server, &known, 200, "still known").await;
    }
    shop.stop().await;
    later(Duration::from_secs(10)).await;
    check(&server, &signer.sign_as("unknown", &claims(json!({}))), 401, "nobody answers").await;
    check(&server, &known, 200, "still known").await;
}

#[tokio::test]
async fn a_key_that_is_taken_back_is_forgotten_without_anybody_asking() {
    let shop = FakeShop::start().await;
    let (old, new) = (Signer::p256(), Signer::p256());
    publish(&shop, &[old.published("old")]);
    let server = with_published_keys(&shop).await;
    check(&server, &old.sign_as("old", &claims(json!({}))), 200, "published").await;
    publish(&shop, &[new.published("new")]);
    later(Duration::from_secs(5 * 60)).await;
    until("the old key to be forgotten", async || {
        status(&server, &old.sign_as("old", &claims(json!({})))).await == 401
    })
    .await;
}

#[tokio::test]
async fn a_socket_is_renewed_with_a_key_that_was_not_known_yet() {
    let shop = FakeShop::start().await;
    let (old, new) = (Signer::ed25519(), Signer::rsa());
    publish(&shop, &[old.published("old")]);
    let server = with_published_keys(&shop).await;
    let join = async || {
        let query = format!("?version=0&token={}", old.sign_as("old", &claims(json!({}))));
        let mut client = server.join(&query).await;
        client.next().await;
        client
    };
    let (mut renewed, mut other, mut unknown) = (join().await, join().await, join().await);
    publish(&shop, &[new.published("new")]);
    later(Duration::from_secs(10)).await;
    let auth = async |client: &mut Client, token: String| {
        client.send(Message::text(json!({"type": "auth", "token": token}).to_string())).await;
    };
    auth(&mut renewed, new.sign_as("new", &claims(json!({})))).await;
    assert_eq!(renewed.next().await["event"], "AUTH");
    auth(&mut other, new.sign_as("new", &claims(json!({"sub": "8"})))).await;
    assert_eq!(other.closed().await, 4403);
    auth(&mut unknown, new.sign_as("nowhere", &claims(json!({})))).await;
    assert_eq!(unknown.closed().await, 4401);
    // It goes on hearing after it has waited for keys.
    auth(&mut renewed, "x.y.z".into()).await;
    assert_eq!(renewed.closed().await, 4401);
}
