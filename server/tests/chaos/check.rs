//! What every frame has to keep, for the client that reads it and between clients. Pure: text in, verdict out.
//!
//! The one idea: a position `(epoch, version)` names one state. Whatever way a client came there (newcomer,
//! frame by frame, slow, resumed), what it has merged is what all others have at that position.

use super::truth::{Truth, count_in};
use anyhow::{Context, Result, bail, ensure};
use serde_json::value::RawValue;
use shared::{
    AUTH, DashboardMessage, HEARTBEAT, Metric, PerMetric, UPSTREAM_STATUS, Upstream, UpstreamStatus,
};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;

/// What is known of one history at one position.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    pub counts: PerMetric<Option<u64>>,
    pub status: Option<UpstreamStatus>,
}

/// What clients had at each position; the first one to come there says what.
#[derive(Default)]
pub struct Ledger(Mutex<HashMap<String, BTreeMap<u64, Entry>>>);

struct Entry {
    state: State,
    by: usize,
}

impl Ledger {
    /// Whether another client had been there, and that both have the same.
    fn agree(&self, epoch: &str, version: u64, state: &State, client: usize) -> Result<bool> {
        let mut ledger = self.0.lock().expect("nothing panics while it holds the ledger");
        if !ledger.contains_key(epoch) {
            ledger.insert(epoch.to_owned(), BTreeMap::new());
        }
        let history = ledger.get_mut(epoch).expect("it is there now");
        let Some(entry) = history.get(&version) else {
            history.insert(version, Entry { state: state.clone(), by: client });
            return Ok(false);
        };
        let Entry { state: other, by } = entry;
        for metric in Metric::ALL {
            let (here, there) = (state.counts[metric], other.counts[metric]);
            let key = metric.key();
            ensure!(
                here == there,
                "at version {version} it has {key} {here:?}, and client {by} there has {there:?}"
            );
        }
        ensure!(
            state.status == other.status,
            "at version {version} its status is {:?}, and that of client {by} {:?}",
            state.status,
            other.status
        );
        Ok(true)
    }

    /// A metric's counter at a position, if a client was there.
    pub fn count(&self, epoch: &str, version: u64, metric: Metric) -> Option<u64> {
        let ledger = self.0.lock().expect("nothing panics while it holds the ledger");
        ledger.get(epoch)?.get(&version)?.state.counts[metric]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Gives its position when it joins.
    Versioned,
    /// A bare `/ws`: no first frame, no status, no heartbeat.
    Original,
}

/// What a frame was, for the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    Newcomer,
    Resumed,
    /// The first frame of another history than the one before.
    NewEpoch,
    News,
    Heartbeat,
}

/// One client's side of the protocol: its position, what it has merged, and what it may not be sent again.
#[derive(Clone)]
pub struct Reader {
    number: usize,
    dialect: Dialect,
    epoch: String,
    position: u64,
    /// Of this epoch.
    state: State,
    /// What its panels show: kept across epochs.
    shown: PerMetric<u64>,
    announced: HashSet<String>,
    /// This connection has brought nothing yet.
    first: bool,
}

impl Reader {
    pub fn new(number: usize, dialect: Dialect) -> Reader {
        Reader {
            number,
            dialect,
            epoch: String::new(),
            position: 0,
            state: State::default(),
            shown: PerMetric::default(),
            announced: HashSet::new(),
            first: true,
        }
    }

    /// What it joins with.
    pub fn query(&self) -> String {
        match self.dialect {
            Dialect::Original => String::new(),
            Dialect::Versioned if self.epoch.is_empty() => "?version=0".to_owned(),
            Dialect::Versioned => format!("?version={}&epoch={}", self.position, self.epoch),
        }
    }

    pub fn connected(&mut self) {
        self.first = true;
    }

    pub fn shown(&self) -> &PerMetric<u64> {
        &self.shown
    }

    /// The source is there and every metric is fine.
    pub fn is_told_all_is_well(&self) -> bool {
        let status = self.state.status.as_ref();
        status.is_some_and(|status| status.upstream == Upstream::Up && status.metrics.is_empty())
    }

    pub fn place(&self) -> String {
        format!("{:?} at version {} of epoch '{}'", self.dialect, self.position, self.epoch)
    }

    /// Merges a frame; an error says which promise it breaks.
    pub fn take(&mut self, text: &str, truth: &Truth, ledger: &Ledger) -> Result<(Took, bool)> {
        let message = DashboardMessage::parse(text).context("the frame is no message")?;
        match (&*message.event, self.dialect) {
            (AUTH, _) => bail!("an answer to a token that nobody sent"),
            (HEARTBEAT, Dialect::Versioned) => Ok((self.heartbeat(&message)?, false)),
            (HEARTBEAT | UPSTREAM_STATUS, Dialect::Original) => {
                bail!("a client of the original gets event frames and nothing else")
            }
            (_, Dialect::Original) => Ok((self.event_of_the_original(&message, truth)?, false)),
            (_, Dialect::Versioned) => {
                let took = self.event(&message, truth)?;
                let agreed = ledger.agree(&self.epoch, self.position, &self.state, self.number)?;
                Ok((took, agreed))
            }
        }
    }

    fn heartbeat(&self, message: &DashboardMessage) -> Result<Took> {
        ensure!(!self.first, "a heartbeat before the first frame");
        ensure!(message.data.is_empty(), "a heartbeat with data");
        ensure!(message.epoch.as_deref() == Some(&*self.epoch), "a heartbeat of another epoch");
        let version = message.version.context("a heartbeat without a version")?;
        ensure!(version <= self.position, "a heartbeat at {version}: this connection was not sent so much");
        Ok(Took::Heartbeat)
    }

    fn event(&mut self, message: &DashboardMessage, truth: &Truth) -> Result<Took> {
        let epoch = message.epoch.as_deref().context("no epoch")?;
        let version = message.version.context("no version")?;
        let since = message.since.context("no since")?;
        let took = if std::mem::take(&mut self.first) {
            ensure!(message.status.is_some(), "a first frame without a status");
            self.first_frame(epoch, version, since)?
        } else {
            ensure!(epoch == self.epoch, "another epoch, {epoch}, on the same connection");
            ensure!(version > self.position, "version {version} after {}", self.position);
            ensure!(since <= self.position, "a gap: since {since}, but it only has {}", self.position);
            Took::News
        };
        self.position = version;
        self.merge(&message.data, truth)?;
        self.announce(message)?;
        if let Some(status) = &message.status {
            self.state.status = Some(status.clone());
        }
        Ok(took)
    }

    /// A resume costs nothing that the client had; another history begins with everything.
    fn first_frame(&mut self, epoch: &str, version: u64, since: u64) -> Result<Took> {
        if epoch == self.epoch {
            ensure!(since == self.position, "resumed since {since} instead of {}", self.position);
            ensure!(version >= self.position, "resumed at {version}, before {}", self.position);
            return Ok(Took::Resumed);
        }
        ensure!(since == 0, "a new epoch since {since}: a position of another epoch was accepted");
        let newcomer = self.epoch.is_empty();
        self.begin(epoch);
        Ok(if newcomer { Took::Newcomer } else { Took::NewEpoch })
    }

    fn event_of_the_original(&mut self, message: &DashboardMessage, truth: &Truth) -> Result<Took> {
        ensure!(!message.data.is_empty(), "a frame without data for a client of the original");
        let epoch = message.epoch.as_deref().context("no epoch")?;
        let version = message.version.context("no version")?;
        let mut took = Took::News;
        if epoch != self.epoch {
            ensure!(self.first, "another epoch, {epoch}, on the same connection");
            took = if self.epoch.is_empty() { Took::Newcomer } else { Took::NewEpoch };
            self.begin(epoch);
        }
        self.first = false;
        ensure!(version > self.position, "version {version} after {}", self.position);
        self.position = version;
        self.merge(&message.data, truth)?;
        self.announce(message)?;
        Ok(took)
    }

    fn begin(&mut self, epoch: &str) {
        epoch.clone_into(&mut self.epoch);
        self.position = 0;
        self.state = State::default();
        self.announced.clear();
    }

    fn merge(&mut self, data: &BTreeMap<Cow<str>, &RawValue>, truth: &Truth) -> Result<()> {
        for (key, body) in data {
            let metric = Metric::parse(key).with_context(|| format!("an unknown metric, {key}"))?;
            let count = count_in(metric, body.get())
                .with_context(|| format!("the body of {key} is not the upstream's: {}", body.get()))?;
            let newest = truth.count(metric);
            ensure!(count <= newest, "{key} is {count}, and the upstream's only {newest}");
            let shown = self.shown[metric];
            ensure!(count >= shown, "{key} goes back to {count} from {shown}");
            ensure!(self.state.counts[metric] != Some(count), "{key} is sent again unchanged, {count}");
            self.state.counts[metric] = Some(count);
            self.shown[metric] = count;
        }
        Ok(())
    }

    /// Each notification is announced once.
    fn announce(&mut self, message: &DashboardMessage) -> Result<()> {
        for notification in &message.notifications {
            let id = notification.resource_id.as_deref().context("a notification without its id")?;
            ensure!(self.announced.insert(id.to_owned()), "notification {id} is announced again");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::truth::body;
    use super::*;
    use Metric::{OrdersRecent, UsersOverview};

    fn frame(epoch: &str, since: u64, version: u64, data: &[(Metric, u64)]) -> String {
        let data: Vec<_> = data
            .iter()
            .map(|(metric, count)| format!("\"{}\":{}", metric.key(), body(*metric, *count)))
            .collect();
        format!(
            r#"{{"event":"X","data":{{{}}},"timestamp":"t","epoch":"{epoch}","version":{version},"since":{since},"status":{{"upstream":"up","since":"t"}}}}"#,
            data.join(",")
        )
    }

    /// What the last frame is found to be, in the order in which a client gets them; `"--"` is a reconnect.
    fn check(frames: &[String], expected: &str) {
        let (truth, ledger) = (Truth::new(), Ledger::default());
        (0..9).for_each(|_| truth.write(shared::MetricSet::ALL));
        let mut other = Reader::new(1, Dialect::Versioned);
        other
            .take(&frame("a", 0, 9, &[(OrdersRecent, 9)]), &truth, &ledger)
            .expect("the other client's frame");
        let mut reader = Reader::new(2, Dialect::Versioned);
        let mut last = String::new();
        for frame in frames {
            match frame.as_str() {
                "--" => reader.connected(),
                frame => last = format!("{:?}", reader.take(frame, &truth, &ledger)),
            }
        }
        assert!(last.contains(expected), "{last}");
    }

    #[test]
    fn every_broken_promise_is_named() {
        let first = || frame("a", 0, 3, &[(OrdersRecent, 3), (UsersOverview, 2)]);
        let again = || "--".to_owned();
        check(&[first()], "Newcomer");
        check(&[first(), frame("a", 3, 4, &[(OrdersRecent, 4)])], "News");
        check(&[first(), again(), frame("a", 3, 3, &[])], "Resumed");
        check(&[first(), again(), frame("b", 0, 1, &[(OrdersRecent, 3)])], "NewEpoch");
        check(&[first(), frame("a", 3, 3, &[])], "version 3 after 3");
        check(&[first(), frame("a", 4, 5, &[])], "a gap: since 4");
        check(&[first(), frame("a", 3, 4, &[(OrdersRecent, 2)])], "goes back to 2 from 3");
        check(&[first(), frame("a", 3, 4, &[(OrdersRecent, 3)])], "sent again unchanged");
        check(&[first(), frame("a", 3, 4, &[(OrdersRecent, 11)])], "the upstream's only 10");
        check(&[first(), frame("b", 3, 4, &[])], "another epoch, b, on the same connection");
        check(&[first(), again(), frame("a", 2, 4, &[])], "resumed since 2 instead of 3");
        check(&[first(), again(), frame("b", 3, 4, &[])], "a position of another epoch was accepted");
        check(&[first(), again(), frame("b", 0, 1, &[(OrdersRecent, 2)])], "goes back to 2 from 3");
        check(&[frame("a", 0, 9, &[(OrdersRecent, 8)])], "client 1 there has Some(9)");
        check(&[first(), "{".into()], "the frame is no message");
    }
}
