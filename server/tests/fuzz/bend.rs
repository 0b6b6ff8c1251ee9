//! Ways to make something valid wrong, odd or huge.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};

/// A body near a valid one: bent as JSON, sometimes as text.
pub fn body(rng: &mut StdRng, valid: &Value) -> Vec<u8> {
    let mut value = valid.clone();
    for _ in 0..rng.random_range(0..4) {
        bend(rng, &mut value);
    }
    let mut bytes = match rng.random_range(0..20) {
        0 => with_doubled_key(&value),
        _ => value.to_string().into_bytes(),
    };
    if rng.random_ratio(1, 4) {
        bytes = text(rng, bytes);
    }
    bytes
}

/// Bytes flipped, lost, doubled, moved.
pub fn text(rng: &mut StdRng, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..rng.random_range(1..4) {
        let at = if bytes.is_empty() { 0 } else { rng.random_range(0..bytes.len()) };
        match rng.random_range(0..7) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes.truncate(at),
            2 => bytes.insert(at, rng.random()),
            3 => {
                let tail = bytes[at..].to_vec();
                bytes.extend(tail);
            }
            4 if !bytes.is_empty() => drop(bytes.remove(at)),
            5 => bytes
                .splice(at..at, PIECES.choose(rng).copied().unwrap_or_default().iter().copied())
                .for_each(drop),
            _ => bytes.rotate_left(at),
        }
    }
    bytes
}

/// What parsers of all kinds stumble over.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\xff\xfe",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\\u0000",
    b"\\ud800",
    b"{\"a\":",
    b"[[[[[[[[",
    b"]]",
    b"}",
    b"\"",
    b",,",
    b"1e999",
    b"-0",
    b"NaN",
    b"\r\n",
    b"\r\n\r\n",
    b"%00",
    b"%",
    b"../",
    b"' OR '1'='1",
    b"<script>",
    b"\xf0\x9f\x94\xa7",
    b"\xe2\x80\xae",
    b":",
    b"=",
    b".",
];

fn bend(rng: &mut StdRng, value: &mut Value) {
    let deeper = rng.random_ratio(2, 3);
    match value {
        Value::Object(map) if deeper && !map.is_empty() => {
            let name = any_key(rng, map);
            match rng.random_range(0..8) {
                0 => drop(map.remove(&name)),
                1 => {
                    let moved = map.remove(&name).unwrap_or_default();
                    map.insert(
                        format!("{name}{}", ODD_NAMES.choose(rng).copied().unwrap_or_default()),
                        moved,
                    );
                }
                2 => {
                    let odd = odd(rng);
                    map.insert(ODD_NAMES.choose(rng).copied().unwrap_or_default().to_owned(), odd);
                }
                3 => {
                    let other = any_key(rng, map);
                    let taken = map[&other].clone();
                    map.insert(name, taken);
                }
                _ => bend(rng, map.get_mut(&name).expect("it was picked among them")),
            }
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let at = rng.random_range(0..items.len());
            match rng.random_range(0..4) {
                0 => drop(items.remove(at)),
                1 => items.extend(std::iter::repeat_n(items[at].clone(), 250)),
                _ => bend(rng, &mut items[at]),
            }
        }
        Value::String(text) if deeper => {
            let bent = self::text(rng, std::mem::take(text).into_bytes());
            *text = String::from_utf8_lossy(&bent).into_owned();
        }
        Value::Number(number) if deeper => {
            let number = number.as_f64().unwrap_or_default();
            let factor =
                [-1.0, 0.0, 0.001, 1.000_001, 1e6, 1e18, 1e300].choose(rng).copied().unwrap_or_default();
            *value = json!(number * factor);
        }
        _ => *value = odd(rng),
    }
}

fn any_key(rng: &mut StdRng, map: &Map<String, Value>) -> String {
    map.keys().nth(rng.random_range(0..map.len())).expect("within").clone()
}

const ODD_NAMES: &[&str] = &[
    "",
    " ",
    "id",
    "role",
    "password",
    "passwordHash",
    "__proto__",
    "userId",
    "finalCost",
    "stock",
    "ñ",
    "\u{0}",
    "a.b",
    "$ne",
];

fn odd(rng: &mut StdRng) -> Value {
    match rng.random_range(0..24) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(0),
        4 => json!(1e308),
        5 => json!(0.005),
        6 => json!(9_007_199_254_740_993_i64),
        7 => json!(i64::MIN),
        8 => json!(u64::MAX),
        9 => json!(""),
        10 => json!(" \t\n"),
        11 => json!("x".repeat(6_000)),
        12 => json!("\u{0}"),
        13 => json!("'; DROP TABLE users; --"),
        14 => json!("🔧\u{202e}\u{301}\u{feff}"),
        15 => json!([]),
        16 => json!({}),
        17 => (0..100).fold(json!(1), |inner, _| json!([inner])),
        18 => json!("550e8400-e29b-41d4-a716-446655440000"),
        19 => json!("2026-02-30"),
        20 => json!("12.345"),
        21 => json!("true"),
        22 => json!([null, {}, [], ""]),
        _ => json!({"a": {"b": [1, 2, 3]}}),
    }
}

/// The same name twice, which `Value` cannot hold.
fn with_doubled_key(value: &Value) -> Vec<u8> {
    let text = value.to_string();
    match value {
        Value::Object(map) if !map.is_empty() => {
            let (name, first) = map.iter().next().expect("it is not empty");
            format!("{},{}:{first}}}", &text[..text.len() - 1], json!(name)).into_bytes()
        }
        _ => text.into_bytes(),
    }
}
