//! How a wall's screen is let in: it shows a code, asks whether someone has entered it, and takes a new code when the
//! old one runs out. Pure: answers and wall-clock times come in from outside.

/// While someone types the code.
const ASK_EVERY_MS: u32 = 2_000;
/// Of the server that wants to be left alone, and does not say how long.
const LEAVE_ALONE_S: u32 = 10;
const LONGEST_WAIT_S: u32 = 60;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ask {
    /// For a new code.
    Code,
    /// Whether it was entered.
    Token,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Code {
        code: String,
        secret: String,
        expires_in_s: u32,
    },
    Waiting,
    Token(String),
    /// An Admin took the screen away.
    Revoked,
    /// The code ran out.
    Expired,
    /// Too many questions.
    Later {
        wait_s: Option<u32>,
    },
    /// Nobody answered, or not as they should.
    Trouble,
}

/// What the page shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// No code so far.
    Nothing,
    Code {
        code: String,
        lasts_ms: f64,
        until_ms: f64,
    },
    /// It is let in.
    Paired {
        token: String,
    },
    Revoked,
}

#[derive(Debug, PartialEq)]
pub struct Pairing {
    pub shown: Shown,
    /// By which the screen is known; kept through power cuts.
    pub secret: Option<String>,
    /// The server cannot be reached.
    pub trouble: bool,
}

impl Pairing {
    /// `secret`: of an earlier visit.
    pub fn new(secret: Option<String>) -> Pairing {
        Pairing { shown: Shown::Nothing, secret, trouble: false }
    }

    pub fn ask(&self, now_ms: f64) -> Ask {
        match (&self.shown, &self.secret) {
            (_, None) => Ask::Code,
            // A clock that was set back must not keep a dead code on the wall.
            (Shown::Code { lasts_ms, until_ms, .. }, Some(_))
                if now_ms >= *until_ms || *until_ms - now_ms > *lasts_ms =>
            {
                Ask::Code
            }
            (Shown::Code { .. } | Shown::Nothing | Shown::Paired { .. } | Shown::Revoked, Some(_)) => {
                Ask::Token
            }
        }
    }

    /// After how many milliseconds to ask again. `None`: there is nothing left to ask.
    pub fn hear(&mut self, answer: Answer, now_ms: f64) -> Option<u32> {
        self.trouble = answer == Answer::Trouble;
        match answer {
            Answer::Code { code, secret, expires_in_s } => {
                let lasts_ms = f64::from(expires_in_s) * 1_000.0;
                self.shown = Shown::Code { code, lasts_ms, until_ms: now_ms + lasts_ms };
                self.secret = Some(secret);
            }
            // Left over from before a reload: nobody can enter a code that nobody sees.
            Answer::Waiting if self.shown == Shown::Nothing => self.secret = None,
            Answer::Waiting | Answer::Trouble => {}
            Answer::Later { wait_s } => {
                return Some(wait_s.unwrap_or(LEAVE_ALONE_S).clamp(1, LONGEST_WAIT_S) * 1_000);
            }
            Answer::Expired => self.secret = None,
            Answer::Token(token) => {
                self.shown = Shown::Paired { token };
                return None;
            }
            Answer::Revoked => {
                *self = Pairing { shown: Shown::Revoked, secret: None, trouble: false };
                return None;
            }
        }
        Some(if self.secret.is_none() && !self.trouble { 0 } else { ASK_EVERY_MS })
    }
}

/// Six digits, however they were written: `482 913`, `482-913`.
pub fn code_of(text: &str) -> Option<String> {
    let code: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    (code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())).then_some(code)
}

/// `4:32`
pub fn time_left(left_ms: f64) -> String {
    let seconds = (left_ms / 1_000.0).ceil().max(0.0) as u32;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(code: &str) -> Answer {
        Answer::Code { code: code.into(), secret: format!("s{code}"), expires_in_s: 300 }
    }

    fn with_code() -> Pairing {
        let mut pairing = Pairing::new(None);
        assert_eq!(pairing.ask(0.0), Ask::Code);
        assert_eq!(pairing.hear(code("012345"), 0.0), Some(2_000));
        pairing
    }

    #[test]
    fn a_screen_shows_a_code_until_someone_enters_it() {
        let mut pairing = with_code();
        for now_ms in [2_000.0, 4_000.0] {
            assert_eq!(pairing.ask(now_ms), Ask::Token);
            assert_eq!(pairing.hear(Answer::Waiting, now_ms), Some(2_000));
        }
        assert_eq!(pairing.hear(Answer::Token("jwt".into()), 6_000.0), None);
        assert_eq!(pairing.shown, Shown::Paired { token: "jwt".into() });
        assert_eq!(pairing.secret.as_deref(), Some("s012345"), "kept for the next power cut");
    }

    #[test]
    fn a_code_that_runs_out_is_replaced_by_itself() {
        let mut pairing = with_code();
        assert_eq!(pairing.ask(299_999.0), Ask::Token);
        assert_eq!(pairing.ask(300_000.0), Ask::Code);
        assert_eq!(pairing.ask(-1.0), Ask::Code, "the clock was set back");
        assert_eq!(pairing.hear(code("999999"), 300_000.0), Some(2_000));
        assert_eq!(pairing.secret.as_deref(), Some("s999999"));
        // The server's clock was ahead of ours.
        assert_eq!(pairing.hear(Answer::Expired, 302_000.0), Some(0));
        assert_eq!(pairing.ask(302_000.0), Ask::Code);
    }

    #[test]
    fn a_reload_needs_no_new_pairing_unless_the_code_was_never_entered() {
        let mut pairing = Pairing::new(Some("s".into()));
        assert_eq!(pairing.ask(0.0), Ask::Token);
        assert_eq!(pairing.hear(Answer::Token("jwt".into()), 0.0), None);
        let mut pairing = Pairing::new(Some("s".into()));
        assert_eq!(pairing.hear(Answer::Waiting, 0.0), Some(0));
        assert_eq!(pairing.ask(0.0), Ask::Code);
    }

    #[test]
    fn a_server_that_is_away_is_asked_on_and_the_code_stays() {
        let mut pairing = with_code();
        assert_eq!(pairing.hear(Answer::Trouble, 2_000.0), Some(2_000));
        assert!(pairing.trouble);
        assert!(matches!(pairing.shown, Shown::Code { .. }));
        pairing.hear(Answer::Waiting, 4_000.0);
        assert!(!pairing.trouble);
        let mut first = Pairing::new(None);
        // A zero here would ask without end.
        assert_ne!(first.hear(Answer::Trouble, 0.0), Some(0));
        assert_eq!(first.hear(Answer::Later { wait_s: Some(7) }, 0.0), Some(7_000));
        assert_eq!(first.hear(Answer::Later { wait_s: None }, 0.0), Some(10_000));
    }

    #[test]
    fn a_screen_that_was_taken_away_keeps_nothing() {
        let mut pairing = Pairing::new(Some("s".into()));
        assert_eq!(pairing.hear(Answer::Revoked, 0.0), None);
        assert_eq!(pairing, Pairing { shown: Shown::Revoked, secret: None, trouble: false });
    }

    #[test]
    fn a_code_is_six_digits_however_it_is_pasted() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(code_of(text).as_deref(), expected, "{text}");
        check("482 913", Some("482913"));
        check(" 012-345\u{a0}", Some("012345"));
        check("48291", None);
        check("4829134", None);
        check("48291a", None);
        check("٤٨٢٩١٣", None);
        check("", None);
    }

    #[test]
    fn the_time_left_is_rounded_up_and_never_below_zero() {
        let check = |left_ms: f64, expected: &str| assert_eq!(time_left(left_ms), expected);
        check(271_001.0, "4:32");
        check(300_000.0, "5:00");
        check(9_000.0, "0:09");
        check(-5.0, "0:00");
    }
}
