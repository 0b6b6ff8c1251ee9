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
use http::{App, Gate};
use live::{Inbox, Live};
use shared::Origin;
use shop::{Admin, Options, Shop};
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
        refuse_known_password(shop, address)?;
    }
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
    greet(&config, &source, address);
    let hub = live.hub.clone();
    let room = machine::room_for_clients();
    let gate = Gate::new(room.min(config.clients as usize), config.clients_per_address as usize);
    tracing::info!("room for {} clients", room.min(config.clients as usize));
    let memory = tokio::spawn(give_memory_back_after_storms(gate.clone()));
    let app = App::new(config, address, live, source, gate);
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
        () = http::serve(listener, http::router(app), closing) => {}
        () = too_late => {}
    }
    memory.abort();
    updater.abort();
    for task in [traffic, place].into_iter().flatten() {
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
        time_zone: Some(config.time_zone.clone()),
    };
    let inbox = inbox.clone();
    let announce = Arc::new(move |event, id| inbox.announce(event, id, None, Origin::Shop));
    Ok(Source::Shop(Shop::open(options, announce).await?))
}

/// Everybody knows the demo's password, so it must not be reachable from outside.
fn refuse_known_password(shop: &Shop, address: SocketAddr) -> anyhow::Result<()> {
    anyhow::ensure!(
        shop.sign_in().is_none() || address.ip().is_loopback(),
        "the demo's administrator has a password that everybody knows: set ADMIN_EMAIL and ADMIN_PASSWORD, or \
         let PULSO_LISTEN be a loopback address such as 127.0.0.1:8081, not {address}"
    );
    Ok(())
}

/// What a person who started it needs to know.
fn greet(config: &Config, source: &Source, address: SocketAddr) {
    println!("\n  Pulso  http://{address}");
    match source {
        Source::Upstream(_) => {
            let url = config.rest_api_url.as_ref().map_or_else(String::new, ToString::to_string);
            println!("  Shop   {url} (your backend)");
        }
        Source::Shop(shop) => {
            println!("  Shop   embedded, in {}", config.database_name());
            if let Some(sign_in) = shop.sign_in() {
                println!("  Sign in with  {}  and  {}", sign_in.email, sign_in.password);
            }
        }
    }
    println!();
}
