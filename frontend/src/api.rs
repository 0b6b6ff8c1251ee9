//! The only other place that touches the network: plain requests.

use crate::clock;
use crate::live::NOBODY;
use crate::store::Answer;
use futures_util::future::{Either, select};
use gloo_net::http::{Request, RequestBuilder, Response};
use gloo_net::websocket::futures::WebSocket;
use gloo_timers::future::TimeoutFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared::Metric;
use std::pin::pin;

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
    Refused { status: u16, messages: Vec<String> },
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

/// Requests as the one who is signed in.
#[derive(Clone, Debug, PartialEq)]
pub struct Api {
    token: Option<String>,
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
    pub fn new(token: Option<String>) -> Api {
        Api { token }
    }

    pub async fn config() -> Result<Config, Refusal> {
        read(Request::get(&url("/config.json")).send().await).await
    }

    /// The token of whoever these are the credentials of.
    pub async fn login(email: &str, password: &str) -> Result<String, Refusal> {
        #[derive(Deserialize)]
        struct SignedIn {
            access_token: String,
        }
        let body = serde_json::json!({ "email": email, "password": password });
        let request = Request::post(&url("/auth/login")).json(&body).map_err(|_| Refusal::Unreachable)?;
        let signed_in: SignedIn = read(request.send().await).await?;
        Ok(signed_in.access_token)
    }

    /// One metric: the status, and what it means for the metric. 401 is about the session and means nothing for it.
    pub async fn metric(&self, metric: Metric, tag: Option<&str>) -> (u16, Option<Answer>) {
        let mut request = self.authorized(Request::get(&url(metric.path())));
        if let Some(tag) = tag {
            request = request.header("If-None-Match", tag);
        }
        let failed = || Answer::Failed { at: clock_iso() };
        let read = async {
            let Ok(response) = request.send().await else { return (NOBODY, Some(failed())) };
            let status = response.status();
            let answer = match status {
                200 => {
                    let tag = response.headers().get("etag");
                    response.text().await.map_or_else(|_| failed(), |text| Answer::Body { tag, text })
                }
                304 => Answer::NotModified,
                404 => Answer::Absent,
                401 => return (status, None),
                403 => Answer::Forbidden,
                _ => failed(),
            };
            (status, Some(answer))
        };
        within(METRIC_WITHIN_MS, read).await.unwrap_or_else(|| (NOBODY, Some(failed())))
    }

    pub async fn clients(&self) -> Result<Vec<Client>, Refusal> {
        read(self.authorized(Request::get(&url("/users"))).send().await).await
    }

    pub async fn add_client(&self, client: &NewClient<'_>) -> Result<String, Refusal> {
        self.add("/users", client).await.map(|created: Created| created.id)
    }

    pub async fn add_equipment(&self, equipment: &NewEquipment<'_>) -> Result<String, Refusal> {
        self.add("/equipments", equipment).await.map(|created: Created| created.id)
    }

    pub async fn add_order(&self, order: &NewOrder<'_>) -> Result<(), Refusal> {
        self.add("/repair-orders", order).await.map(|_: serde_json::Value| ())
    }

    async fn add<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Refusal> {
        let request = self.authorized(Request::post(&url(path)));
        let request = request.json(body).map_err(|_| Refusal::Unreachable)?;
        read(request.send().await).await
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.header("Authorization", &format!("Bearer {token}")),
            None => request,
        }
    }

    /// A socket that resumes from this position.
    pub fn open_socket(&self, version: u64, epoch: Option<&str>) -> Result<WebSocket, String> {
        let epoch = epoch.map(|epoch| format!("&epoch={epoch}")).unwrap_or_default();
        let url = format!("{}?version={version}{epoch}", socket_url());
        let socket = match &self.token {
            None => WebSocket::open(&url),
            // The development proxy drops the subprotocol from the answer, and browsers then hang up.
            Some(token) if cfg!(debug_assertions) => WebSocket::open(&format!("{url}&token={token}")),
            Some(token) => WebSocket::open_with_protocols(&url, &["pulso.v1", &format!("bearer.{token}")]),
        };
        socket.map_err(|error| error.to_string())
    }
}

/// `None`: it took too long.
async fn within<T>(limit_ms: u32, work: impl Future<Output = T>) -> Option<T> {
    match select(pin!(work), TimeoutFuture::new(limit_ms)).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

fn clock_iso() -> String {
    js_sys::Date::new(&clock::now_ms().into()).to_iso_string().into()
}

async fn read<T: DeserializeOwned>(response: Result<Response, gloo_net::Error>) -> Result<T, Refusal> {
    let response = response.map_err(|_| Refusal::Unreachable)?;
    let status = response.status();
    let text = response.text().await.map_err(|_| Refusal::Unreachable)?;
    if response.ok() {
        return serde_json::from_str(&text)
            .map_err(|error| Refusal::Refused { status, messages: vec![error.to_string()] });
    }
    let messages = match serde_json::from_str::<Fault>(&text) {
        Ok(Fault { message: Message::One(one) }) => vec![one],
        Ok(Fault { message: Message::Many(many) }) => many,
        Err(_) => vec![format!("HTTP {status}")],
    };
    Err(Refusal::Refused { status, messages })
}
