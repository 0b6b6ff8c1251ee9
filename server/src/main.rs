//! Starts the server: configuration, logging, a listener, and a signal that ends it. Or does one of the other things that it
//! is told to.

use server::{Config, Invocation};
use std::io::IsTerminal;
use std::process::ExitCode;
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// tokio's own `bind` lets 128 connections wait; when all dashboards of a shop come back at once, those that
/// do not fit would wait a second.
const BACKLOG: u32 = 4096;

#[tokio::main]
async fn main() -> ExitCode {
    let Invocation { config, command } = match Invocation::read() {
        Ok(invocation) => invocation,
        Err(code) => return code,
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // Colours are for people, not for files.
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(colours)
        .with_writer(std::io::stderr)
        .init();
    let done = match command {
        Some(command) => server::run_command(command, config).await,
        None => start(config).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pulso: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn start(config: Config) -> anyhow::Result<()> {
    let address = config.address();
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    let listener = socket.bind(address).and_then(|()| socket.listen(BACKLOG)).map_err(|error| {
        anyhow::anyhow!("cannot listen on {address}: {error} (choose another with PULSO_LISTEN)")
    })?;
    let signals = signals();
    tokio::select! {
        served = server::run(config, listener, received(signals.clone(), 1)) => served,
        () = received(signals, 2) => {
            tracing::warn!("told twice: going down at once");
            Ok(())
        }
    }
}

/// Counts how often this process was told to stop: Ctrl-C, or what a service manager sends.
fn signals() -> watch::Receiver<u32> {
    let (count, received) = watch::channel(0);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
            let mut signal = signal(kind).expect("a signal handler can be installed at the start");
            let count = count.clone();
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    count.send_modify(|count| *count += 1);
                }
            });
        }
    }
    #[cfg(not(unix))]
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            count.send_modify(|count| *count += 1);
        }
    });
    received
}

async fn received(mut signals: watch::Receiver<u32>, times: u32) {
    if signals.wait_for(|count| *count >= times).await.is_err() {
        // Without the counting tasks nothing can be received any more.
        std::future::pending().await
    }
}
