//! Tokens: bent ones, and well-signed ones that say strange things. Only an Admin's own lets anyone see.

use crate::bend;
use crate::world::{SECRET, World};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_but_the_right_one_opens_anything() {
    let (inputs, mut rng) = crate::share(crate::TOKENS);
    let world = World::start().await;
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for input in 0..inputs {
        let (token, good) = token(&mut rng, &world);
        let request = request(&mut rng, &token);
        let told = || format!("input {input}: {}", String::from_utf8_lossy(&request));
        let status = world.status(&request).await.unwrap_or_else(|| panic!("no answer to {}", told()));
        assert!((400..500).contains(&status) || good && matches!(status, 101 | 200), "{status}: {}", told());
        *counts.entry(status).or_default() += 1;
    }
    println!("{inputs} tokens, by status: {counts:?}");
    assert!([101, 200, 401, 403].iter().all(|status| counts.contains_key(status)), "{counts:?}");
    world.still_serves().await;
}

/// A token, and whether it is an Admin's.
fn token(rng: &mut StdRng, world: &World) -> (Vec<u8>, bool) {
    match rng.random_range(0..4) {
        0 => (world.admin.clone().into_bytes(), true),
        1 => {
            let valid = world.admin.clone().into_bytes();
            let bent = bend::text(rng, valid.clone());
            let good = bent.trim_ascii() == valid;
            (bent, good)
        }
        _ => signed(rng, world),
    }
}

/// Strange claims, other algorithms, another key.
fn signed(rng: &mut StdRng, world: &World) -> (Vec<u8>, bool) {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    let valid = json!({"sub": world.admin_id, "email": "ana@taller.ec", "role": "Admin", "iat": now, "exp": now + 3_600});
    let mut claims = valid.clone();
    for _ in 0..rng.random_range(0..3) {
        let name = ["sub", "email", "role", "iat", "exp", "nbf"].choose(rng).copied().unwrap_or_default();
        let odd = [
            json!(null),
            json!(-1),
            json!(0),
            json!(now - 1),
            json!(1e300),
            json!("Root"),
            json!("User"),
            json!("Technician"),
            json!([]),
            json!({}),
            json!(""),
        ];
        claims[name] = odd.choose(rng).cloned().unwrap_or_default();
    }
    let algorithm = [Algorithm::HS256, Algorithm::HS256, Algorithm::HS384, Algorithm::HS512]
        .choose(rng)
        .copied()
        .unwrap_or_default();
    let key = if rng.random_ratio(3, 4) { SECRET } else { "another key of thirty-two bytes or more" };
    let text =
        jsonwebtoken::encode(&Header::new(algorithm), &claims, &EncodingKey::from_secret(key.as_bytes()))
            .expect("a token");
    (text.into_bytes(), key == SECRET && algorithm == Algorithm::HS256 && says_admin(&claims, now))
}

/// Where the role is an Admin's and the time is not over, the rest may be odd.
fn says_admin(claims: &Value, now: u64) -> bool {
    claims["role"] == "Admin" && claims["exp"].as_f64().is_some_and(|exp| exp > now as f64)
}

/// By one of the ways in which a token travels.
fn request(rng: &mut StdRng, token: &[u8]) -> Vec<u8> {
    let socket = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let end = b"\r\nconnection: close\r\n\r\n".as_slice();
    let host = b"host: localhost\r\n".as_slice();
    match rng.random_range(0..3) {
        0 => [b"GET /repair-orders/stats/overview HTTP/1.1\r\n", host, b"authorization: Bearer ", token, end]
            .concat(),
        1 => [b"GET /ws?token=", token, b" HTTP/1.1\r\n", host, socket.as_bytes(), b"\r\n"].concat(),
        _ => [
            b"GET /ws?version=0 HTTP/1.1\r\n",
            host,
            socket.as_bytes(),
            b"sec-websocket-protocol: pulso.v1, bearer.",
            token,
            b"\r\n\r\n",
        ]
        .concat(),
    }
}
