//! Chaos: the real server as a process, real sockets, and everything that goes wrong at once.
//!
//! Storms, each followed by a quiet moment in which every client has to come to the upstream's state. In the
//! first storms the server is killed and notifications are lost, so a reconcile has to make it good; in the
//! last ones it lives, hears of every write and reconciles never, so what it was told has to be enough.
//!
//! `make chaos` is the long form. `PULSO_CHAOS_SECS` sets another length, `PULSO_CHAOS_SEED` repeats decisions.

mod world;
mod truth;
mod upstream;
mod server;
mod shop;
mod clients;
mod check;
mod counts;

use check::Dialect;
use clients::View;
use rand::Rng;
use rand::rngs::StdRng;
use server::Server;
use shared::Metric;
use shop::{Post, Shop};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use upstream::{Mood, Upstream};
use world::{Weather, World};

const CLIENTS: usize = 500;

/// Long enough for any machine; a fact that has not come by then will not come.
const PATIENCE: Duration = Duration::from_secs(90);

const LOOK_AGAIN: Duration = Duration::from_millis(50);

const RECONCILE_SECS: u32 = 2;
/// In the last life, never.
const NO_RECONCILE_SECS: u32 = 86_400;

/// Shorter, not every kind of fault has its turn.
const SHORTEST_SECS: u64 = 10;

/// From here on there is time for another storm, and for more of what comes after one.
const LONG_SECS: f64 = 30.0;

/// A storm of so many seconds has room for a client to be found deaf, which takes ten.
const DEAF_SECS: f64 = 16.0;

/// Fewer than the server reads at once, so that it has not finished with all of them.
const UNDER_WAY: usize = 6;

/// Of the clients that differ, so many are named.
const NAMED: usize = 8;

struct Chaos {
    world: Arc<World>,
    upstream: Upstream,
    server: Server,
    shop: Shop,
    clients: Vec<Arc<Mutex<View>>>,
    random: StdRng,
    began: Instant,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_ends_with_the_state_of_the_upstream() {
    let seed = setting("PULSO_CHAOS_SEED").unwrap_or_else(|| rand::rng().random_range(0..1_000_000));
    let seconds = setting("PULSO_CHAOS_SECS").unwrap_or(15).max(SHORTEST_SECS) as f64;
    say(&format!("chaos of about {seconds} s and {CLIENTS} clients, PULSO_CHAOS_SEED={seed}"));
    let mut chaos = Chaos::begin(seed).await;
    let world = chaos.world.clone();
    let outcome = tokio::select! {
        outcome = chaos.run(seconds) => outcome,
        what = world.first_wrong() => Err(what),
    };
    chaos.count_refusals();
    say(&world.counts.table());
    if let Err(what) = outcome {
        panic!(
            "PULSO_CHAOS_SEED={seed}: {what}\n\nthe end of the server's log:\n{}",
            chaos.server.log_tail()
        );
    }
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not '{text}'")))
}

/// Past the test's capture: the counts are read also when nothing is wrong.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

impl Chaos {
    async fn begin(seed: u64) -> Chaos {
        let world = Arc::new(World::new(seed));
        let upstream = Upstream::start(&world).await;
        let server = Server::new(&world, upstream.address);
        let shop = Shop::new(&world);
        let clients = (0..CLIENTS).map(|number| clients::start(&world, number)).collect();
        let random = world.random(u64::MAX);
        Chaos { world, upstream, server, shop, clients, random, began: Instant::now() }
    }

    /// Quiet moments take as long as they take.
    async fn run(&mut self, seconds: f64) -> Result<(), String> {
        let long = seconds >= LONG_SECS;
        self.server.start(RECONCILE_SECS).await?;
        self.mortal_storm(0, 0.2 * seconds).await?;
        if long {
            self.mortal_storm(1, 0.15 * seconds).await?;
        }
        self.server.kill();
        self.server.start(NO_RECONCILE_SECS).await?;
        self.immortal_storm(2, 0.3 * seconds, if long { 5 } else { 1 }).await?;
        self.last_write().await?;
        self.everyone_hears_a_heartbeat().await?;
        self.every_fault_happened(0.3 * seconds >= DEAF_SECS)
    }

    /// The server dies and comes back; not every notification reaches it.
    async fn mortal_storm(&mut self, act: u64, seconds: f64) -> Result<(), String> {
        let ends = Instant::now() + Duration::from_secs_f64(seconds);
        let trade = self.storm(act, false, Post::Loses);
        let mut random = self.world.random(u64::MAX - 1 - act);
        let (deaths, ()) = tokio::join!(
            die_and_come_back(&mut self.server, &mut random, ends),
            restart_upstream(&mut self.upstream, &mut self.random, ends),
        );
        deaths?;
        self.quiet(trade).await?;
        self.shop.write_in_silence();
        self.everyone_agrees("a reconcile finds what nobody announced", Whose::Versioned).await
    }

    /// The server lives and hears of everything, and must not need more.
    async fn immortal_storm(&mut self, act: u64, seconds: f64, gusts: usize) -> Result<(), String> {
        let ends = Instant::now() + Duration::from_secs_f64(seconds);
        let trade = self.storm(act, seconds >= DEAF_SECS, Post::Delivers);
        // Not to the end: after many failures the server waits ever longer, and so would the quiet moment.
        let halfway = Instant::now() + Duration::from_secs_f64(seconds / 2.0);
        restart_upstream(&mut self.upstream, &mut self.random, halfway).await;
        sleep_until(ends).await;
        self.quiet(trade).await?;
        self.everyone_agrees("every notification is acted on", Whose::Versioned).await?;
        for _ in 0..gusts {
            self.gust().await?;
            self.everyone_agrees("what fails is read again", Whose::Versioned).await?;
            self.crowd().await?;
        }
        self.eclipse().await
    }

    /// Answers in quick succession.
    async fn crowd(&self) -> Result<(), String> {
        self.upstream.be(Mood::Crowded);
        self.shop.write_everything().await;
        self.everyone_agrees("what comes in quick succession reaches everyone", Whose::Versioned).await?;
        self.upstream.be(Mood::Fine);
        Ok(())
    }

    /// The upstream is gone when it should be read, and nobody says that it is back.
    async fn eclipse(&mut self) -> Result<(), String> {
        self.upstream.stop().await;
        self.shop.write_everything().await;
        let told = |view: &View| view.dialect == Dialect::Original || !view.well;
        self.everyone("is told that the upstream is gone", told).await?;
        self.upstream.listen().await;
        self.everyone_agrees("the upstream's return is noticed", Whose::Versioned).await
    }

    /// Everything changes, and again while the first change is still being read by an upstream that mostly
    /// fails: the last word must come through although nobody repeats it.
    async fn gust(&self) -> Result<(), String> {
        self.upstream.be(Mood::Failing);
        let mut asked = self.upstream.asked() + UNDER_WAY;
        for _ in 0..2 {
            self.shop.write_everything().await;
            let under_way = timeout(PATIENCE, self.upstream.was_asked(asked)).await;
            under_way.map_err(|_| "a notification makes nobody ask the upstream".to_owned())?;
            asked += Metric::COUNT;
        }
        self.upstream.be(Mood::Fine);
        Ok(())
    }

    fn storm(&mut self, act: u64, deaf: bool, post: Post) -> JoinHandle<()> {
        self.upstream.be(Mood::Faulty);
        self.world.weather.send_replace(Weather::Storm { deaf });
        let shop = self.shop.clone();
        tokio::spawn(async move { shop.trade(act, post).await })
    }

    /// Faults stop; what they have left undone is still to be made good.
    async fn quiet(&mut self, trade: JoinHandle<()>) -> Result<(), String> {
        self.world.weather.send_replace(Weather::Quiet);
        trade.await.map_err(|error| error.to_string())?;
        self.upstream.be(Mood::Fine);
        self.tell("quiet");
        Ok(())
    }

    fn tell(&self, what: &str) {
        say(&format!("  {:>5.1} s  {what}", self.began.elapsed().as_secs_f64()));
    }

    /// Clients of the original missed what came while they were away; this they all see.
    async fn last_write(&mut self) -> Result<(), String> {
        self.the_server_knows_everyone().await?;
        self.shop.write_everything().await;
        self.everyone_agrees("the last write reaches everyone", Whose::All).await?;
        let well = |view: &View| view.dialect == Dialect::Original || view.well;
        self.everyone("is told that all is well", well).await?;
        Ok(())
    }

    async fn the_server_knows_everyone(&mut self) -> Result<(), String> {
        self.everyone("is connected", |view| view.connected).await?;
        let mut counted = None;
        let fact = async {
            while counted != Some(CLIENTS as u64) {
                counted = self.shop.clients().await;
                sleep(LOOK_AGAIN).await;
            }
        };
        let waited = timeout(PATIENCE, fact).await;
        waited.map_err(|_| format!("{CLIENTS} clients are connected, and the server counts {counted:?}"))
    }

    async fn everyone_hears_a_heartbeat(&self) -> Result<(), String> {
        let before: Vec<u64> = self.views().iter().map(|view| view.heartbeats).collect();
        let heard = |view: &View| view.dialect == Dialect::Original || view.heartbeats > before[view.number];
        self.everyone("hears a heartbeat", heard).await?;
        Ok(())
    }

    /// Waits until each client's merged state is the upstream's, and counts what was compared.
    async fn everyone_agrees(&self, why: &str, whose: Whose) -> Result<(), String> {
        let counts = |view: &View| whose == Whose::All || view.dialect == Dialect::Versioned;
        let agrees = |view: &View| {
            view.connected && (!counts(view) || clients::differences(view, &self.world).is_empty())
        };
        let views = self.everyone("has the upstream's state", agrees).await;
        let views = views.map_err(|what| format!("{why}: {what}"))?;
        let compared = views.iter().filter(|view| counts(view)).count() as u64;
        self.world.counts.state_checks.add(compared);
        self.world.counts.metric_checks.add(compared * Metric::COUNT as u64);
        self.tell(&format!("{why}: {compared} clients have the upstream's state"));
        Ok(())
    }

    /// Waits until it is so for each client at the same time, and says for which it is not.
    async fn everyone(&self, what: &str, fact: impl Fn(&View) -> bool) -> Result<Vec<View>, String> {
        let ends = Instant::now() + PATIENCE;
        loop {
            let views = self.views();
            if views.iter().all(&fact) {
                return Ok(views);
            }
            if Instant::now() >= ends {
                let others: Vec<View> = views.into_iter().filter(|view| !fact(view)).collect();
                return Err(format!("not every client {what}: {}", self.named(&others)));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    fn views(&self) -> Vec<View> {
        let look =
            |view: &Arc<Mutex<View>>| view.lock().expect("nothing panics while it changes a view").clone();
        self.clients.iter().map(look).collect()
    }

    fn named(&self, others: &[View]) -> String {
        let mut text = format!("{} of {CLIENTS} do not", others.len());
        for view in others.iter().take(NAMED) {
            let away = if view.connected { "" } else { ", not connected" };
            let differences = clients::differences(view, &self.world).join(", ");
            text.push_str(&format!("\n  client {} ({}{away}): {differences}", view.number, view.place));
        }
        text
    }

    fn count_refusals(&self) {
        let refused = self.server.log().lines().filter(|line| line.contains("Connection refused")).count();
        self.world.counts.not_there.add(refused as u64);
    }

    /// A test in which nothing went wrong would prove nothing.
    fn every_fault_happened(&self, deaf: bool) -> Result<(), String> {
        let counts = &self.world.counts;
        let mut happened = vec![
            ("resume", &counts.resumes),
            ("new epoch", &counts.new_epochs),
            ("client that left", &counts.closed),
            ("client that vanished", &counts.vanished),
            ("stall", &counts.stalls),
            ("old position", &counts.restored),
            ("slow reader", &counts.dawdles),
            ("close with 1009", &counts.too_big),
            ("close with 1001", &counts.going_away),
            ("connection that was cut", &counts.cut),
            ("delay", &counts.delayed),
            ("500", &counts.errors),
            ("hanging answer", &counts.hung),
            ("dropped connection", &counts.dropped),
            ("torn answer", &counts.torn),
            ("restart of the upstream", &counts.upstream_stops),
            ("lost notification", &counts.kept_back),
            ("kill", &counts.kills),
            ("SIGTERM", &counts.terminations),
            ("body by GET", &counts.gets),
            ("304", &counts.not_modified),
            ("position to agree on", &counts.positions),
        ];
        if deaf {
            happened.push(("close with 4408", &counts.too_slow));
        }
        match happened.iter().find(|(_, count)| count.get() == 0) {
            Some((name, _)) => Err(format!("there was no {name}: this run tested too little")),
            None => Ok(()),
        }
    }
}

/// Whose state is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// Clients of the original miss what comes while they are away.
    Versioned,
    All,
}

/// Killed, then asked to end, then by chance, until the storm is over.
async fn die_and_come_back(server: &mut Server, random: &mut StdRng, ends: Instant) -> Result<(), String> {
    for death in 0.. {
        if death >= 2 && Instant::now() >= ends {
            break;
        }
        sleep(Duration::from_millis(random.random_range(500..2000))).await;
        if death == 1 || (death > 1 && random.random_bool(0.1)) {
            server.terminate().await?;
        } else {
            server.kill();
        }
        sleep(Duration::from_millis(random.random_range(0..500))).await;
        server.start(RECONCILE_SECS).await?;
    }
    Ok(())
}

/// Once at least, and again until the storm is over.
async fn restart_upstream(upstream: &mut Upstream, random: &mut StdRng, ends: Instant) {
    loop {
        sleep(Duration::from_millis(random.random_range(500..3000))).await;
        upstream.restart(Duration::from_millis(random.random_range(200..2000))).await;
        if Instant::now() >= ends {
            return;
        }
    }
}
