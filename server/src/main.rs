//! Starts the server: configuration, logging, a listener, and a signal that ends it.

use server::Config;
use std::io::IsTerminal;
use std::process::ExitCode;
use tokio::net::TcpSocket;
use tracing_subscriber::EnvFilter;

/// tokio's own `bind` lets 128 connections wait; when all dashboards of a shop come back at once, those that
/// do not fit would wait a second.
const BACKLOG: u32 = 4096;

#[tokio::main]
async fn main() -> ExitCode {
    let config = match Config::read() {
        Ok(config) => config,
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
    match start(config).await {
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
    server::run(config, listener, stopped()).await
}

/// Ctrl-C, or what a service manager sends.
async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .expect("a signal handler can be installed at the start");
        tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
}
