//! A shop of one's own, and how to ask it.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use shared::{Event, Metric, MetricSet};
use shop::{Announce, Options, Role, Shop};
use sqlx::SqlitePool;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc::{self, Receiver};
use tower::ServiceExt;

/// Longer than anything takes here; a test that waits so long has failed.
pub const SOON: Duration = Duration::from_secs(20);

pub struct TestShop {
    pub shop: Shop,
    pub router: Router,
    pub folder: TempDir,
    /// Another connection to the same file.
    pub rows: SqlitePool,
    pub events: Receiver<(String, Option<String>)>,
    pub admin: String,
}

#[derive(Clone)]
pub struct Someone {
    pub id: String,
    pub token: String,
}

/// What an order needs.
pub struct Cast {
    pub owner: Someone,
    pub stranger: Someone,
    pub evaluator: Someone,
    pub worker: Someone,
    pub device: String,
    pub service: String,
    pub part: String,
}

pub fn url(folder: &TempDir) -> String {
    format!("sqlite://{}", folder.path().join("shop.db").display())
}

pub fn options(folder: &TempDir) -> Options {
    Options::of(url(folder))
}

pub fn nobody_listens() -> Announce {
    Arc::new(|_, _| {})
}

impl TestShop {
    pub async fn open() -> TestShop {
        let (told, events) = mpsc::channel(1_000);
        TestShop::announcing(
            Arc::new(move |event: Event, id| told.try_send((event.name(), id)).expect("room")),
            events,
        )
        .await
    }

    /// With other settings.
    pub async fn with(change: impl FnOnce(Options) -> Options) -> TestShop {
        let (_, events) = mpsc::channel(1);
        TestShop::opened(change, nobody_listens(), events).await
    }

    pub async fn announcing(announce: Announce, events: Receiver<(String, Option<String>)>) -> TestShop {
        TestShop::opened(|options| options, announce, events).await
    }

    async fn opened(
        change: impl FnOnce(Options) -> Options,
        announce: Announce,
        events: Receiver<(String, Option<String>)>,
    ) -> TestShop {
        let folder = tempfile::tempdir().expect("a folder");
        let shop = Shop::open(change(options(&folder)), announce).await.expect("a shop");
        let rows = SqlitePool::connect(&url(&folder)).await.expect("a second connection");
        let mut test = TestShop { router: shop.router(), shop, folder, rows, events, admin: String::new() };
        test.admin = test.person("Ana", Role::Admin).await.token;
        test
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.call_raw(method, path, token, body).await
    }

    pub async fn call_raw(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: impl Into<Body>,
    ) -> (StatusCode, Value) {
        let response =
            self.router.clone().oneshot(request(method, path, token, body)).await.expect("infallible");
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str, token: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, token, None).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
        self.call(Method::POST, path, token, Some(body)).await
    }

    pub async fn patch(&self, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
        self.call(Method::PATCH, path, token, Some(body)).await
    }

    /// Straight into the database: nobody here needs a password, and hashing one takes long.
    pub async fn person(&self, name: &str, role: Role) -> Someone {
        let id = uuid::Uuid::new_v4().to_string();
        let sql = "INSERT INTO users (id, role, name, email, password_hash, specialty, is_evaluator, created_at, updated_at) \
                   VALUES ($1, $2, $3, $1 || '@x.co', '!', 'Laptops', 0, 0, 0)";
        sqlx::query(sql).bind(&id).bind(role.name()).bind(name).execute(&self.rows).await.expect("a person");
        let token = self.shop.tokens().issue(&id, "someone@x.co", role, Duration::from_secs(60));
        Someone { id, token }
    }

    pub async fn cast(&self) -> Cast {
        let (owner, stranger) = (self.person("Juan", Role::User).await, self.person("Eva", Role::User).await);
        let (evaluator, worker) =
            (self.person("Luis", Role::Technician).await, self.person("Rita", Role::Technician).await);
        self.run(&format!("UPDATE users SET is_evaluator = 1 WHERE id = '{}'", evaluator.id)).await;
        let device = json!({"name": "Laptop Dell", "type": "LAPTOP", "brand": "Dell", "model": "XPS"});
        let service =
            json!({"serviceName": "Limpieza", "description": "d", "basePrice": 20, "type": "MAINTENANCE"});
        let part = json!({"name": "SSD 500", "description": "d", "stock": 5, "unitPrice": 65.99});
        Cast {
            device: self.made("/equipments", &owner.token, device).await,
            service: self.made("/services", &self.admin, service).await,
            part: self.made("/spare-parts", &evaluator.token, part).await,
            owner,
            stranger,
            evaluator,
            worker,
        }
    }

    /// The id of what was made.
    pub async fn made(&self, path: &str, token: &str, body: Value) -> String {
        let (status, made) = self.post(path, token, body).await;
        assert_eq!(status, StatusCode::CREATED, "{path}: {made}");
        made["id"].as_str().or(made["savedOrder"]["id"].as_str()).expect("an id").to_owned()
    }

    pub async fn run(&self, sql: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&self.rows).await.expect(sql);
    }

    pub async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_one(&self.rows).await.expect(sql)
    }

    /// The bodies of all metrics.
    pub async fn stats(&self) -> HashMap<&'static str, Value> {
        let bodies = self.shop.stats(MetricSet::ALL).await.expect("statistics");
        assert_eq!(bodies.len(), Metric::COUNT);
        bodies
            .into_iter()
            .map(|(metric, body)| (metric.key(), serde_json::from_str(&body).expect("JSON")))
            .collect()
    }

    pub async fn next_event(&mut self) -> (String, Option<String>) {
        tokio::time::timeout(SOON, self.events.recv()).await.expect("an event").expect("an open channel")
    }

    /// What was announced until now.
    pub fn events(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.events.try_recv().ok()).map(|(name, _)| name).collect()
    }
}

pub fn request(method: Method, path: &str, token: &str, body: impl Into<Body>) -> Request<Body> {
    let builder =
        Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
    let builder = match token {
        "" => builder,
        token => builder.header(header::AUTHORIZATION, format!("Bearer {token}")),
    };
    builder.body(body.into()).expect("a request")
}

pub fn unauthorized() -> Value {
    json!({"message": "Unauthorized", "statusCode": 401})
}

pub fn forbidden() -> Value {
    json!({"message": "Forbidden resource", "error": "Forbidden", "statusCode": 403})
}

pub fn bad_request(message: impl Into<Value>) -> Value {
    json!({"message": message.into(), "error": "Bad Request", "statusCode": 400})
}

pub fn not_found(message: impl Into<Value>) -> Value {
    json!({"message": message.into(), "error": "Not Found", "statusCode": 404})
}
