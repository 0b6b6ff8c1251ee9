//! Requests for an upgrade, as bytes: heads that are no heads, keys that are no keys.

use crate::bend;
use crate::world::World;
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::BTreeMap;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_handshake_breaks_anything() {
    let (inputs, mut rng) = crate::share(crate::UPGRADES);
    let world = World::start().await;
    let mut counts: BTreeMap<Option<u16>, usize> = BTreeMap::new();
    for input in 0..inputs {
        let request = request(&mut rng, &world.admin);
        let status = world.status(&request).await;
        // A head that is none is not always answered.
        assert!(
            status.is_none_or(|status| status < 500),
            "input {input}: {status:?} to {}",
            String::from_utf8_lossy(&request)
        );
        *counts.entry(status).or_default() += 1;
    }
    println!("{inputs} handshakes, by status: {counts:?}");
    assert!([101, 400, 401, 426].iter().all(|status| counts.contains_key(&Some(*status))), "{counts:?}");
    world.still_serves().await;
}

fn request(rng: &mut StdRng, token: &str) -> Vec<u8> {
    let mut lines = vec![
        format!("GET /ws?version=0&epoch=9f2c41d07ab35e18&token={token} HTTP/1.1"),
        "host: localhost".to_owned(),
        "connection: keep-alive, Upgrade".to_owned(),
        "upgrade: websocket".to_owned(),
        "sec-websocket-version: 13".to_owned(),
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==".to_owned(),
        "sec-websocket-protocol: pulso.v1".to_owned(),
        "origin: http://localhost:8080".to_owned(),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect::<Vec<_>>();
    for _ in 0..rng.random_range(0..3) {
        let at = rng.random_range(0..lines.len());
        match rng.random_range(0..5) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => lines.insert(
                at,
                format!("x-{}: {}", "a".repeat(rng.random_range(1..3_000)), "b".repeat(3_000)).into_bytes(),
            ),
            _ => lines[at] = bend::text(rng, std::mem::take(&mut lines[at])),
        }
    }
    let mut request = lines.join(b"\r\n".as_slice());
    if rng.random_ratio(1, 10) {
        request = bend::text(rng, request);
    }
    // Whatever it is, it ends: the server waits long for one that does not.
    request.extend(b"\r\n\r\n\r\n\r\n");
    request
}
