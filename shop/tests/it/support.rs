//! A shop of one's own, and how to ask it.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use shared::{Event, Metric, MetricSet};
use shop::{Announce, Options, Role, Shop};
use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use testing::{Database, Kind};
use tokio::sync::mpsc::{self, Receiver};
use tower::ServiceExt;

/// Longer than anything takes here; a test that waits so long has failed.
pub const SOON: Duration = Duration::from_secs(20);

/// How long people stay signed in here: longer than any test.
const LONG: Duration = Duration::from_secs(24 * 3600);

pub struct TestShop {
    pub shop: Shop,
    pub router: Router,
    pub database: Database,
    /// Another connection to the same database.
    pub rows: AnyPool,
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

/// An empty one, of the kind that these tests are for.
pub async fn new_database() -> Database {
    Database::new(super::KIND).await
}

pub fn options(database: &Database) -> Options {
    Options::of(database.url().to_owned())
}

/// Another connection, as another server would have it.
pub async fn rows_of(database: &Database) -> AnyPool {
    sqlx::any::install_default_drivers();
    let options = AnyPoolOptions::new().max_connections(2);
    options.connect(database.url()).await.expect("a second connection")
}

pub fn now_ms() -> i64 {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since_1970.as_millis()).expect("a time of today")
}

pub fn nobody_listens() -> Announce {
    Arc::new(|_, _| {})
}

impl TestShop {
    pub async fn open() -> TestShop {
        let (told, events) = mpsc::channel(1_000);
        let announce = Arc::new(move |event: Event, id| told.try_send((event.name(), id)).expect("room"));
        TestShop::in_database(new_database().await, announce, events).await
    }

    /// With other settings.
    pub async fn changed(change: impl FnOnce(Options) -> Options) -> TestShop {
        let database = new_database().await;
        let options = change(options(&database));
        TestShop::with(options, database, nobody_listens(), mpsc::channel(1).1).await
    }

    /// A shop that counts the days of this zone.
    pub async fn in_zone(name: &str) -> TestShop {
        let database = new_database().await;
        let options = Options { time_zone: Some(name.to_owned()), ..options(&database) };
        TestShop::with(options, database, nobody_listens(), mpsc::channel(1).1).await
    }

    pub async fn in_database(
        database: Database,
        announce: Announce,
        events: Receiver<(String, Option<String>)>,
    ) -> TestShop {
        TestShop::with(options(&database), database, announce, events).await
    }

    async fn with(
        options: Options,
        database: Database,
        announce: Announce,
        events: Receiver<(String, Option<String>)>,
    ) -> TestShop {
        let shop = Shop::open(options, announce).await.expect("an empty shop");
        let rows = rows_of(&database).await;
        let mut test = TestShop { router: shop.router(), shop, database, rows, events, admin: String::new() };
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
        sqlx::query(sql)
            .bind(id.clone())
            .bind(role.name())
            .bind(name.to_owned())
            .execute(&self.rows)
            .await
            .expect("a person");
        let token = self.shop.tokens().issue(&id, "someone@x.co", role, LONG);
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

    /// A new order of the cast's device; `more` beside what each order says.
    pub async fn order(&self, cast: &Cast, more: Value) -> String {
        let mut body = json!({"equipmentId": cast.device, "problemDescription": "x"});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        self.made("/repair-orders", &cast.owner.token, body).await
    }

    /// What an administrator is told, who may set any status.
    pub async fn set_status(&self, order: &str, status: &str) -> Value {
        let (answer, order) =
            self.patch(&format!("/repair-orders/{order}"), &self.admin, json!({ "status": status })).await;
        assert_eq!(answer, StatusCode::OK, "{order}");
        order
    }

    /// Orders 1 to `count` straight into the database, by SQL in which `i` counts them. Their ids begin with
    /// 10000001 and so on. The totals by status are told of them.
    pub async fn many_orders(&self, cast: &Cast, count: usize, columns: &str, values: &str) {
        let sql = format!(
            "BEGIN; INSERT INTO repair_orders (id, equipment_id, evaluated_by, {columns}) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
             SELECT CAST(10000000 + i AS TEXT) || '-0000-4000-8000-000000000000', '{}', '{}', {values} FROM n; \
             DELETE FROM order_totals; INSERT INTO order_totals (status, orders, cost) \
             SELECT status, COUNT(*), CAST(SUM(final_cost) AS BIGINT) FROM repair_orders GROUP BY status; COMMIT",
            cast.device, cast.evaluator.id
        );
        self.run(&sql).await;
    }

    pub async fn run(&self, sql: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&self.rows).await.expect(sql);
    }

    /// Every row of every table, as a text.
    pub async fn dump(&self) -> String {
        let tables = match super::KIND {
            Kind::Sqlite => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            }
            Kind::Postgres => {
                "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
            }
        };
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&self.rows).await.expect("tables");
        let mut dump = String::new();
        for table in tables {
            let row = match super::KIND {
                Kind::Sqlite => {
                    let columns = format!(
                        "SELECT group_concat('quote(\"' || name || '\")', ' || '','' || ') FROM pragma_table_info('{table}')"
                    );
                    self.texts(&columns).await.concat()
                }
                Kind::Postgres => "CAST(r AS TEXT)".to_owned(),
            };
            let rows = self.texts(&format!("SELECT {row} FROM \"{table}\" r ORDER BY 1")).await;
            dump.push_str(&format!("{table}\n{}\n", rows.join("\n")));
        }
        dump
    }

    async fn texts(&self, sql: &str) -> Vec<String> {
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(&self.rows).await.expect(sql)
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
