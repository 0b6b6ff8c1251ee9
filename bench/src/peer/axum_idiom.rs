//! How a broadcast is usually written with axum: a `tokio::sync::broadcast` channel and a task for each client.

use super::{Settings, fetch, message};
use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::{get, post};
use shared::Metric;
use tokio::net::TcpListener;
use tokio::sync::broadcast;

#[derive(Clone)]
struct App {
    settings: Settings,
    http: reqwest::Client,
    news: broadcast::Sender<Utf8Bytes>,
}

#[tokio::main]
pub async fn run(settings: Settings) -> Result<()> {
    let listener = TcpListener::bind(settings.listen).await?;
    let app = App { settings, http: reqwest::Client::new(), news: broadcast::channel(16).0 };
    let routes = Router::new().route("/ws", get(join)).route("/notify", post(notify)).with_state(app);
    Ok(axum::serve(listener, routes).await?)
}

async fn notify(State(app): State<App>) {
    tokio::spawn(async move {
        if let Ok(body) = fetch(&app.http, &app.settings.upstream, Metric::OrdersRecent).await {
            let _ = app.news.send(message(&body, app.settings.envelope_bytes).into());
        }
    });
}

async fn join(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    let news = app.news.subscribe();
    upgrade.on_upgrade(move |socket| serve(socket, news))
}

async fn serve(mut socket: WebSocket, mut news: broadcast::Receiver<Utf8Bytes>) {
    loop {
        tokio::select! {
            message = news.recv() => {
                let Ok(message) = message else { return };
                if socket.send(Message::Text(message)).await.is_err() {
                    return;
                }
            }
            heard = socket.recv() => {
                if !matches!(heard, Some(Ok(_))) {
                    return;
                }
            }
        }
    }
}
