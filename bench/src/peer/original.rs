//! The algorithm of the server that Pulso takes the place of.
//!
//! Each notification starts a handler of its own. It fetches what its event touches, all at once, and then, under one
//! global lock, writes the frame to one client after another, waiting for each. No coalescing, no versions, no
//! deadline for a write: with handlers that overtake each other an older state may be sent last, and one client that
//! does not read stops all. Fetches run at once and the frame is encoded once, so it is not made slower than it was.

use super::{Settings, fetch};
use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::{get, post};
use futures_util::SinkExt;
use futures_util::future::try_join_all;
use futures_util::stream::{SplitSink, StreamExt};
use shared::{Event, Origin};
use std::sync::Arc;
use tokio::net::TcpSocket;
use tokio::sync::Mutex;

#[derive(Clone)]
struct App {
    settings: Settings,
    http: reqwest::Client,
    clients: Arc<Mutex<Vec<SplitSink<WebSocket, Message>>>>,
}

#[tokio::main]
pub async fn run(settings: Settings) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(settings.listen)?;
    let listener = socket.listen(4096)?;
    let app = App { settings, http: reqwest::Client::new(), clients: Arc::default() };
    let routes = Router::new().route("/ws", get(join)).route("/notify", post(notify)).with_state(app);
    Ok(axum::serve(listener, routes).await?)
}

async fn notify(State(app): State<App>, body: String) {
    tokio::spawn(async move {
        if let Ok(frame) = fetched(&app, &body).await {
            let mut clients = app.clients.lock().await;
            for client in clients.iter_mut() {
                let _ = client.send(Message::Text(frame.clone())).await;
            }
        }
    });
}

async fn fetched(app: &App, body: &str) -> Result<Utf8Bytes> {
    let notification: serde_json::Value = serde_json::from_str(body)?;
    let name = notification["type"].as_str().unwrap_or(Event::FULL_UPDATE);
    let metrics: Vec<_> = Event::parse(name).metrics(Origin::Http).iter().collect();
    let bodies = metrics.iter().map(|metric| fetch(&app.http, &app.settings.upstream, *metric));
    let bodies = try_join_all(bodies).await?;
    let data = metrics.iter().zip(bodies).map(|(metric, body)| format!(r#""{}":{body}"#, metric.key()));
    let data = data.collect::<Vec<_>>().join(",");
    Ok(format!(r#"{{"event":"{name}","data":{{{data}}},"timestamp":"2026-01-01T00:00:00.000Z"}}"#).into())
}

async fn join(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    // A small buffer for reading: axum's own of 128 KB would be measured instead of the algorithm.
    upgrade.read_buffer_size(4096).on_upgrade(|socket| async move {
        let (sink, mut stream) = socket.split();
        app.clients.lock().await.push(sink);
        while let Some(Ok(_)) = stream.next().await {}
    })
}
