//! When a new token is asked for: before the old one ends, or when the server refused it. Pure: wall-clock times come
//! in from outside.

/// After no answer.
const AGAIN_MS: f64 = 5_000.0;
/// A token as short as these would have us ask without end.
const SOONEST_MS: f64 = 1_000.0;
/// A new token that is refused so soon was no help.
const PROVEN_MS: f64 = 30_000.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// `due_ms`: when the token should be renewed, by this machine's clock; `None`: it need not.
    Tick {
        due_ms: Option<f64>,
    },
    /// The server refused the token.
    Rejected,
    Renewed,
    Refused,
    NoAnswer,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Command {
    /// Ask for a new token; how it ends comes in as an event.
    Renew,
    /// Connect again with the new token.
    Resume,
    /// Somebody has to sign in.
    SignIn,
}

#[derive(Debug)]
pub struct Renewal {
    asking: bool,
    /// The connection waits for a new token.
    rejected: bool,
    /// No new one is to be had; the old one is used up to its end.
    refused: bool,
    not_before_ms: f64,
    /// When a new token last replaced a rejected one.
    mended_ms: f64,
}

impl Default for Renewal {
    fn default() -> Renewal {
        Renewal {
            asking: false,
            rejected: false,
            refused: false,
            not_before_ms: f64::NEG_INFINITY,
            mended_ms: f64::NEG_INFINITY,
        }
    }
}

impl Renewal {
    pub fn step(&mut self, event: Event, now_ms: f64) -> Option<Command> {
        match event {
            Event::Tick { due_ms } => {
                // A clock that was set back must not make the wait as long as the step.
                self.not_before_ms = self.not_before_ms.min(now_ms + AGAIN_MS);
                let due = !self.refused && due_ms.is_some_and(|due_ms| now_ms >= due_ms);
                (now_ms >= self.not_before_ms && (self.rejected || due)).then(|| self.ask()).flatten()
            }
            Event::Rejected if self.mended_ms + PROVEN_MS > now_ms && self.mended_ms <= now_ms => {
                Some(Command::SignIn)
            }
            Event::Rejected => {
                self.rejected = true;
                self.ask()
            }
            Event::Renewed => {
                self.answered(now_ms + SOONEST_MS);
                self.refused = false;
                let resumes = std::mem::take(&mut self.rejected);
                if resumes {
                    self.mended_ms = now_ms;
                }
                resumes.then_some(Command::Resume)
            }
            Event::Refused => {
                self.answered(now_ms);
                self.refused = true;
                std::mem::take(&mut self.rejected).then_some(Command::SignIn)
            }
            Event::NoAnswer => {
                self.answered(now_ms + AGAIN_MS);
                None
            }
        }
    }

    fn ask(&mut self) -> Option<Command> {
        (!std::mem::replace(&mut self.asking, true)).then_some(Command::Renew)
    }

    fn answered(&mut self, not_before_ms: f64) {
        self.asking = false;
        self.not_before_ms = not_before_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Command::*;

    const TICK: Event = Event::Tick { due_ms: Some(10_000.0) };

    #[test]
    fn a_token_is_renewed_once_when_it_is_due() {
        let mut renewal = Renewal::default();
        assert_eq!(renewal.step(TICK, 9_999.0), None);
        assert_eq!(renewal.step(TICK, 10_000.0), Some(Renew));
        assert_eq!(renewal.step(TICK, 11_000.0), None, "one at a time");
        assert_eq!(renewal.step(Event::Renewed, 11_500.0), None, "the socket stays as it is");
        assert_eq!(renewal.step(TICK, 12_000.0), None, "not at once again, however short the new one is");
        assert_eq!(renewal.step(TICK, 12_500.0), Some(Renew));
        assert_eq!(Renewal::default().step(Event::Tick { due_ms: None }, 1e12), None);
    }

    #[test]
    fn without_an_answer_it_is_asked_for_again() {
        let mut renewal = Renewal::default();
        assert_eq!(renewal.step(TICK, 10_000.0), Some(Renew));
        assert_eq!(renewal.step(Event::NoAnswer, 10_000.0), None);
        assert_eq!(renewal.step(TICK, 14_999.0), None);
        assert_eq!(renewal.step(TICK, 15_000.0), Some(Renew));
        renewal.step(Event::NoAnswer, 15_000.0);
        // The clock was set back by an hour.
        let due = Event::Tick { due_ms: Some(-1e9) };
        assert_eq!(renewal.step(due, -3_585_000.0), None);
        assert_eq!(renewal.step(due, -3_580_000.0), Some(Renew));
    }

    #[test]
    fn who_is_refused_uses_the_old_token_to_its_end_and_then_signs_in() {
        let mut renewal = Renewal::default();
        renewal.step(TICK, 10_000.0);
        assert_eq!(renewal.step(Event::Refused, 10_100.0), None);
        assert_eq!(renewal.step(TICK, 60_000.0), None, "it is not asked for again and again");
        assert_eq!(renewal.step(Event::Rejected, 70_000.0), Some(Renew), "but once more at the end");
        assert_eq!(renewal.step(Event::Refused, 70_100.0), Some(SignIn));
    }

    #[test]
    fn a_rejected_token_is_replaced_once() {
        let mut renewal = Renewal::default();
        assert_eq!(renewal.step(Event::Rejected, 1_000.0), Some(Renew));
        assert_eq!(renewal.step(Event::Rejected, 1_050.0), None);
        assert_eq!(renewal.step(Event::Renewed, 1_100.0), Some(Resume));
        assert_eq!(renewal.step(Event::Rejected, 2_000.0), Some(SignIn), "the new one is no better");
        assert_eq!(renewal.step(Event::Rejected, 60_000.0), Some(Renew), "one that was good for a while was");
    }

    #[test]
    fn who_waits_for_a_token_goes_on_when_the_network_is_back() {
        let mut renewal = Renewal::default();
        assert_eq!(renewal.step(Event::Rejected, 0.0), Some(Renew));
        renewal.step(Event::NoAnswer, 0.0);
        assert_eq!(renewal.step(Event::Tick { due_ms: None }, 5_000.0), Some(Renew));
        assert_eq!(renewal.step(Event::Renewed, 5_100.0), Some(Resume));
    }

    #[test]
    fn a_renewal_on_its_way_serves_whoever_is_rejected_meanwhile() {
        let mut renewal = Renewal::default();
        assert_eq!(renewal.step(TICK, 10_000.0), Some(Renew));
        assert_eq!(renewal.step(Event::Rejected, 10_050.0), None);
        assert_eq!(renewal.step(Event::Renewed, 10_100.0), Some(Resume));
    }
}
