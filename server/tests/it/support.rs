//! The world around the server: a fake shop backend, and clients.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use server::Config;
use shared::Metric;
use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::{Error, Message, client::IntoClientRequest};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Long enough for any machine; a fact that has not come by then will not come.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn soon<T>(what: &str, fact: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, fact).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Asks again and again until it is so.
pub async fn until<F: Future<Output = bool>>(what: &str, mut fact: impl FnMut() -> F) {
    let asked = async {
        while !fact().await {
            tokio::task::yield_now().await;
        }
    };
    soon(what, asked).await;
}

#[derive(Clone)]
pub struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

/// What the backend was asked, the newest last.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

#[derive(Clone)]
pub struct FakeShop {
    pub address: SocketAddr,
    state: Arc<FakeState>,
    serving: Arc<Mutex<Option<JoinHandle<()>>>>,
}

struct FakeState {
    replies: Mutex<HashMap<String, Reply>>,
    asked: watch::Sender<Vec<Asked>>,
    /// Paths that do not answer until they are released.
    held: watch::Sender<Vec<String>>,
}

impl FakeShop {
    /// Answers every metric with the recording of a real backend.
    pub async fn start() -> FakeShop {
        let recorded: HashMap<String, Value> =
            serde_json::from_str(include_str!("../../../shared/tests/upstream-stats.json"))
                .expect("the recording");
        let ok = |body: Value| Reply {
            status: 200,
            content_type: "application/json; charset=utf-8",
            body: body.to_string(),
        };
        let replies = recorded.into_iter().map(|(path, body)| (path, ok(body))).collect();
        let state = FakeState {
            replies: Mutex::new(replies),
            asked: watch::channel(Vec::new()).0,
            held: watch::channel(Vec::new()).0,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shop = FakeShop { address, state: Arc::new(state), serving: Arc::default() };
        shop.serve(listener);
        shop
    }

    fn serve(&self, listener: TcpListener) {
        let app = axum::Router::new().fallback(answer).with_state(self.state.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.expect("serves") });
        *self.serving.lock().expect("a lock") = Some(serving);
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Nobody listens any more: connections are refused.
    pub async fn stop(&self) {
        let serving = self.serving.lock().expect("a lock").take().expect("it was serving");
        serving.abort();
        let _ = serving.await;
    }

    pub async fn restart(&self) {
        let listener = TcpListener::bind(self.address).await.expect("the same port again");
        self.serve(listener);
    }

    pub fn set(&self, metric: Metric, body: &str) {
        self.reply(metric.path(), 200, "application/json; charset=utf-8", body);
    }

    pub fn set_count(&self, metric: Metric, count: u64) {
        self.set(metric, &format!("{{\"count\":{count}}}"));
    }

    pub fn reply(&self, path: &str, status: u16, content_type: &'static str, body: &str) {
        let reply = Reply { status, content_type, body: body.to_owned() };
        self.state.replies.lock().expect("a lock").insert(path.to_owned(), reply);
    }

    /// Requests for it are taken, and answered when it is released, with the reply that was set when they came.
    pub fn hold(&self, metric: Metric) {
        self.state.held.send_modify(|held| held.push(metric.path().to_owned()));
    }

    pub fn release(&self, metric: Metric) {
        self.state.held.send_modify(|held| held.retain(|path| path != metric.path()));
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.borrow().clone()
    }

    pub fn times_asked(&self, metric: Metric) -> usize {
        self.state.asked.borrow().iter().filter(|asked| asked.path == metric.path()).count()
    }

    pub async fn was_asked(&self, metric: Metric, times: usize) {
        let mut asked = self.state.asked.subscribe();
        let enough =
            asked.wait_for(|asked| asked.iter().filter(|one| one.path == metric.path()).count() >= times);
        soon("a request to the backend", enough).await.expect("the backend lives");
    }
}

async fn answer(State(state): State<Arc<FakeState>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let path = parts.uri.path().to_owned();
    let asked = Asked {
        method: parts.method.to_string(),
        path: path.clone(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body,
    };
    let reply = state.replies.lock().expect("a lock").get(&path).cloned();
    state.asked.send_modify(|all| all.push(asked));
    let mut held = state.held.subscribe();
    held.wait_for(|held| !held.contains(&path)).await.expect("the state lives");
    let reply = reply.unwrap_or_else(|| Reply {
        status: 404,
        content_type: "application/json; charset=utf-8",
        body: format!(
            r#"{{"message":"Cannot {} {path}","error":"Not Found","statusCode":404}}"#,
            parts.method
        ),
    });
    Response::builder()
        .status(StatusCode::from_u16(reply.status).expect("a status"))
        .header("content-type", reply.content_type)
        .header("x-from", "the shop")
        .header("connection", "keep-alive, x-hop")
        .header("x-hop", "1")
        .header("access-control-allow-origin", "*")
        .header("access-control-allow-credentials", "true")
        .body(Body::from(reply.body))
        .expect("a response")
}

pub struct Server {
    pub address: SocketAddr,
    pub http: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<anyhow::Result<()>>,
    _folder: TempDir,
}

impl Server {
    /// With a database of its own, unless `flags` name one.
    pub async fn start(flags: &[&str]) -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let database = format!("sqlite://{}", folder.path().join("pulso.db").display());
        let own = ["--database-url", &database];
        let named = flags.contains(&"--database-url");
        let flags = ["pulso"].iter().chain(own.iter().filter(|_| !named)).chain(flags);
        let config = Config::from_args(flags).expect("a configuration");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(server::run(config, listener, async {
            let _ = stopped.await;
        }));
        Server { address, http: reqwest::Client::new(), stop: Some(stop), running, _folder: folder }
    }

    /// Why it does not start.
    pub async fn refused(flags: &[&str]) -> String {
        let server = Server::start(flags).await;
        let ended = soon("the refusal", server.running).await.expect("no panic");
        format!("{:#}", ended.expect_err("it was started"))
    }

    /// In front of `shop`, with an hour between reconciles, so that only what is announced is fetched again.
    pub async fn before(shop: &FakeShop) -> Server {
        Server::before_with(shop, &["--reconcile-secs", "3600"]).await
    }

    pub async fn before_with(shop: &FakeShop, flags: &[&str]) -> Server {
        let url = shop.url();
        Server::start(&[&["--rest-api-url", &url], flags].concat()).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        soon("an answer", self.http.get(self.url(path)).send()).await.expect("an answer")
    }

    pub async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.expect("JSON")
    }

    pub async fn notify(&self, body: &str) -> (u16, String) {
        let request = self.http.post(self.url("/notify")).body(body.to_owned());
        let response = soon("an answer", request.send()).await.expect("an answer");
        let status = response.status().as_u16();
        (status, response.text().await.expect("a text"))
    }

    pub async fn event(&self, kind: &str) {
        let (status, text) = self.notify(&format!("{{\"type\":\"{kind}\"}}")).await;
        assert_eq!((status, text), (200, format!("Notificación recibida: {kind}")));
    }

    pub async fn join(&self, query: &str) -> Client {
        self.try_join(query, &[]).await.expect("the server takes the client")
    }

    pub async fn try_join(&self, query: &str, headers: &[(&'static str, &str)]) -> Result<Client, u16> {
        let mut request =
            format!("ws://{}/ws{query}", self.address).into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        match soon("a handshake", connect_async(request)).await {
            Ok((socket, response)) => {
                let protocol = response.headers().get("sec-websocket-protocol");
                Ok(Client {
                    socket,
                    protocol: protocol.map(|value| value.to_str().expect("a text").to_owned()),
                })
            }
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("no handshake: {error}"),
        }
    }

    pub async fn clients(&self) -> u64 {
        self.json("/health").await["clients"].as_u64().expect("a number")
    }

    pub async fn stop(mut self) {
        let _ = self.stop.take().expect("not stopped yet").send(());
        soon("the server's end", self.running).await.expect("no panic").expect("no error");
    }
}

pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub protocol: Option<String>,
}

impl Client {
    /// The next frame that is no heartbeat.
    pub async fn next(&mut self) -> Value {
        loop {
            let frame = self.next_of_any_kind().await;
            if frame["event"] != "HEARTBEAT" {
                return frame;
            }
        }
    }

    pub async fn next_of_any_kind(&mut self) -> Value {
        loop {
            let message =
                soon("a frame", self.socket.next()).await.expect("the socket is open").expect("a frame");
            if let Message::Text(text) = message {
                return serde_json::from_str(&text).expect("JSON");
            }
        }
    }

    /// The code that the server closes with.
    pub async fn closed(&mut self) -> u16 {
        // Heartbeats must not make it wait for ever.
        let closing = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                    Some(Ok(_)) => {}
                    other => panic!("no close frame but {other:?}"),
                }
            }
        };
        soon("a close frame", closing).await
    }

    pub async fn send(&mut self, message: Message) {
        self.socket.send(message).await.expect("the socket is open");
    }
}

/// The metric keys of a frame, sorted.
pub fn keys(frame: &Value) -> Vec<&str> {
    frame["data"].as_object().expect("data").keys().map(String::as_str).collect()
}
