//! Bad input is input: everything that a stranger can send, bent in every way that comes to mind, against the real server.
//!
//! Nothing panics, nothing is a 5xx, and what was refused has changed nothing. 20,000 inputs; PULSO_FUZZ_INPUTS says
//! otherwise, and PULSO_FUZZ_SEED repeats another run than the usual one.

mod bend;
mod world;
mod bodies;
mod notify;
mod tokens;
mod upgrades;
mod frames;

use rand::SeedableRng;
use rand::rngs::StdRng;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const INPUTS: usize = 20_000;
const SEED: u64 = 593;

/// What part of all inputs each test tries, in hundredths.
const BODIES: usize = 45;
const NOTIFICATIONS: usize = 15;
const TOKENS: usize = 15;
const UPGRADES: usize = 15;
const FRAMES: usize = 10;

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not {text}")))
}

/// How many inputs, and where their chances come from.
fn share(hundredths: usize) -> (usize, StdRng) {
    let all = setting("PULSO_FUZZ_INPUTS").map_or(INPUTS, |inputs| inputs as usize);
    let seed = setting("PULSO_FUZZ_SEED").unwrap_or(SEED);
    (all * hundredths / 100, StdRng::seed_from_u64(seed + hundredths as u64))
}

static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static WATCHED: AtomicUsize = AtomicUsize::new(0);

/// The server's tasks outlive their panics, so these are looked for where they are told. Those of the tests are told by the
/// tests.
fn watch_for_panics() {
    if WATCHED.fetch_add(1, Relaxed) > 0 {
        return;
    }
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.location().is_none_or(|location| !location.file().contains("tests/fuzz")) {
            PANICS.lock().expect("pushing does not panic").push(panic.to_string());
        }
        usual(panic);
    }));
}

fn nothing_panicked() {
    let panics = PANICS.lock().expect("pushing does not panic").clone();
    assert!(panics.is_empty(), "{panics:?}");
}
