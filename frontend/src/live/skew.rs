//! How far this machine's clock is from the server's. A television that is ten minutes fast would otherwise call
//! every fresh figure old. Pure.

/// Less than this is on the way, not on the clock.
const UNNOTICED_MS: f64 = 5_000.0;

#[derive(Clone, Copy, Debug, Default)]
pub struct Skew {
    /// The least that this connection's frames showed: a frame can only come late.
    least_ms: f64,
    measured: bool,
}

impl Skew {
    /// A frame says when it was made, by the server's clock; NaN if it does not.
    pub fn learn(&mut self, made_ms: f64, now_ms: f64) {
        let ahead_ms = now_ms - made_ms;
        if ahead_ms.is_nan() {
            return;
        }
        self.least_ms = if self.measured { self.least_ms.min(ahead_ms) } else { ahead_ms };
        self.measured = true;
    }

    /// The next connection measures anew, as a clock may have been set meanwhile; until then the old figure holds.
    pub fn start_over(&mut self) {
        self.measured = false;
    }

    /// A time of the server's as this machine's clock would tell it, and never in the future.
    pub fn here(&self, server_ms: f64, now_ms: f64) -> f64 {
        self.by_our_clock(server_ms).min(now_ms)
    }

    /// Of a time that is still to come.
    pub fn by_our_clock(&self, server_ms: f64) -> f64 {
        let ahead_ms = if self.least_ms.abs() < UNNOTICED_MS { 0.0 } else { self.least_ms };
        server_ms + ahead_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_is_seen_and_one_that_is_right_is_left_alone() {
        let check = |frames: &[(f64, f64)], server_ms: f64, expected: f64| {
            let mut skew = Skew::default();
            frames.iter().for_each(|(made, now)| skew.learn(*made, *now));
            assert_eq!(skew.here(server_ms, 1e9), expected, "{frames:?}");
        };
        check(&[], 500.0, 500.0);
        check(&[(1_000.0, 1_030.0)], 500.0, 500.0);
        check(&[(f64::NAN, 1_030.0)], 500.0, 500.0);
        // Fast by a minute; the first frame was older than its delivery.
        check(&[(1_000.0, 70_000.0), (11_000.0, 71_020.0)], 500.0, 60_520.0);
        check(&[(100_000.0, 40_000.0)], 99_000.0, 39_000.0);
        assert_eq!(Skew::default().here(7.0, 5.0), 5.0, "nothing comes from the future");
        let mut fast = Skew::default();
        fast.learn(1_000.0, 61_000.0);
        assert_eq!(
            fast.by_our_clock(900_000.0),
            960_000.0,
            "a token's end, by a clock that is a minute fast"
        );
    }

    #[test]
    fn a_new_connection_measures_anew() {
        let mut skew = Skew::default();
        skew.learn(0.0, 60_000.0);
        skew.start_over();
        assert_eq!(skew.here(0.0, 1e9), 60_000.0);
        skew.learn(0.0, 3_600_000.0);
        assert_eq!(skew.here(0.0, 1e9), 3_600_000.0);
    }
}
