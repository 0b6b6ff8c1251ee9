//! The embedded repair shop: the REST contract, for a shop that has no backend yet.
//!
//! `api` takes requests apart and puts answers together, `store` holds the SQL, `stats` the metrics. It knows
//! nothing of the live path: events are handed to a callback, after commit.

mod clock;
mod auth;
mod api;
mod transitions;
mod search;
mod store;
mod stats;
mod first_admin;
mod screens;
mod demo;
mod seed;

pub use api::{Error, Fields, Id, document};
pub use auth::{Claims, Network, Role, Rule, Throttle, TokenError, Tokens, Wait};
pub use clock::Clock;
pub use demo::DemoSignIn;
pub use screens::{
    Code, Listed, Pairing, Pass, Presence, SCREEN_NAME_CHARS, SCREEN_ROLE, Screens, Ticket,
    approve as approve_screen, list as list_screens, revoke as revoke_screen,
};
pub use seed::{Progress, Seeded, Seeding};
pub use store::screens::Screen;

use anyhow::Context;
use auth::{OneTimeLink, Passwords, Succession, Tries};
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};
use shared::{Change, Event, Metric, MetricSet, Subject};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;
use store::secret::Key;
use store::{Moment, Store};

/// HS256 is as strong as its key, up to this length.
const KEY_BYTES: usize = 32;

/// A working day: the original's clients know of no refreshing.
pub const ACCESS_TOKEN: Duration = Duration::from_secs(12 * 60 * 60);

/// How often SQLite's log is taken over into the database.
const TIDY_EVERY: Duration = Duration::from_secs(1);

/// Comparing the totals is tried again so often after it failed, since others wrote at the same time or the database was
/// gone for a while.
const MENDING_AGAIN: u32 = 5;
const MENDING_PAUSE: Duration = Duration::from_secs(2);

/// The first administrator.
#[derive(Clone)]
pub struct Admin {
    pub email: String,
    pub password: SecretString,
}

/// Who makes an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Anyone, for themselves.
    Open,
    /// Only administrators, for others.
    Closed,
}

pub struct Options {
    /// `sqlite://FILE` or `postgres://…`
    pub database_url: String,
    /// Unset: one is made and kept.
    pub jwt_secret: Option<SecretString>,
    /// Made only where there is no administrator; with the demo it takes the place of the demo's own.
    pub admin: Option<Admin>,
    /// Fills an empty shop with invented data.
    pub demo: bool,
    /// Name of the time zone whose days the shop counts; unset: UTC.
    pub time_zone: Option<String>,
    pub registration: Registration,
    /// How long the token of a sign-in lasts.
    pub access_token: Duration,
    pub clock: Clock,
}

impl Options {
    /// What a shop is without any wish.
    pub fn of(database_url: String) -> Options {
        Options {
            database_url,
            jwt_secret: None,
            admin: None,
            demo: false,
            time_zone: None,
            registration: Registration::Open,
            access_token: ACCESS_TOKEN,
            clock: Clock::default(),
        }
    }
}

/// Where a request comes from, as far as the server in front knows: an extension of the request.
#[derive(Clone, Copy, Debug)]
pub struct Requester {
    pub address: IpAddr,
    /// It came over TLS.
    pub secure: bool,
    /// It was made at this machine, through no proxy.
    pub this_machine: bool,
}

/// Called once for each event, after its commit, with the id of what it happened to. Must not block.
pub type Announce = Arc<dyn Fn(Event, Option<String>) + Send + Sync>;

/// A cheap handle to one shop.
#[derive(Clone)]
pub struct Shop(Arc<Inner>);

struct Inner {
    store: Store,
    tokens: Tokens,
    passwords: Passwords,
    announce: Announce,
    sign_in: Option<DemoSignIn>,
    link: OneTimeLink,
    tries: Tries,
    succession: Succession,
    registration: Registration,
    access_token: Duration,
    clock: Clock,
    zone: TimeZone,
    whole_lists: api::Turns,
}

impl Shop {
    /// Connects, brings the schema up to date, and makes what a shop must have: a key and an administrator.
    pub async fn open(options: Options, announce: Announce) -> anyhow::Result<Shop> {
        let store = Store::open(&options.database_url).await?;
        let unknown = stats::are_unknown(&store).await?;
        if unknown {
            stats::mend(&store).await.context("the totals of the statistics cannot be made")?;
        }
        let secret = match &options.jwt_secret {
            Some(secret) => given_key(secret)?,
            None => store
                .kept_secret(Key::SignIn)
                .await
                .context("the key of the sign-in tokens cannot be kept")?,
        };
        let zone = zone_of(options.time_zone.as_deref())?;
        let passwords = Passwords::default();
        if options.demo {
            demo::fill(&store, &passwords, &zone).await?;
        }
        if let Some(admin) = &options.admin {
            first_admin::ensure_admin(&store, &passwords, admin).await?;
        }
        let sign_in = demo::sign_in(&store, &passwords).await?;
        let Options { registration, access_token, clock, .. } = options;
        let shop = Shop(Arc::new(Inner {
            tokens: Tokens::told_by(clock.clone(), &secret),
            succession: Succession::new(&secret),
            store,
            passwords,
            announce,
            sign_in,
            link: OneTimeLink::default(),
            tries: Tries::default(),
            registration,
            access_token,
            clock,
            zone,
            whole_lists: api::Turns::default(),
        }));
        tokio::spawn(Shop::keep_tidy(Arc::downgrade(&shop.0)));
        if !unknown {
            // Comparing takes seconds in a large shop. It ends by itself.
            tokio::spawn(shop.clone().check_totals());
        }
        Ok(shop)
    }

    /// Every second, for as long as there is a handle to the shop.
    async fn keep_tidy(shop: Weak<Inner>) {
        loop {
            tokio::time::sleep(TIDY_EVERY).await;
            let Some(inner) = shop.upgrade() else { return };
            if let Err(error) = inner.store.tidy().await {
                tracing::warn!(%error, "the database's log could not be taken over");
            }
        }
    }

    /// A total that is off is mended, and said.
    async fn check_totals(self) {
        let mut mended = stats::mend(self.store()).await;
        for _ in 0..MENDING_AGAIN {
            let Err(error) = &mended else { break };
            tracing::info!(error = format!("{error:#}"), "the statistics are compared with the orders again");
            tokio::time::sleep(MENDING_PAUSE).await;
            mended = stats::mend(self.store()).await;
        }
        match mended {
            Ok(stats::Mended(0)) => {}
            Ok(stats::Mended(count)) => {
                tracing::warn!(
                    count,
                    "{count} totals of the statistics were not what the orders add up to; mended"
                );
                (self.0.announce)(Event::FullUpdate, None);
            }
            Err(error) => tracing::warn!(
                error = format!("{error:#}"),
                "could not compare the statistics with the orders"
            ),
        }
    }

    pub fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    /// The contract's routes, except the statistics, which are served by whoever keeps their newest state.
    pub fn router(&self) -> axum::Router {
        api::router(self.clone())
    }

    /// What these routes say of themselves.
    pub fn document() -> utoipa::openapi::OpenApi {
        api::described()
    }

    /// The bodies of these metrics, all read in one transaction, so that totals and bars agree.
    pub async fn stats(&self, metrics: MetricSet) -> anyhow::Result<Vec<(Metric, String)>> {
        stats::read(&self.0.store, metrics).await
    }

    /// One metric with another number of rows than usual.
    pub async fn stat(&self, metric: Metric, limit: u32) -> anyhow::Result<String> {
        stats::read_one(&self.0.store, metric, limit).await
    }

    /// The same, counted from all rows of the shop instead of read from what is kept up: what [`Shop::stat`] must equal.
    /// Takes seconds in a large shop.
    pub async fn counted_stat(&self, metric: Metric, limit: u32) -> anyhow::Result<String> {
        stats::count_one(&self.0.store, metric, limit).await
    }

    /// How to sign in, where the demo's own administrator still can: everyone knows that password.
    pub fn sign_in(&self) -> Option<&DemoSignIn> {
        self.0.sign_in.as_ref()
    }

    /// For a shop that others can reach: nobody signs in any more with the password of the demo, which everyone knows.
    pub async fn lock_invented_people_out(&self) -> anyhow::Result<()> {
        let count = demo::lock_out(self.store(), &self.0.passwords).await?;
        if count > 0 {
            tracing::warn!(
                count,
                "{count} people of the demo had the password that everyone knows, and cannot sign in any more"
            );
        }
        Ok(())
    }

    /// A code that signs in once as the demo's own administrator, at this machine; where there is none, there is no code.
    pub fn one_time_code(&self) -> Option<String> {
        self.0.sign_in.as_ref().map(|_| self.0.link.make(self.now()))
    }

    pub fn registration(&self) -> Registration {
        self.0.registration
    }

    /// Whether there is nobody who could see the dashboard.
    pub async fn lacks_admin(&self) -> anyhow::Result<bool> {
        Ok(!store::users::has_admin(self.store().pool()).await?)
    }

    /// Makes something happen every few seconds, until it is dropped.
    pub async fn demo_traffic(self) {
        demo::traffic(self).await;
    }

    /// Says so in the log for as long as another server was on this database first, until it is dropped.
    pub async fn warn_of_other_servers(self) {
        store::warn_of_others(self.0.store.clone()).await;
    }

    fn now(&self) -> i64 {
        self.0.clock.now()
    }

    fn store(&self) -> &Store {
        &self.0.store
    }

    fn moment(&self) -> Moment {
        Moment::of(store::now(), &self.0.zone)
    }

    fn announce(&self, subject: Subject, change: Change, id: &str) {
        (self.0.announce)(Event::Known(subject, change), Some(id.to_owned()));
    }
}

/// Makes one more administrator, for the command line.
pub async fn create_admin(database_url: &str, admin: &Admin) -> anyhow::Result<()> {
    let store = Store::open(database_url).await?;
    first_admin::create(&store, &Passwords::default(), admin).await
}

/// Fills a shop with many invented orders. It may be open elsewhere meanwhile, but its statistics are wrong until the end.
pub async fn seed(database_url: &str, wish: &Seeding, told: impl FnMut(Progress)) -> anyhow::Result<Seeded> {
    let store = Store::open(database_url).await?;
    seed::seed(&store, wish, told).await
}

fn zone_of(name: Option<&str>) -> anyhow::Result<TimeZone> {
    let Some(name) = name else { return Ok(TimeZone::UTC) };
    TimeZone::get(name)
        .with_context(|| format!("{name:.100} is no time zone; expected one such as America/Guayaquil"))
}

/// Copies the database to a file that is not there yet, while a server goes on writing, for the command line. Returns the
/// kept key of the sign-in tokens, which is no part of the copy.
pub async fn backup(database_url: &str, to: &Path) -> anyhow::Result<Option<PathBuf>> {
    store::backup(database_url, to).await
}

fn given_key(secret: &SecretString) -> anyhow::Result<Vec<u8>> {
    let key = secret.expose_secret().as_bytes();
    anyhow::ensure!(
        key.len() >= KEY_BYTES,
        "JWT_SECRET has {} bytes, and needs {KEY_BYTES} or more",
        key.len()
    );
    Ok(key.to_vec())
}
