//! The only other place that touches the network: plain requests.

use crate::clock;
use crate::live::NOBODY;
use crate::pass::{Pass, Renewed, Way};
use crate::session::Session;
use crate::store::Answer;
use crate::turn::Turn;
use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared::Metric;
use std::pin::pin;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestCredentials, RequestInit, Response, WebSocket};

/// Together with the wait before the next try shorter than the time for which the server makes good a lost answer.
const RENEWED_WITHIN_MS: u32 = 4_000;

/// The server itself waits 3 s for its source.
const METRIC_WITHIN_MS: u32 = 10_000;

pub fn window() -> web_sys::Window {
    web_sys::window().expect("a page has a window")
}

/// What `<meta name=…>` says, where API and page live on different origins.
fn meta(name: &str) -> Option<String> {
    let element = window().document()?.query_selector(&format!("meta[name={name}]")).ok()??;
    element.get_attribute("content").filter(|content| !content.is_empty())
}

fn url(path: &str) -> String {
    let base = meta("pulso-api").unwrap_or_default();
    format!("{}{path}", base.trim_end_matches('/'))
}

fn socket_url() -> String {
    if let Some(url) = meta("pulso-ws") {
        return url;
    }
    let location = window().location();
    let scheme = if location.protocol().is_ok_and(|protocol| protocol == "https:") { "wss" } else { "ws" };
    format!("{scheme}://{}/ws", location.host().unwrap_or_default())
}

/// What the page needs before anyone signs in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    pub mode: String,
    pub auth: String,
    pub locale: String,
    pub currency: String,
    pub time_zone: String,
    #[serde(default)]
    pub features: Vec<String>,
}

impl Config {
    pub fn needs_sign_in(&self) -> bool {
        self.auth != "open"
    }

    pub fn offers(&self, feature: &str) -> bool {
        self.features.iter().any(|one| one == feature)
    }
}

/// Why a request did not do what it should.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// Nobody answered.
    Unreachable,
    /// The server's status and words.
    Refused {
        status: u16,
        messages: Vec<String>,
        /// So long it wants to be left alone.
        wait_s: Option<u32>,
    },
}

/// What a paired screen hears when it asks for its token.
#[derive(Clone, Debug, PartialEq)]
pub enum Pairing {
    /// Nobody has entered the code yet.
    Waiting,
    Token(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Fault {
    message: Message,
}

/// Requests as the one who is let in. Copies share one pass.
#[derive(Clone)]
pub struct Api {
    pass: Rc<Pass>,
}

impl PartialEq for Api {
    fn eq(&self, other: &Api) -> bool {
        Rc::ptr_eq(&self.pass, &other.pass)
    }
}

/// What a new screen shows and keeps.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewScreen {
    pub code: String,
    pub secret: String,
    pub expires_in: u32,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Screen {
    pub id: String,
    pub name: String,
    /// ISO-8601.
    pub created_at: String,
    #[serde(default)]
    pub last_seen: Option<String>,
    /// Its open sockets.
    pub connected: u32,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub last_name: Option<String>,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub phone: Option<String>,
    #[serde(default)]
    pub equipments: Vec<Equipment>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Equipment {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub brand: Option<String>,
    #[serde(default)]
    pub model: Option<String>,
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

#[derive(Deserialize)]
struct SignedIn {
    access_token: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewClient<'a> {
    pub name: &'a str,
    pub email: &'a str,
    pub password: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub phone: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewEquipment<'a> {
    pub name: &'a str,
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub brand: &'a str,
    pub model: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub serial_number: &'a str,
    pub user_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewOrder<'a> {
    pub equipment_id: &'a str,
    pub problem_description: &'a str,
}

impl Api {
    pub fn new(pass: Pass) -> Api {
        Api { pass: Rc::new(pass) }
    }

    pub fn pass(&self) -> &Pass {
        &self.pass
    }

    pub fn is_of(&self, session: &Session) -> bool {
        self.pass.session().is_some_and(|ours| ours.is_of_the_same(session))
    }

    pub async fn config() -> Result<Config, Refusal> {
        parsed(call("GET", "/config.json", None, None).await)
    }

    /// The token of whoever these are the credentials of.
    pub async fn login(email: &str, password: &str) -> Result<String, Refusal> {
        token(
            call("POST", "/auth/login", None, Some(object([("email", email), ("password", password)]))).await,
        )
    }

    /// The token for a code that was printed where the server was started; it works once.
    pub async fn link(code: &str) -> Result<String, Refusal> {
        token(call("POST", "/auth/link", None, Some(object([("code", code)]))).await)
    }

    /// A new token for the cookie of an earlier sign-in.
    pub async fn refresh() -> Result<String, Refusal> {
        token(call("POST", "/auth/refresh", None, None).await)
    }

    pub async fn logout() -> Result<(), Refusal> {
        call("POST", "/auth/logout", None, None).await.map(|_| ())
    }

    pub async fn pair() -> Result<NewScreen, Refusal> {
        parsed(call("POST", "/screens/pair", None, None).await)
    }

    pub async fn screen_token(secret: &str) -> Result<Pairing, Refusal> {
        let reply = call("POST", "/screens/token", None, Some(object([("secret", secret)]))).await?;
        match reply.status {
            202 => Ok(Pairing::Waiting),
            _ => token(Ok(reply)).map(Pairing::Token),
        }
    }

    /// Puts a new token in the place of the old one, for everyone who shares it. One at a time over all tabs: the
    /// others take over what the first one got.
    pub async fn renew(&self) -> Renewed {
        let pass = &self.pass;
        let (edition, by_cookie) = (pass.edition(), *pass.way() == Way::Cookie);
        let done = || pass.edition() != edition || (by_cookie && pass.take_over(Session::stored()));
        let Some(_turn) = Turn::take(done).await else { return Renewed::Yes };
        let was_forgotten = by_cookie && Session::was_forgotten();
        let answer = match pass.way() {
            Way::Never => return Renewed::Refused,
            Way::Cookie => soon(async { Api::refresh().await.map(Pairing::Token) }).await,
            Way::Secret(secret) => soon(Api::screen_token(secret)).await,
        };
        // Whoever signed out meanwhile does not come back.
        if !was_forgotten && by_cookie && Session::was_forgotten() {
            return Renewed::Refused;
        }
        match answer {
            Ok(Pairing::Token(token)) => match Session::of(token) {
                Some(session) => {
                    if by_cookie {
                        session.keep();
                    }
                    pass.put(session);
                    Renewed::Yes
                }
                None => Renewed::Refused,
            },
            Err(Refusal::Refused { status: 401 | 410, .. }) | Ok(Pairing::Waiting) => Renewed::Refused,
            // A proxy in the middle of a deploy, or a server whose screens cannot be read: a wall waits.
            Err(Refusal::Refused { status: 403 | 404, .. }) if by_cookie => Renewed::Refused,
            Err(Refusal::Refused { .. } | Refusal::Unreachable) => Renewed::NoAnswer,
        }
    }

    /// One metric: the status, and what it means for the metric. 401 is about the session and means nothing for it.
    pub async fn metric(&self, metric: Metric, tag: Option<&str>) -> (u16, Option<Answer>) {
        let failed = || Answer::Failed { at: clock_iso() };
        let token = self.pass.token();
        let asked = fetch("GET", metric.path(), token.as_deref(), tag, None);
        let Some(Some(reply)) = within(METRIC_WITHIN_MS, asked).await else {
            return (NOBODY, Some(failed()));
        };
        let answer = match reply.status {
            200 => Answer::Body { tag: reply.header("etag"), text: reply.text },
            304 => Answer::NotModified,
            404 => Answer::Absent,
            401 => return (reply.status, None),
            403 => Answer::Forbidden,
            _ => failed(),
        };
        (reply.status, Some(answer))
    }

    pub async fn clients(&self) -> Result<Vec<Client>, Refusal> {
        parsed(self.call("GET", "/users", None).await)
    }

    pub async fn add_client(&self, client: &NewClient<'_>) -> Result<String, Refusal> {
        self.add("/users", client).await
    }

    pub async fn add_equipment(&self, equipment: &NewEquipment<'_>) -> Result<String, Refusal> {
        self.add("/equipments", equipment).await
    }

    pub async fn add_order(&self, order: &NewOrder<'_>) -> Result<(), Refusal> {
        self.call("POST", "/repair-orders", json(order)).await.map(|_| ())
    }

    async fn add(&self, path: &str, body: &impl Serialize) -> Result<String, Refusal> {
        parsed(self.call("POST", path, json(body)).await).map(|created: Created| created.id)
    }

    pub async fn screens(&self) -> Result<Vec<Screen>, Refusal> {
        parsed(self.call("GET", "/screens", None).await)
    }

    pub async fn approve(&self, code: &str, name: &str) -> Result<(), Refusal> {
        self.call("POST", "/screens/approve", Some(object([("code", code), ("name", name)])))
            .await
            .map(|_| ())
    }

    pub async fn revoke(&self, id: &str) -> Result<(), Refusal> {
        self.call("DELETE", &format!("/screens/{id}"), None).await.map(|_| ())
    }

    /// A token that ran out while nobody looked is renewed, and the request made once more.
    async fn call(&self, method: &str, path: &str, body: Option<String>) -> Result<Reply, Refusal> {
        let answer = call(method, path, self.pass.token().as_deref(), body.clone()).await;
        let renews = *self.pass.way() != Way::Never;
        match answer {
            Err(Refusal::Refused { status: 401, .. }) if renews && self.renew().await == Renewed::Yes => {
                call(method, path, self.pass.token().as_deref(), body).await
            }
            Ok(_) | Err(_) => answer,
        }
    }

    /// A socket that resumes from this position.
    pub fn open_socket(&self, version: u64, epoch: Option<&str>) -> Result<WebSocket, JsValue> {
        let epoch = epoch.map(|epoch| format!("&epoch={epoch}")).unwrap_or_default();
        let url = format!("{}?version={version}{epoch}", socket_url());
        match self.pass.token() {
            None => WebSocket::new(&url),
            // The development proxy drops the subprotocol from the answer, and browsers then hang up.
            Some(token) if cfg!(debug_assertions) => WebSocket::new(&format!("{url}&token={token}")),
            Some(token) => {
                let protocols = js_sys::Array::of2(&"pulso.v1".into(), &format!("bearer.{token}").into());
                WebSocket::new_with_str_sequence(&url, &protocols)
            }
        }
    }
}

/// `None`: it took too long.
/// Half-open connections answer nothing.
async fn soon(asked: impl Future<Output = Result<Pairing, Refusal>>) -> Result<Pairing, Refusal> {
    within(RENEWED_WITHIN_MS, asked).await.unwrap_or(Err(Refusal::Unreachable))
}

async fn within<T>(limit_ms: u32, work: impl Future<Output = T>) -> Option<T> {
    match select(pin!(work), TimeoutFuture::new(limit_ms)).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

fn clock_iso() -> String {
    js_sys::Date::new(&clock::now_ms().into()).to_iso_string().into()
}

/// What a server answered, whatever its status.
struct Reply {
    status: u16,
    headers: Headers,
    text: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).ok().flatten()
    }
}

/// `None`: nobody answered.
async fn fetch(
    method: &str,
    path: &str,
    token: Option<&str>,
    tag: Option<&str>,
    body: Option<&str>,
) -> Option<Reply> {
    let headers = Headers::new().ok()?;
    let set = |name: &str, value: &str| headers.set(name, value);
    if let Some(token) = token {
        set("Authorization", &format!("Bearer {token}")).ok()?;
    }
    if let Some(tag) = tag {
        set("If-None-Match", tag).ok()?;
    }
    let init = RequestInit::new();
    init.set_method(method);
    if path.starts_with("/auth/") {
        // The cookie that renews a session, also where API and page are two origins of one site.
        init.set_credentials(RequestCredentials::Include);
    }
    if let Some(body) = body {
        set("Content-Type", "application/json").ok()?;
        init.set_body(&body.into());
    }
    init.set_headers(&headers);
    let response = JsFuture::from(window().fetch_with_str_and_init(&url(path), &init)).await.ok()?;
    let response: Response = response.dyn_into().ok()?;
    let text = JsFuture::from(response.text().ok()?).await.ok()?.as_string()?;
    Some(Reply { status: response.status(), headers: response.headers(), text })
}

/// A refusal is an error.
async fn call(method: &str, path: &str, token: Option<&str>, body: Option<String>) -> Result<Reply, Refusal> {
    let reply = fetch(method, path, token, None, body.as_deref()).await.ok_or(Refusal::Unreachable)?;
    if (200..300).contains(&reply.status) {
        return Ok(reply);
    }
    let messages = match serde_json::from_str::<Fault>(&reply.text) {
        Ok(Fault { message: Message::One(one) }) => vec![one],
        Ok(Fault { message: Message::Many(many) }) => many,
        Err(_) => vec![format!("HTTP {}", reply.status)],
    };
    let wait_s = reply.header("retry-after").and_then(|seconds| seconds.parse().ok());
    Err(Refusal::Refused { status: reply.status, messages, wait_s })
}

fn token(reply: Result<Reply, Refusal>) -> Result<String, Refusal> {
    parsed(reply).map(|signed_in: SignedIn| signed_in.access_token)
}

fn parsed<T: DeserializeOwned>(reply: Result<Reply, Refusal>) -> Result<T, Refusal> {
    let Reply { status, text, .. } = reply?;
    serde_json::from_str(&text).map_err(|error| Refusal::Refused {
        status,
        messages: vec![error.to_string()],
        wait_s: None,
    })
}

fn json(body: &impl Serialize) -> Option<String> {
    serde_json::to_string(body).ok()
}

/// A small JSON object of texts.
fn object<const N: usize>(fields: [(&str, &str); N]) -> String {
    let fields = fields.map(|(name, value)| format!("\"{name}\":{}", json(&value).unwrap_or_default()));
    format!("{{{}}}", fields.join(","))
}
