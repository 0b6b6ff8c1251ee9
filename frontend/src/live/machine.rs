//! When to connect, when to wait, when to ask otherwise. Pure: wall-clock times and chance come in from outside.
//!
//! It tries for ever, with full jitter, and judges life by the wall clock: timers sleep with a laptop or a
//! hidden tab, the clock does not.

use crate::store::Connection;

/// Nothing heard for so long: the connection is dead, whatever the socket says. Twice a heartbeat and a bit.
const SILENCE_MS: f64 = 12_000.0;
/// A socket that has not spoken by then never will.
const OPEN_WITHIN_MS: f64 = 10_000.0;
/// A network that changed leaves a socket hanging that was begun before: after so long, hurrying begins another.
const HANGING_MS: f64 = 2_000.0;
/// A connection that lasted so long was a good one: the next failure is the first.
const HEALTHY_MS: f64 = 10_000.0;
const BACKOFF_FIRST_MS: f64 = 1_000.0;
const BACKOFF_LONGEST_MS: f64 = 30_000.0;
/// After so many sockets failed in a row, the metrics are asked for over HTTP too.
const POLL_AFTER: u32 = 3;
const POLL_EVERY_MS: f64 = 30_000.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    Start,
    /// A frame came.
    Heard,
    Closed {
        code: u16,
    },
    /// Something was missed: connect again from our position.
    Missed,
    Tick,
    /// The network is back, or the tab is seen again, or someone pressed "retry".
    Hurry,
    Offline,
    /// The status of a plain request; `NOBODY` if there was no answer.
    Answered {
        status: u16,
    },
}

/// The status of a request that nobody answered.
pub const NOBODY: u16 = 0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Command {
    Connect,
    Disconnect,
    /// Browsers do not tell why a socket was refused, so a plain request asks.
    Probe,
    /// Ask for all metrics.
    Poll,
    SignIn,
    NotAllowed,
}

#[derive(Debug)]
pub struct Machine {
    state: State,
    failures: u32,
    offline: bool,
    poll_at: Option<f64>,
    /// Whether plain requests get through.
    answered: bool,
    /// When something was last missed.
    missed_at: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Idle,
    Connecting {
        since: f64,
    },
    Open {
        since: f64,
        heard: f64,
    },
    Waiting {
        until: f64,
    },
    /// Somebody has to sign in first.
    Stopped,
}

impl Default for Machine {
    fn default() -> Machine {
        Machine {
            state: State::Idle,
            failures: 0,
            offline: false,
            poll_at: None,
            answered: false,
            missed_at: None,
        }
    }
}

impl Machine {
    /// `chance` from 0 to 1 spreads the tries of many clients.
    pub fn step(&mut self, event: Event, now: f64, chance: f64) -> Vec<Command> {
        match (event, self.state) {
            (_, State::Stopped) => Vec::new(),
            (Event::Start, _) => self.connect(now),
            (Event::Heard, State::Connecting { .. }) => {
                self.state = State::Open { since: now, heard: now };
                self.poll_at = None;
                self.offline = false;
                Vec::new()
            }
            (Event::Heard, State::Open { since, .. }) => {
                self.state = State::Open { since, heard: now };
                if now - since >= HEALTHY_MS {
                    self.failures = 0;
                }
                Vec::new()
            }
            (Event::Closed { code: 4401 }, _) => self.stop(Command::SignIn),
            (Event::Closed { code: 4403 }, _) => self.stop(Command::NotAllowed),
            (Event::Closed { .. }, State::Open { since, .. }) => {
                if now - since >= HEALTHY_MS {
                    self.failures = 0;
                }
                self.fail(now, chance)
            }
            (Event::Closed { .. }, State::Connecting { .. }) => {
                let mut commands = self.fail(now, chance);
                commands.push(Command::Probe);
                commands
            }
            (Event::Missed, State::Open { .. }) => self.resume(now, chance),
            (Event::Tick, _) => self.tick(now, chance),
            (Event::Hurry, State::Waiting { .. }) => {
                self.offline = false;
                self.connect(now)
            }
            (Event::Hurry, State::Connecting { since }) if now - since > HANGING_MS => {
                self.offline = false;
                self.reconnect(now)
            }
            // Seen again after a sleep: the silence is judged at once.
            (Event::Hurry, _) => {
                self.offline = false;
                self.tick(now, chance)
            }
            (Event::Offline, _) => {
                self.offline = true;
                Vec::new()
            }
            (Event::Answered { status: 401 }, State::Waiting { .. } | State::Connecting { .. }) => {
                self.stop(Command::SignIn)
            }
            (Event::Answered { status: 403 }, State::Waiting { .. } | State::Connecting { .. }) => {
                self.stop(Command::NotAllowed)
            }
            (Event::Answered { status }, _) => {
                self.heed(status);
                Vec::new()
            }
            (Event::Heard | Event::Closed { .. } | Event::Missed, _) => Vec::new(),
        }
    }

    fn tick(&mut self, now: f64, chance: f64) -> Vec<Command> {
        self.follow_the_clock(now);
        let mut commands = match self.state {
            State::Open { heard, .. } if now - heard > SILENCE_MS => self.reconnect(now),
            State::Connecting { since } if now - since > OPEN_WITHIN_MS => {
                let mut commands = vec![Command::Disconnect];
                commands.extend(self.fail(now, chance));
                commands.push(Command::Probe);
                commands
            }
            State::Waiting { until } if now >= until => self.connect(now),
            State::Idle
            | State::Connecting { .. }
            | State::Open { .. }
            | State::Waiting { .. }
            | State::Stopped => Vec::new(),
        };
        if self.poll_at.is_some_and(|at| now >= at) {
            self.poll_at = Some(now + POLL_EVERY_MS);
            commands.push(Command::Poll);
        }
        commands
    }

    /// A clock that was set back would make every wait as long as the step.
    fn follow_the_clock(&mut self, now: f64) {
        match &mut self.state {
            State::Open { since, heard } => {
                *since = since.min(now);
                *heard = heard.min(now);
            }
            State::Connecting { since } => *since = since.min(now),
            State::Waiting { until } => *until = until.min(now + BACKOFF_LONGEST_MS),
            State::Idle | State::Stopped => {}
        }
        self.poll_at = self.poll_at.map(|at| at.min(now + POLL_EVERY_MS));
        self.missed_at = self.missed_at.map(|at| at.min(now));
    }

    /// At once, unless the last resume did not help either: two that disagree must not go round in circles.
    fn resume(&mut self, now: f64, chance: f64) -> Vec<Command> {
        let again = self.missed_at.replace(now).is_some_and(|before| now - before < HEALTHY_MS);
        if !again {
            return self.reconnect(now);
        }
        let mut commands = vec![Command::Disconnect];
        commands.extend(self.fail(now, chance));
        commands
    }

    /// Whether there is a server behind the answer: a proxy that has lost its own says 502 or 504.
    fn heed(&mut self, status: u16) {
        match status {
            NOBODY | 502 | 504 => self.answered = false,
            200..=499 => self.answered = true,
            _ => {}
        }
    }

    fn connect(&mut self, now: f64) -> Vec<Command> {
        self.state = State::Connecting { since: now };
        vec![Command::Connect]
    }

    fn reconnect(&mut self, now: f64) -> Vec<Command> {
        self.state = State::Connecting { since: now };
        vec![Command::Disconnect, Command::Connect]
    }

    fn fail(&mut self, now: f64, chance: f64) -> Vec<Command> {
        self.failures += 1;
        let longest =
            (BACKOFF_FIRST_MS * f64::from(1_u32 << (self.failures - 1).min(16))).min(BACKOFF_LONGEST_MS);
        self.state = State::Waiting { until: now + longest * chance };
        if self.failures >= POLL_AFTER && self.poll_at.is_none() {
            self.poll_at = Some(now + POLL_EVERY_MS);
            return vec![Command::Poll];
        }
        Vec::new()
    }

    fn stop(&mut self, command: Command) -> Vec<Command> {
        self.state = State::Stopped;
        self.poll_at = None;
        vec![Command::Disconnect, command]
    }

    /// No socket gets through, but plain requests do.
    pub fn polls(&self) -> bool {
        self.poll_at.is_some() && self.answered
    }

    pub fn connection(&self) -> Connection {
        match self.state {
            State::Open { .. } => Connection::Live,
            _ if self.offline => Connection::Offline,
            State::Waiting { .. } | State::Connecting { .. } if self.polls() => Connection::Polling,
            State::Waiting { until } => Connection::Waiting { attempt: self.failures, retry_at_ms: until },
            State::Idle | State::Connecting { .. } | State::Stopped => Connection::Connecting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Command::*;
    use proptest::prelude::*;

    /// A machine and a scripted clock.
    struct Script {
        machine: Machine,
        now: f64,
    }

    impl Script {
        fn start() -> Script {
            let mut script = Script { machine: Machine::default(), now: 1e12 };
            assert_eq!(script.at(0.0, Event::Start), [Connect]);
            script
        }

        fn open() -> Script {
            let mut script = Script::start();
            assert_eq!(script.at(50.0, Event::Heard), []);
            assert_eq!(script.machine.connection(), Connection::Live);
            script
        }

        fn at(&mut self, later_ms: f64, event: Event) -> Vec<Command> {
            self.now += later_ms;
            self.machine.step(event, self.now, 1.0)
        }
    }

    #[test]
    fn silence_is_judged_by_the_wall_clock() {
        let mut script = Script::open();
        assert_eq!(script.at(5_000.0, Event::Tick), []);
        assert_eq!(script.at(0.0, Event::Heard), []);
        assert_eq!(script.at(11_900.0, Event::Tick), []);
        assert_eq!(script.at(200.0, Event::Tick), [Disconnect, Connect]);
        // A laptop slept for an hour: the first tick after it reconnects.
        let mut script = Script::open();
        assert_eq!(script.at(3_600_000.0, Event::Tick), [Disconnect, Connect]);
        let mut script = Script::open();
        assert_eq!(script.at(3_600_000.0, Event::Hurry), [Disconnect, Connect]);
    }

    #[test]
    fn failures_wait_ever_longer_and_health_forgives_them() {
        let mut script = Script::start();
        let mut waits = Vec::new();
        for _ in 0..7 {
            script.at(10.0, Event::Closed { code: 1006 });
            let State::Waiting { until } = script.machine.state else { panic!("waiting") };
            waits.push((until - script.now) / 1000.0);
            let wait = until - script.now;
            assert!(script.at(wait, Event::Tick).contains(&Connect));
        }
        assert_eq!(waits, [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
        script.at(10.0, Event::Heard);
        script.at(10_000.0, Event::Heard);
        script.at(10.0, Event::Closed { code: 1001 });
        assert_eq!(
            script.machine.connection(),
            Connection::Waiting { attempt: 1, retry_at_ms: script.now + 1000.0 }
        );
    }

    #[test]
    fn a_socket_that_never_opened_asks_why() {
        let mut script = Script::start();
        assert_eq!(script.at(10.0, Event::Closed { code: 1006 }), [Probe]);
        assert_eq!(script.at(10.0, Event::Answered { status: 200 }), []);
        assert_eq!(script.at(10.0, Event::Answered { status: 401 }), [Disconnect, SignIn]);
        assert_eq!(script.at(90_000.0, Event::Tick), [], "until somebody has signed in");
        let mut script = Script::open();
        assert_eq!(script.at(10.0, Event::Closed { code: 4403 }), [Disconnect, NotAllowed]);
        let mut script = Script::open();
        assert_eq!(script.at(10.0, Event::Closed { code: 4401 }), [Disconnect, SignIn]);
    }

    #[test]
    fn after_three_failures_it_polls_until_a_socket_speaks() {
        let mut script = Script::start();
        for _ in 0..2 {
            assert_eq!(script.at(10.0, Event::Closed { code: 1006 }), [Probe]);
            script.at(30_000.0, Event::Tick);
        }
        assert_eq!(script.at(10.0, Event::Closed { code: 1006 }), [Poll, Probe]);
        script.at(10.0, Event::Answered { status: 304 });
        assert_eq!(script.machine.connection(), Connection::Polling);
        assert_eq!(script.at(30_000.0, Event::Tick), [Connect, Poll]);
        script.at(100.0, Event::Heard);
        assert_eq!(script.machine.connection(), Connection::Live);
        assert_eq!(script.at(9_000.0, Event::Tick), []);
        // A socket that opens and soon ends is no health: the requests go on.
        assert_eq!(script.at(10.0, Event::Closed { code: 1006 }), [Poll]);
        assert_eq!(script.machine.connection(), Connection::Polling);
    }

    #[test]
    fn a_server_that_is_away_is_not_called_polled() {
        let mut script = Script::start();
        for _ in 0..4 {
            script.at(10.0, Event::Closed { code: 1006 });
            for status in [NOBODY, 502, 503] {
                script.at(0.0, Event::Answered { status });
                assert!(matches!(script.machine.connection(), Connection::Waiting { .. }), "{status}");
            }
            script.at(30_000.0, Event::Tick);
            assert_eq!(script.machine.connection(), Connection::Connecting);
        }
    }

    #[test]
    fn a_resume_that_does_not_help_is_not_repeated_at_once() {
        let mut script = Script::open();
        assert_eq!(script.at(10.0, Event::Missed), [Disconnect, Connect]);
        script.at(10.0, Event::Heard);
        assert_eq!(script.at(10.0, Event::Missed), [Disconnect]);
        assert_eq!(script.at(1_000.0, Event::Tick), [Connect]);
        script.at(10.0, Event::Heard);
        script.at(10_000.0, Event::Heard);
        assert_eq!(script.at(10.0, Event::Missed), [Disconnect, Connect]);
    }

    #[test]
    fn a_socket_that_hangs_is_given_up() {
        let mut script = Script::start();
        assert_eq!(script.at(1_000.0, Event::Hurry), []);
        assert_eq!(script.at(1_100.0, Event::Hurry), [Disconnect, Connect]);
        assert_eq!(script.at(10_001.0, Event::Tick), [Disconnect, Probe]);
    }

    #[test]
    fn a_clock_that_is_set_back_delays_nothing() {
        let mut script = Script::open();
        assert_eq!(script.at(-3_600_000.0, Event::Tick), []);
        assert_eq!(script.at(12_001.0, Event::Tick), [Disconnect, Connect]);
        script.at(10.0, Event::Closed { code: 1006 });
        assert_eq!(script.at(-3_600_000.0, Event::Tick), []);
        assert_eq!(script.at(30_000.0, Event::Tick), [Connect]);
    }

    #[test]
    fn the_network_and_the_eye_hurry_it() {
        let mut script = Script::start();
        script.at(10.0, Event::Closed { code: 1006 });
        assert_eq!(script.at(1.0, Event::Offline), []);
        assert_eq!(script.machine.connection(), Connection::Offline);
        assert_eq!(script.at(1.0, Event::Hurry), [Connect]);
    }

    proptest! {
        /// Whatever happens, short of a sign-in that is needed: within 31 s it has a socket or tries for one, also
        /// where the clock is set back.
        #[test]
        fn it_never_gives_up(events in proptest::collection::vec((0_u8..7, -5_000.0_f64..20_000.0, 0.0_f64..1.0), 0..100)) {
            let (mut machine, mut now) = (Machine::default(), 0.0);
            machine.step(Event::Start, now, 0.5);
            for (kind, later, chance) in events {
                now += later;
                let event = match kind {
                    0 => Event::Heard,
                    1 => Event::Closed { code: 1006 },
                    2 => Event::Missed,
                    3 => Event::Tick,
                    4 => Event::Hurry,
                    5 => Event::Offline,
                    _ => Event::Answered { status: 503 },
                };
                machine.step(event, now, chance);
            }
            let open = matches!(machine.state, State::Open { .. });
            let mut tried = false;
            for _ in 0..31 {
                now += 1000.0;
                tried |= machine.step(Event::Tick, now, 0.5).contains(&Command::Connect);
                tried |= matches!(machine.state, State::Connecting { .. });
            }
            prop_assert!(open || tried);
        }
    }
}
