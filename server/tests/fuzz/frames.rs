//! Frames from a client: of every kind, length and mask, whole and torn. The server answers with frames of its own, or hangs up.

use crate::bend;
use crate::world::World;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What protocol.md lets a server close with of its own accord, and what it may say back to a client that closes with it.
fn is_close_code(code: u16) -> bool {
    matches!(code, 1000 | 1001 | 1002 | 1008 | 1009 | 4401 | 4403 | 4408)
        || matches!(code, 1003 | 1007 | 1010..=1014 | 3000..5000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_frame_breaks_anything() {
    let (inputs, mut rng) = crate::share(crate::FRAMES);
    let world = World::start().await;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for input in 0..inputs {
        let mut bytes = handshake(&world.admin);
        let sent = frames(&mut rng, &world.admin);
        bytes.extend(&sent);
        let answer = world.exchange(&bytes).await;
        let head = answer.windows(4).position(|window| window == b"\r\n\r\n");
        let frames = head
            .map(|at| &answer[at + 4..])
            .unwrap_or_else(|| panic!("input {input}: no handshake for {sent:x?}"));
        for end in
            read(frames).unwrap_or_else(|wrong| panic!("input {input}: {wrong} in answer to {sent:x?}"))
        {
            *counts.entry(end).or_default() += 1;
        }
    }
    println!("{inputs} series of frames, answered by {counts:?}");
    assert!(
        counts.contains_key("text") && counts.contains_key("close 1002") && counts.contains_key("close 1009"),
        "{counts:?}"
    );
    world.still_serves().await;
}

fn handshake(token: &str) -> Vec<u8> {
    format!(
        "GET /ws?version=0&token={token} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes()
}

fn frames(rng: &mut StdRng, token: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rng.random_range(1..5) {
        bytes.extend(frame(rng, token));
    }
    if rng.random_ratio(1, 5) { bend::text(rng, bytes) } else { bytes }
}

fn frame(rng: &mut StdRng, token: &str) -> Vec<u8> {
    let opcodes = [0, 1, 1, 1, 2, 3, 7, 8, 9, 9, 10, 11, 15];
    let opcode = opcodes.choose(rng).copied().unwrap_or_default();
    let bits = if rng.random_ratio(4, 5) { 0x80 } else { [0, 0x40, 0x90, 0xf0][rng.random_range(0..4)] };
    let payload = payload(rng, token, opcode);
    let masked = rng.random_ratio(9, 10);
    let mask: [u8; 4] = rng.random();
    let mut bytes = vec![bits | opcode];
    let says = if rng.random_ratio(1, 20) { rng.random::<u64>() } else { payload.len() as u64 };
    let mark = if masked { 0x80 } else { 0 };
    match says {
        0..126 => bytes.push(mark | says as u8),
        126..65_536 => {
            bytes.push(mark | 126);
            bytes.extend((says as u16).to_be_bytes());
        }
        _ => {
            bytes.push(mark | 127);
            bytes.extend(says.to_be_bytes());
        }
    }
    if masked {
        bytes.extend(mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    } else {
        bytes.extend(payload);
    }
    bytes
}

fn payload(rng: &mut StdRng, token: &str, opcode: u8) -> Vec<u8> {
    match (opcode, rng.random_range(0..4)) {
        (8, 0) => Vec::new(),
        (8, _) => rng.random::<u16>().to_be_bytes().to_vec(),
        (_, 0) => vec![rng.random(); rng.random_range(0..6_000)],
        (_, 1) => bend::body(rng, &json!({"type": "auth", "token": token})),
        (_, 2) => json!({"type": "auth", "token": token}).to_string().into_bytes(),
        _ => (0..rng.random_range(0..130)).map(|_| rng.random()).collect(),
    }
}

/// The frames of the server, each named; none of them masked, torn or of a kind that it never sends.
fn read(mut bytes: &[u8]) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        let (length, rest) = match (second, rest) {
            (126, [a, b, rest @ ..]) => (u16::from_be_bytes([*a, *b]).into(), rest),
            (127, _) => return Err("a frame of more than 64 KiB".into()),
            (0..126, _) => (usize::from(*second), rest),
            _ => return Err(format!("a second byte {second:#x}")),
        };
        let Some((payload, after)) = rest.split_at_checked(length) else {
            // Whoever broke off may be hung up on in the middle of a frame.
            return Ok(names);
        };
        names.push(match (first, payload) {
            (0x81, text) => serde_json::from_slice::<Value>(text)
                .map(|_| "text".to_owned())
                .map_err(|error| error.to_string())?,
            (0x8a, _) => "pong".to_owned(),
            (0x88, [a, b, ..]) => {
                let code = u16::from_be_bytes([*a, *b]);
                if !is_close_code(code) {
                    return Err(format!("closed with {code}"));
                }
                format!("close {code}")
            }
            (0x88, []) => "close".to_owned(),
            _ => return Err(format!("a first byte {first:#x}")),
        });
        bytes = after;
    }
    Ok(names)
}
