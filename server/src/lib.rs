//! The server of Pulso.
//!
//! `config` says what to do, `commands` what else the program can do than serve; `http` takes requests in; `live` keeps the snapshot and brings it to the
//! clients; `source` reads the metrics, from an upstream or from the shop in this process; `machine` asks the
//! system for files and gives memory back.

mod clock;
mod config;
mod commands;
mod http;
mod live;
mod source;
mod machine;

pub use commands::{Command, Invocation, run as run_command};
pub use config::{Config, Refused};

use anyhow::Context;
use http::{App, Gate, Lobby};
use live::{Inbox, Live};
use shared::Origin;
use shop::{Admin, Clock, Options, Screens, Shop};
use source::{Source, Upstream};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// After the clients have been sent away, answers that are still being written have so long.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// Serves until `shutdown` comes to its end and the clients have been sent away. Whoever drops it in between ends it
/// at once.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let address = listener.local_addr().context("the listener has no address")?;
    machine::prepare(&listener);
    let inbox = Arc::new(Inbox::default());
    let source = open_source(&config, &inbox).await?;
    if let Source::Shop(shop) = &source {
        refuse_known_password(shop, address).await?;
    }
    let screens = open_screens(&config, &source).await?;
    let shards = std::thread::available_parallelism().map_or(1, usize::from);
    let (live, updater) = Live::start(source.clone(), inbox, config.reconcile_every(), shards);
    let traffic = match &source {
        Source::Shop(shop) if config.demo_traffic => Some(tokio::spawn(shop.clone().demo_traffic())),
        Source::Shop(_) | Source::Upstream(_) => None,
    };
    let place = match &source {
        Source::Shop(shop) => Some(tokio::spawn(shop.clone().warn_of_other_servers())),
        Source::Upstream(_) => None,
    };
    let lacks_admin = match &source {
        Source::Shop(shop) => shop.lacks_admin().await?,
        Source::Upstream(_) => false,
    };
    let hub = live.hub.clone();
    let room = machine::room();
    let clients = room.clients.min(config.clients as usize);
    let gate = Gate::new(clients, config.clients_per_address as usize);
    let lobby = Lobby::new(room, gate.clone(), config.trusted_proxies());
    tracing::info!("room for {clients} clients");
    let memory = tokio::spawn(give_memory_back_after_storms(gate.clone()));
    let settling = screens.clone().map(|screens| tokio::spawn(screens.keep_settling()));
    let app = App::new(config.clone(), address, live, source.clone(), screens, gate)?;
    greet(&config, &source, address, lacks_admin);
    let keys = tokio::spawn(app.clone().keep_keys_fresh());
    let (drained, all_gone) = oneshot::channel::<()>();
    let closing = async move {
        shutdown.await;
        tracing::info!(clients = hub.clients(), "going down");
        hub.drain().await;
        let _ = drained.send(());
    };
    let too_late = async {
        let _ = all_gone.await;
        tokio::time::sleep(ANSWERS_WITHIN).await;
    };
    // Upgraded sockets are none of its connections, so these are closed before it stops listening.
    tokio::select! {
        () = http::serve(listener, http::router(app), lobby, closing) => {}
        () = too_late => {}
    }
    memory.abort();
    keys.abort();
    updater.abort();
    for task in [traffic, place, settling].into_iter().flatten() {
        task.abort();
    }
    Ok(())
}

async fn give_memory_back_after_storms(gate: Arc<Gate>) {
    loop {
        gate.storm_is_over().await;
        machine::give_memory_back().await;
    }
}

async fn open_source(config: &Config, inbox: &Arc<Inbox>) -> anyhow::Result<Source> {
    if let Some(url) = &config.rest_api_url {
        return Ok(Source::Upstream(Upstream::new(url.clone(), config.rest_api_token.clone())?));
    }
    let options = Options {
        database_url: config.database_url.clone(),
        jwt_secret: config.jwt_secret.clone(),
        admin: config.admin().map(|(email, password)| Admin { email, password }),
        demo: config.demo,
        registration: config.registration.into(),
        access_token: Duration::from_secs(config.access_token_secs.into()),
        clock: Clock::default(),
        time_zone: Some(config.time_zone.clone()),
    };
    let inbox = inbox.clone();
    let announce = Arc::new(move |event, id| inbox.announce(event, id, None, Origin::Shop));
    Ok(Source::Shop(Shop::open(options, announce).await?))
}

/// A dashboard in front of a backend is worth having without screens: the folder it runs in may be read-only, and
/// DATABASE_URL may be meant for somebody else.
async fn open_screens(config: &Config, source: &Source) -> anyhow::Result<Option<Screens>> {
    match source {
        Source::Shop(shop) => Ok(Some(Screens::of(shop).await?)),
        Source::Upstream(_) => match Screens::open(&config.database_url).await {
            Ok(screens) => Ok(Some(screens)),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(error, "no screens can be paired: DATABASE_URL is where they would be kept");
                Ok(None)
            }
        },
    }
}

/// Everybody knows the demo's password, so it must not be good for anything that is reachable from outside.
async fn refuse_known_password(shop: &Shop, address: SocketAddr) -> anyhow::Result<()> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    anyhow::ensure!(
        shop.sign_in().is_none(),
        "the demo's administrator has a password that everybody knows: set ADMIN_EMAIL and ADMIN_PASSWORD, or \
         let PULSO_LISTEN be a loopback address such as 127.0.0.1:8081, not {address}"
    );
    shop.lock_invented_people_out().await
}

/// What a person who started it needs to know.
fn greet(config: &Config, source: &Source, address: SocketAddr, lacks_admin: bool) {
    println!("\n  Pulso  http://{address}");
    match source {
        Source::Upstream(_) => {
            println!("  Shop   {} (your backend)", config.backend_name().unwrap_or_default());
        }
        Source::Shop(shop) => {
            println!("  Shop   embedded, in {}", config.database_name());
            if let Some(sign_in) = shop.sign_in() {
                println!("  Sign in with  {}  and  {}", sign_in.email, sign_in.password);
            }
            // On loopback only: anyone else would be handed the shop with it.
            let loopback = Some(shop).filter(|_| address.ip().is_loopback());
            if let Some(code) = loopback.and_then(Shop::one_time_code) {
                println!("  Or open       http://{address}/?sign-in={code}  (once, within 10 minutes)");
            }
            if lacks_admin {
                println!("  Nobody administers it yet:  pulso admin create --email you@example.com");
            }
        }
    }
    println!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    async fn shop(folder: &tempfile::TempDir, admin: Option<Admin>) -> Shop {
        let database_url = format!("sqlite://{}", folder.path().join("shop.db").display());
        let options = Options { admin, demo: true, ..Options::of(database_url) };
        Shop::open(options, Arc::new(|_, _| {})).await.expect("a shop")
    }

    #[tokio::test]
    async fn a_password_that_everybody_knows_is_only_for_this_machine() {
        let folder = tempfile::tempdir().expect("a folder");
        let known = shop(&folder, None).await;
        for (address, expected) in
            [("127.0.0.1:1", true), ("[::1]:1", true), ("0.0.0.0:1", false), ("192.0.2.1:1", false)]
        {
            let refused = refuse_known_password(&known, address.parse().expect("an address")).await;
            assert_eq!(refused.is_ok(), expected, "{address}");
            if let Err(error) = refused {
                let line = format!("{error:#}");
                assert!(line.contains("ADMIN_PASSWORD") && !line.contains('\n'), "{line}");
            }
        }
        drop(known);
        let own = Admin { email: "ana@taller.ec".into(), password: SecretString::from("secreto") };
        let own = shop(&folder, Some(own)).await;
        let everywhere = "0.0.0.0:1".parse().expect("an address");
        refuse_known_password(&own, everywhere).await.expect("nobody knows it");
    }

    #[tokio::test]
    async fn nobody_invented_gets_in_from_outside_when_the_demos_administrator_has_another_password() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(shop(&folder, None).await);
        let url = format!("sqlite://{}", folder.path().join("shop.db").display());
        let rows = sqlx::AnyPool::connect(&url).await.expect("a second connection");
        let other = "UPDATE users SET password_hash = 'other' WHERE role = 'Admin'";
        sqlx::query(other).execute(&rows).await.expect(other);
        let shop = shop(&folder, None).await;
        for (address, locked) in [("127.0.0.1:1", false), ("0.0.0.0:1", true)] {
            let allowed = refuse_known_password(&shop, address.parse().expect("an address")).await;
            allowed.expect("nobody knows the administrator's password");
            let can_sign_in = "SELECT COUNT(*) FROM users WHERE password_hash LIKE '$argon2%'";
            let count: i64 = sqlx::query_scalar(can_sign_in).fetch_one(&rows).await.expect(can_sign_in);
            assert_eq!(count == 0, locked, "{address}");
        }
    }
}
