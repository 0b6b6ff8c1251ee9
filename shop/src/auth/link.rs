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

/// A code that was made; whoever took it is the only one who has it.
#[derive(Debug)]
pub struct Made {
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

    /// `None` where the code is not good. It is so once, unless it is given back.
    pub fn use_up(&self, code: &str, now: i64) -> Option<Made> {
        let hash = mark(code);
        self.made().take_if(|made| made.hash == hash).filter(|made| now < made.until)
    }

    /// Nobody was signed in by it, unless another code was made meanwhile.
    pub fn give_back(&self, made: Made) {
        self.made().get_or_insert(made);
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
        assert!(link.use_up("", 0).is_none());
        let first = link.make(0);
        let second = link.make(0);
        assert!(link.use_up(&first, 0).is_none(), "another took its place");
        assert!(!format!("{link:?}").contains(&second));
        let made = link.use_up(&second, GOOD_FOR - 1).expect("a good one");
        assert!(link.use_up(&second, GOOD_FOR - 1).is_none());
        link.give_back(made);
        assert!(link.use_up(&second, GOOD_FOR - 1).is_some());
        let late = link.make(0);
        assert!(link.use_up(&late, GOOD_FOR).is_none());
    }
}
