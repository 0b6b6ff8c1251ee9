//! What happens in the shop: writes at the upstream, each announced to the server, and some announced to nobody.
//! Beside it, somebody who asks for the statistics by GET.

use super::truth::count_in;
use super::world::{Weather, World};
use rand::Rng;
use rand::rngs::StdRng;
use shared::{Change, Event, Metric, MetricSet, Origin, PerMetric, Subject};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// They write at the same time.
const WRITERS: u64 = 3;

const ASKERS: u64 = 3;

/// What becomes of notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Post {
    /// Some are never sent, and those to a server that is down are lost; a reconcile makes it good.
    Loses,
    /// Each arrives, and is all that the server is told.
    Delivers,
}

#[derive(Clone)]
pub struct Shop {
    world: Arc<World>,
    http: reqwest::Client,
    next_id: Arc<AtomicU64>,
}

impl Shop {
    pub fn new(world: &Arc<World>) -> Shop {
        // A connection kept from the server's life before would fail, and its notification with it.
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build();
        Shop { world: world.clone(), http: http.expect("an HTTP client"), next_id: Arc::default() }
    }

    /// Writes and asks until the storm is over; what was begun is finished.
    pub async fn trade(&self, act: u64, post: Post) {
        let mut tasks = JoinSet::new();
        for writer in 0..WRITERS {
            tasks.spawn(self.clone().write_on(self.world.random(1000 * (act + 1) + writer), post));
        }
        for asker in 0..ASKERS {
            tasks.spawn(self.clone().ask_on(self.world.random(1000 * (act + 1) + 500 + asker)));
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                self.world.wrong(format!("a task of the shop died: {error}"));
            }
        }
    }

    fn is_storm(&self) -> bool {
        *self.world.weather.borrow() != Weather::Quiet
    }

    async fn write_on(self, mut random: StdRng, post: Post) {
        while self.is_storm() {
            let burst = if random.random_bool(0.06) { random.random_range(5..25) } else { 1 };
            let mut writes = JoinSet::new();
            for _ in 0..burst {
                let keep_back = post == Post::Loses && random.random_bool(0.1);
                writes.spawn(self.clone().write(some_event(&mut random), post, keep_back));
            }
            writes.join_all().await;
            sleep(Duration::from_millis(random.random_range(0..250))).await;
        }
    }

    async fn write(self, event: Event, post: Post, keep_back: bool) {
        self.world.truth.write(event.metrics(Origin::Http));
        self.world.counts.writes.one();
        if keep_back {
            self.world.counts.kept_back.one();
            return;
        }
        self.notify(&event, post).await;
    }

    /// One write of everything that only a reconcile can find.
    pub fn write_in_silence(&self) {
        self.world.truth.write(MetricSet::ALL);
        self.world.counts.writes.one();
        self.world.counts.kept_back.one();
    }

    /// The last write, of everything, and its notification.
    pub async fn write_everything(&self) {
        self.clone().write(Event::FullUpdate, Post::Delivers, false).await;
    }

    async fn notify(&self, event: &Event, post: Post) {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let body = format!(r#"{{"type":"{}","resourceId":"{id}"}}"#, event.name());
        match self.http.post(self.world.url("/notify")).body(body).send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let text = response.text().await.unwrap_or_default();
                self.world.counts.notified.one();
                let expected = format!("Notificación recibida: {}", event.name());
                // The answer may be cut by a kill, but it is never another one.
                if status != 200 || !expected.starts_with(&text) {
                    self.world.wrong(format!("a notification was answered {status} {text}"));
                }
            }
            Err(_) if post == Post::Loses => self.world.counts.lost.one(),
            Err(error) => self.world.wrong(format!("the server lives and takes no notification: {error:?}")),
        }
    }

    pub async fn clients(&self) -> Option<u64> {
        let health = self.http.get(self.world.url("/health")).send().await.ok()?;
        let health: serde_json::Value = health.json().await.ok()?;
        health["clients"].as_u64()
    }

    async fn ask_on(self, mut random: StdRng) {
        let mut known = PerMetric::from_fn(|_| Known::default());
        while self.is_storm() {
            let metric = Metric::ALL[random.random_range(0..Metric::COUNT)];
            if let Err(what) = self.ask(metric, &mut known[metric]).await {
                self.world.wrong(format!("GET {}: {what}", metric.path()));
            }
            sleep(Duration::from_millis(random.random_range(0..100))).await;
        }
    }

    async fn ask(&self, metric: Metric, known: &mut Known) -> Result<(), String> {
        let counts = &self.world.counts;
        let request = self.http.get(self.world.url(metric.path())).header("if-none-match", &known.tag);
        let Ok(response) = request.send().await else {
            counts.gets_failed.one();
            return Ok(());
        };
        let status = response.status().as_u16();
        let tag =
            response.headers().get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or_default().to_owned();
        // A kill may cut the body; then there is nothing to judge.
        let Ok(text) = response.text().await else {
            counts.gets_failed.one();
            return Ok(());
        };
        match status {
            200 => {
                counts.gets.one();
                let count =
                    count_in(metric, &text).ok_or(format!("the body is not the upstream's: {text}"))?;
                self.judge(metric, known, tag, count)
            }
            304 if tag == known.tag => {
                counts.not_modified.one();
                Ok(())
            }
            503 => {
                counts.not_yet.one();
                Ok(())
            }
            _ => Err(format!("answered {status} with ETag {tag}, asked with {}: {text}", known.tag)),
        }
    }

    /// Nothing goes back, and clients that were at that version have the same.
    fn judge(&self, metric: Metric, known: &mut Known, tag: String, count: u64) -> Result<(), String> {
        let parsed = tag.trim_matches('"').split_once('-');
        let parsed = parsed.and_then(|(epoch, version)| Some((epoch, version.parse::<u64>().ok()?)));
        let (epoch, version) = parsed.ok_or(format!("a strange ETag: {tag}"))?;
        if count < known.count {
            return Err(format!("{count} with {tag} after {} with {}", known.count, known.tag));
        }
        if epoch == known.epoch && version <= known.version {
            return Err(format!(
                "the body is another one, and its version {version} after {}",
                known.version
            ));
        }
        if epoch == known.epoch && count == known.count {
            return Err(format!("the same body with {tag} after {}", known.tag));
        }
        match self.world.ledger.count(epoch, version, metric) {
            Some(there) if there != count => {
                return Err(format!("{count} with {tag}, and clients at that version have {there}"));
            }
            Some(_) => self.world.counts.positions.one(),
            None => {}
        }
        *known = Known { epoch: epoch.to_owned(), version, count, tag };
        Ok(())
    }
}

/// Of a metric, by GET.
#[derive(Default)]
struct Known {
    epoch: String,
    version: u64,
    count: u64,
    tag: String,
}

fn some_event(random: &mut StdRng) -> Event {
    if random.random_bool(0.03) {
        return Event::Other("SOMETHING_NEW".to_owned());
    }
    let subject = Subject::ALL[random.random_range(0..Subject::ALL.len())];
    let change = Change::ALL[random.random_range(0..Change::ALL.len())];
    Event::Known(subject, change)
}
