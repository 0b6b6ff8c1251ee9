//! One at a time over all tabs of a browser: a note in its storage says whose turn it is.
//!
//! Locks of the browser's own exist only where a page came over TLS, and a shop's own network often has none. The
//! server forgives two tabs that renew at the same moment, so a note that is nearly always right is enough.

use crate::clock;
use crate::session::{erase, store, stored};
use gloo_timers::future::TimeoutFuture;

const KEY: &str = "pulso.turn";
/// A tab that was closed in its turn holds the others up for so long.
const LASTS_MS: f64 = 15_000.0;
/// Other tabs' notes are seen by then.
const SEEN_WITHIN_MS: f64 = 60.0;
const LOOK_EVERY_MS: u32 = 100;

/// Over when dropped.
pub struct Turn {
    note: String,
}

impl Turn {
    /// `None` once `done` says that another one did what was to be done.
    pub async fn take(done: impl Fn() -> bool) -> Option<Turn> {
        loop {
            if done() {
                return None;
            }
            let now_ms = clock::now_ms();
            if stored(KEY).is_none_or(|note| is_over(&note, now_ms)) {
                let chance = js_sys::Math::random();
                let note = format!("{} {}", (now_ms + LASTS_MS) as u64, (chance * 1e9) as u32);
                store(KEY, &note);
                TimeoutFuture::new((SEEN_WITHIN_MS * (1.0 + chance)) as u32).await;
                // Where nothing can be stored there is nobody to wait for.
                if stored(KEY).is_none_or(|seen| seen == note) {
                    let turn = Turn { note };
                    return (!done()).then_some(turn);
                }
            }
            TimeoutFuture::new(LOOK_EVERY_MS).await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if stored(KEY).as_deref() == Some(&self.note) {
            erase(KEY);
        }
    }
}

/// A note from a clock that was set back since would hold for hours.
fn is_over(note: &str, now_ms: f64) -> bool {
    let until_ms = note.split(' ').next().and_then(|until| until.parse().ok()).unwrap_or(0_u64) as f64;
    now_ms >= until_ms || until_ms > now_ms + LASTS_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_ends_by_itself() {
        assert!(!is_over("20000 7", 10_000.0));
        assert!(is_over("20000 7", 20_000.0));
        assert!(is_over("99999 7", 10_000.0), "by a clock that was set back");
        assert!(is_over("", 1.0) && is_over("x", 1.0));
    }
}
