//! Screens: a wall has nobody who signs in.
//!
//! It shows a code, an administrator enters it, and from then on the screen exchanges a secret, which only it has, for
//! tokens that see the dashboard and nothing else. The embedded shop keeps its screens in its own database; in front of an
//! existing backend they have a file to themselves.

mod token;
mod live;

pub use live::Presence;

use crate::api::{Error, to_the_end, too_many};
use crate::store::screens::{self as rows, Screen, Standing, Waiting};
use crate::store::secret::{Key, made};
use crate::store::{Store, new_id, now};
use crate::{Network, Rule, Shop, Throttle, TokenError};
use anyhow::Context;
use axum::http::StatusCode;
use live::{Live, LiveScreens};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use token::{LIFETIME_SECS, ScreenTokens};
use utoipa::ToSchema;

/// How long a code can be entered.
const CODE_SECS: i64 = 5 * 60;

/// Screens that may wait at once; one more is told to come back. So few, because whoever mistypes a code must not hit
/// the screen of a stranger: with all of them waiting, one wrong code in ten thousand is another one's.
const WAITING: i64 = 100;

/// A screen whose code ran out is told so for this long; afterwards it is unknown.
const REMEMBERED_SECS: i64 = 60 * 60;

/// Screens that may be approved, and so the most that are kept in memory.
const SCREENS: i64 = 1_000;

/// Pairings from one network: a shop's walls often share one. Twenty more in the time that a code lives.
const PAIRINGS: Rule = Rule { at_once: 20, every_ms: 15_000 };

/// Wrong codes from one network: ten more in the time that a code lives.
const GUESSES: Rule = Rule { at_once: 10, every_ms: 30_000 };

/// Networks that are counted; beyond, the one that would be forgotten first is forgotten.
const NETWORKS: usize = 10_000;

/// Codes tried until one is found that nobody shows; with so few waiting the first one nearly always is.
const CODES_TRIED: u32 = 50;

/// How often is written down who was seen, and who was revoked elsewhere is looked for.
const SETTLE_EVERY: Duration = Duration::from_secs(60);

/// Characters of a screen's name.
pub const SCREEN_NAME_CHARS: usize = 100;

/// What stands in the token of one, where people have theirs.
pub const SCREEN_ROLE: &str = "Screen";

/// Six digits; by default none, which no screen shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    /// As people type or paste it: `123 456` will do.
    pub fn parse(text: &str) -> Option<Code> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        (digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(Code(digits))
    }

    fn random() -> Code {
        Code(format!("{:06}", rand::random_range(0..1_000_000)))
    }
}

/// What a screen is given: the code to show, and the secret to keep.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pairing {
    pub code: String,
    pub secret: String,
    /// Seconds until the code runs out.
    pub expires_in: i64,
}

/// What a screen's secret is exchanged for.
pub enum Ticket {
    /// Nobody has entered its code yet.
    Waiting,
    Granted {
        access_token: String,
        expires_in_secs: i64,
    },
}

/// An approved screen, and whether it is there.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    #[serde(flatten)]
    pub screen: Screen,
    /// Its open sockets.
    pub connected: usize,
}

/// The good token of a screen that is not revoked.
pub struct Pass {
    live: Arc<Live>,
    /// Seconds since 1970.
    exp: i64,
}

impl Pass {
    /// Milliseconds since 1970.
    pub fn expires(&self) -> i64 {
        self.exp * 1000
    }

    pub fn is_of_the_same_screen(&self, other: &Pass) -> bool {
        self.live.id == other.live.id
    }

    /// Comes to its end when the screen is revoked.
    pub fn revoked(&self) -> impl Future<Output = ()> + Send + use<> {
        self.live.revoked()
    }

    /// To be kept while a socket is open.
    pub fn present(&self) -> Presence {
        self.live.present()
    }
}

/// A cheap handle.
#[derive(Clone)]
pub struct Screens(Arc<Inner>);

struct Inner {
    store: Store,
    tokens: ScreenTokens,
    live: LiveScreens,
    pairings: Mutex<Throttle<Network>>,
    guesses: Mutex<Throttle<Network>>,
}

impl Screens {
    /// Those of the embedded shop.
    pub async fn of(shop: &Shop) -> anyhow::Result<Screens> {
        Screens::kept_in(shop.store().clone()).await
    }

    /// Those of a dashboard in front of an existing backend. The file gets the whole schema, so that there is one kind of
    /// database only, and the day the embedded shop takes over it finds what it needs.
    pub async fn open(database_url: &str) -> anyhow::Result<Screens> {
        // A PostgreSQL would most likely be the backend's own, where nothing of ours belongs.
        anyhow::ensure!(database_url.starts_with("sqlite:"), "DATABASE_URL must begin with sqlite://");
        Screens::kept_in(Store::open(database_url).await?).await
    }

    async fn kept_in(store: Store) -> anyhow::Result<Screens> {
        let secret =
            store.kept_secret(Key::Screens).await.context("the key of the screens cannot be kept")?;
        let live = LiveScreens::default();
        for screen in rows::approved(store.pool()).await? {
            live.add(&screen.id, screen.last_seen_ms);
        }
        Ok(Screens(Arc::new(Inner {
            store,
            tokens: ScreenTokens::new(&secret),
            live,
            pairings: Mutex::new(Throttle::new(PAIRINGS, NETWORKS)),
            guesses: Mutex::new(Throttle::new(GUESSES, NETWORKS)),
        })))
    }

    /// A new screen asks for a code to show.
    pub async fn pair(&self, from: IpAddr, at: i64) -> Result<Pairing, Error> {
        take(&self.0.pairings, from, at)?;
        let screens = self.clone();
        to_the_end(async move {
            let secret = made();
            let mut tx = screens.0.store.write_alone().await?;
            let waiting = rows::tidy(&mut tx, at, at - REMEMBERED_SECS * 1000).await?;
            if waiting >= WAITING {
                tx.commit().await?;
                return Err(Error::unavailable("Too many screens are waiting to be approved"));
            }
            for _ in 0..CODES_TRIED {
                let code = Code::random().0;
                let code_until = at + CODE_SECS * 1000;
                let new = Waiting { id: new_id(), secret_hash: hash(&secret), code, code_until };
                if rows::add(&mut tx, &new, at).await? {
                    tx.commit().await?;
                    return Ok(Pairing { code: new.code, secret, expires_in: CODE_SECS });
                }
            }
            Err(Error::unavailable("Too many screens are waiting to be approved"))
        })
        .await
    }

    /// The screen asks whether it may look, and again before its token ends.
    pub async fn token(&self, secret: &str, at: i64) -> Result<Ticket, Error> {
        let hash = hash(secret);
        match rows::standing(self.0.store.pool(), &hash).await? {
            None => Err(Error::unauthorized()),
            Some(Standing::Waiting { code_until }) if code_until > at => Ok(Ticket::Waiting),
            Some(Standing::Waiting { .. }) => Err(Error::new(StatusCode::GONE, "The code has run out")),
            Some(Standing::Approved { id, last_seen }) => self.grant(&id, last_seen, &hash, at).await,
        }
    }

    /// To a screen that was found approved a moment ago. It may have been revoked since; once it is in memory, whoever
    /// revokes it finds it there, and until then the database has to be asked again.
    async fn grant(&self, id: &str, last_seen: i64, hash: &str, at: i64) -> Result<Ticket, Error> {
        let (live, is_new) = self.0.live.add(id, last_seen);
        if is_new && rows::standing(self.0.store.pool(), hash).await?.is_none() {
            self.0.live.revoke(id);
            return Err(Error::unauthorized());
        }
        live.saw(at);
        Ok(Ticket::Granted { access_token: self.0.tokens.issue(id, at), expires_in_secs: LIFETIME_SECS })
    }

    /// An administrator entered a code.
    pub async fn approve(&self, from: IpAddr, code: Code, name: String, at: i64) -> Result<Screen, Error> {
        // Counted before it is known, so that many at once are not all tried.
        take(&self.0.guesses, from, at)?;
        let screens = self.clone();
        to_the_end(async move {
            let screen = enter(&screens.0.store, &code, &name, at).await?;
            lock(&screens.0.guesses).give_back(&from.into());
            tracing::info!(screen = screen.id, "a screen was approved");
            Ok(screen)
        })
        .await
    }

    /// Every approved screen, oldest first.
    pub async fn list(&self) -> Result<Vec<Listed>, Error> {
        let screens = rows::approved(self.0.store.pool()).await?;
        Ok(screens.into_iter().map(|screen| self.listed(screen)).collect())
    }

    fn listed(&self, mut screen: Screen) -> Listed {
        let Some(live) = self.0.live.get(&screen.id) else { return Listed { screen, connected: 0 } };
        let connected = live.sockets();
        let seen = if connected > 0 { now() } else { live.last_seen() };
        if seen > screen.last_seen_ms {
            screen.last_seen = Some(crate::store::iso(seen));
        }
        Listed { screen, connected }
    }

    /// Its sockets end and its token is worth nothing as soon as this is written down.
    pub async fn revoke(&self, id: String) -> Result<(), Error> {
        let screens = self.clone();
        to_the_end(async move {
            let mut tx = screens.0.store.write().await?;
            if !rows::revoke(&mut tx, &id).await? {
                return Err(Error::not_found(format!("Screen with id {id} not found")));
            }
            tx.commit().await?;
            screens.0.live.revoke(&id);
            tracing::info!(screen = id, "a screen was revoked");
            Ok(())
        })
        .await
    }

    /// `None`: no screen's token. `Err`: it claims to be one, and is expired, revoked or forged.
    pub fn recognise(&self, token: &str, at: i64) -> Option<Result<Pass, TokenError>> {
        if !self.0.tokens.claims_to_be_one(token) {
            return None;
        }
        let verified = self.0.tokens.verify(token, at).and_then(|claims| {
            let live = self.0.live.get(&claims.sub).ok_or(TokenError)?;
            live.saw(at);
            Ok(Pass { live, exp: claims.exp })
        });
        Some(verified)
    }

    /// Whether a screen's token, good or bad, stands anywhere in this.
    pub fn has_token(&self, text: &[u8]) -> bool {
        self.0.tokens.stands_in(text)
    }

    /// Settles once a minute, for ever.
    pub async fn keep_settling(self) {
        loop {
            tokio::time::sleep(SETTLE_EVERY).await;
            if let Err(error) = self.settle(now()).await {
                tracing::warn!(%error, "what is known of the screens could not be written down");
            }
        }
    }

    /// Writes down when screens were last seen, and ends those that were revoked by someone else: the command line, or
    /// another server.
    pub async fn settle(&self, at: i64) -> Result<(), Error> {
        // Taken before the database is asked: a screen that comes in between is not missing from the answer.
        let known = self.0.live.every();
        if known.is_empty() {
            return Ok(());
        }
        let approved = rows::approved(self.0.store.pool()).await?;
        let (there, gone): (Vec<_>, Vec<_>) =
            known.into_iter().partition(|live| approved.iter().any(|screen| screen.id == live.id));
        for live in gone {
            self.0.live.revoke(&live.id);
            tracing::info!(screen = live.id, "a screen was revoked elsewhere");
        }
        let seen: Vec<_> = there.iter().filter_map(|live| Some((live, live.to_keep(at)?))).collect();
        if seen.is_empty() {
            return Ok(());
        }
        let mut tx = self.0.store.write().await?;
        for (live, seen) in &seen {
            rows::saw(&mut tx, &live.id, *seen).await?;
        }
        tx.commit().await?;
        seen.iter().for_each(|(live, seen)| live.kept(*seen));
        Ok(())
    }
}

async fn enter(store: &Store, code: &Code, name: &str, at: i64) -> Result<Screen, Error> {
    let mut tx = store.write_alone().await?;
    if rows::count_approved(&mut tx).await? >= SCREENS {
        return Err(Error::conflict(format!("There are {SCREENS} screens already; revoke one first")));
    }
    let screen = rows::approve(&mut tx, &code.0, name, at).await?;
    let screen = screen.ok_or_else(|| Error::not_found("No screen shows this code"))?;
    tx.commit().await?;
    Ok(screen)
}

/// For the command line: a server that runs beside sees it when the screen asks again, two seconds later at most.
pub async fn approve(database_url: &str, code: &Code, name: &str) -> anyhow::Result<Screen> {
    let store = Store::open_existing(database_url).await?;
    Ok(enter(&store, code, name, now()).await?)
}

/// For the command line: what the database knows; a server that runs beside writes down once a minute whom it sees.
pub async fn list(database_url: &str) -> anyhow::Result<Vec<Screen>> {
    let store = Store::open_existing(database_url).await?;
    Ok(rows::approved(store.pool()).await?)
}

/// For the command line: a server that runs beside sees it within a minute, and ends the screen's sockets.
pub async fn revoke(database_url: &str, id: &str) -> anyhow::Result<()> {
    let store = Store::open_existing(database_url).await?;
    let mut tx = store.write().await?;
    anyhow::ensure!(rows::revoke(&mut tx, id).await?, "there is no screen {id}");
    Ok(tx.commit().await?)
}

fn take(throttle: &Mutex<Throttle<Network>>, from: IpAddr, at: i64) -> Result<(), Error> {
    lock(throttle).take(from.into(), at).map_err(too_many)
}

fn lock(throttle: &Mutex<Throttle<Network>>) -> std::sync::MutexGuard<'_, Throttle<Network>> {
    throttle.lock().expect("nothing panics while it counts")
}

/// In hexadecimal. A plain hash will do: nobody guesses what is random to begin with.
fn hash(secret: &str) -> String {
    format!("{:x}", Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
#[path = "tests.rs"]
mod sqlite;
#[cfg(test)]
#[path = "tests.rs"]
#[expect(clippy::duplicate_mod, reason = "every test runs on both databases")]
mod postgres;
