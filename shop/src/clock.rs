//! What time it is, for everything that ends by itself: tokens, sign-ins, links, and the wait of who tried too often.

use std::sync::Arc;
use time::OffsetDateTime;

/// Milliseconds since 1970, from whoever was asked to tell them: tests write their own script.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    pub fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    pub fn now(&self) -> i64 {
        (self.0)()
    }
}

/// The machine's.
impl Default for Clock {
    fn default() -> Clock {
        Clock::new(|| (OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as i64)
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        out.write_str("Clock")
    }
}
