//! A link that signs in once: whoever starts the demo opens it, and needs no password.

use super::mark;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::sync::Mutex;

/// Long enough to open it, too short to find it in a scrollback of yesterday.
const GOOD_FOR: i64 = 10 * 60 * 1_000;

/// At most one at a time, in memory only.
#[derive(Debug, Default)]
pub struct OneTimeLink(Mutex<Option<Made>>);

#[derive(Debug)]
struct Made {
    hash: String,
    until: i64,
}

impl OneTimeLink {
    /// A new code; the one before is good for nothing any more.
    pub fn make(&self, now: i64) -> String {
        let code = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
        *self.made() = Some(Made { hash: mark(&code), until: now + GOOD_FOR });
        code
    }

    /// Whether the code is good. It is so once.
    pub fn use_up(&self, code: &str, now: i64) -> bool {
        let hash = mark(code);
        self.made().take_if(|made| made.hash == hash).is_some_and(|made| now < made.until)
    }

    fn made(&self) -> std::sync::MutexGuard<'_, Option<Made>> {
        self.0.lock().expect("nothing panics while it holds a code")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_good_once_and_for_a_while() {
        let link = OneTimeLink::default();
        assert!(!link.use_up("", 0));
        let first = link.make(0);
        let second = link.make(0);
        assert!(!link.use_up(&first, 0), "another took its place");
        assert!(!format!("{link:?}").contains(&second));
        assert!(link.use_up(&second, GOOD_FOR - 1));
        assert!(!link.use_up(&second, GOOD_FOR - 1));
        let late = link.make(0);
        assert!(!link.use_up(&late, GOOD_FOR));
    }
}
