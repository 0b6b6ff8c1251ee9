//! The program and its database: killed at any moment, copied while it writes, or shared with another server, nothing that
//! it had answered for is lost, and nothing is half there.

use crate::support::{Client, soon, until};
use serde_json::{Value, json};
use shop::{Options, Role, Shop};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testing::{Database, Kind};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const ADMIN: [(&str, &str); 2] = [("ADMIN_EMAIL", "jefa@taller.ec"), ("ADMIN_PASSWORD", "secreto")];

/// The program, on a database, with what it says.
struct Program {
    child: Child,
    address: String,
    log: watch::Receiver<String>,
    _stdout: Lines<BufReader<ChildStdout>>,
}

fn program(url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pulso"));
    command.env_clear().env("DATABASE_URL", url).envs(ADMIN).env("RUST_LOG", "info,shop=debug");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

impl Program {
    async fn start(database: &Database) -> Program {
        let mut command = program(database.url());
        let mut child = command.env("PULSO_LISTEN", "127.0.0.1:0").spawn().expect("the program starts");
        let mut greeting = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut lines = BufReader::new(child.stderr.take().expect("its log")).lines();
        let (said, log) = watch::channel(String::new());
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                said.send_modify(|log| log.extend([&line, "\n"]));
            }
        });
        let address = loop {
            let line = soon("a greeting", greeting.next_line()).await.expect("a line");
            let line = line.unwrap_or_else(|| panic!("it did not start: {}", log.borrow().as_str()));
            if let Some((_, address)) = line.split_once("http://") {
                break address.to_owned();
            }
        };
        Program { child, address, log, _stdout: greeting }
    }

    async fn says(&mut self, text: &str) {
        soon(text, self.log.wait_for(|log| log.contains(text))).await.expect("it goes on");
    }

    fn said(&self, text: &str) -> usize {
        self.log.borrow().matches(text).count()
    }

    /// With -9, as the system would.
    async fn kill(mut self) {
        self.child.kill().await.expect("it ran");
    }

    fn api(&self, token: &str) -> Api {
        Api {
            base: format!("http://{}", self.address),
            token: token.to_owned(),
            http: reqwest::Client::new(),
        }
    }

    async fn admin_token(&self) -> String {
        let body = json!({"email": ADMIN[0].1, "password": ADMIN[1].1});
        let (status, answer) = self.api("").post("/auth/login", &body).await.expect("an answer");
        assert_eq!(status, 200, "{answer}");
        answer["access_token"].as_str().expect("a token").to_owned()
    }

    async fn join(&self, query: &str) -> Client {
        let url = format!("ws://{}/ws?{query}", self.address);
        let (socket, _) = soon("a handshake", tokio_tungstenite::connect_async(url)).await.expect("a socket");
        Client { socket, protocol: None }
    }
}

#[derive(Clone)]
struct Api {
    base: String,
    token: String,
    http: reqwest::Client,
}

impl Api {
    /// `None`: the server went away.
    async fn post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token).json(body);
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().await.ok()?))
    }

    async fn made(&self, path: &str, body: Value) -> String {
        let (status, made) = self.post(path, &body).await.expect("an answer");
        assert_eq!(status, 201, "{path}: {made}");
        made["id"].as_str().expect("an id").to_owned()
    }

    /// The body of an order with two pieces of work and a part, and all that it needs.
    async fn prepared_order(&self) -> Value {
        let client = json!({"name": "Juan", "email": "juan@x.co", "password": "secreto"});
        let client = self.made("/users", client).await;
        let technician = json!({"name": "Rita", "email": "rita@x.co", "password": "secreto", "specialty": "Laptops",
            "isEvaluator": true});
        let technician = self.made("/users/technician", technician).await;
        let device =
            json!({"name": "XPS", "type": "LAPTOP", "brand": "Dell", "model": "13", "userId": client});
        let device = self.made("/equipments", device).await;
        let service =
            json!({"serviceName": "Limpieza", "description": "d", "basePrice": 20, "type": "MAINTENANCE"});
        let service = self.made("/services", service).await;
        let part = json!({"name": "SSD", "description": "d", "stock": STOCK, "unitPrice": 65.99});
        let part = self.made("/spare-parts", part).await;
        let work = json!({"serviceId": service, "technicianId": technician, "unitPrice": 12.5});
        json!({"equipmentId": device, "problemDescription": "x", "details": [work, work],
            "parts": [{"partId": part, "quantity": 1}]})
    }
}

const STOCK: i64 = 1_000_000;

/// Several who take in orders as fast as they can, until the server goes away.
struct Storm {
    acknowledged: Arc<Mutex<Vec<String>>>,
    writers: Vec<JoinHandle<()>>,
}

impl Storm {
    fn begin(api: &Api, order: &Value, acknowledged: &Arc<Mutex<Vec<String>>>) -> Storm {
        let writers = (0..4)
            .map(|_| {
                let (api, order, acknowledged) = (api.clone(), order.clone(), acknowledged.clone());
                tokio::spawn(async move {
                    while let Some((status, made)) = api.post("/repair-orders", &order).await {
                        assert_eq!(status, 201, "{made}");
                        let id = made["savedOrder"]["id"].as_str().expect("an id").to_owned();
                        acknowledged.lock().expect("no panic").push(id);
                    }
                })
            })
            .collect();
        Storm { acknowledged: acknowledged.clone(), writers }
    }

    async fn until_acknowledged(&self, count: usize) {
        until("orders", async || {
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.acknowledged.lock().expect("no panic").len() >= count
        })
        .await;
    }

    async fn ended(self) {
        for writer in self.writers {
            soon("a writer's end", writer).await.expect("every answer was a good one");
        }
    }
}

async fn number(rows: &mut AnyConnection, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(rows).await.expect(sql)
}

/// Every acknowledged order is there, and every order is whole.
async fn check_orders(url: &str, acknowledged: &[String]) {
    sqlx::any::install_default_drivers();
    let mut rows = AnyConnection::connect(url).await.expect("a connection");
    let ids: Vec<String> =
        sqlx::query_scalar("SELECT id FROM repair_orders").fetch_all(&mut rows).await.expect("ids");
    let ids: std::collections::HashSet<_> = ids.into_iter().collect();
    let lost: Vec<_> = acknowledged.iter().filter(|id| !ids.contains(*id)).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged orders are lost", lost.len(), acknowledged.len());
    let half = "SELECT COUNT(*) FROM repair_orders o WHERE \
                (SELECT COUNT(*) FROM order_details WHERE order_id = o.id) <> 2 OR \
                (SELECT COUNT(*) FROM order_parts WHERE order_id = o.id) <> 1 OR \
                (SELECT COUNT(*) FROM order_status_changes WHERE order_id = o.id) <> 1 OR final_cost <> 9099";
    assert_eq!(number(&mut rows, half).await, 0, "orders are half there");
    let sums = "SELECT COUNT(*) FROM repair_orders o WHERE final_cost <> \
                (SELECT CAST(SUM(sub_total) AS BIGINT) FROM order_details WHERE order_id = o.id) + \
                (SELECT CAST(SUM(sub_total) AS BIGINT) FROM order_parts WHERE order_id = o.id)";
    assert_eq!(number(&mut rows, sums).await, 0, "costs do not add up");
    let stock = "SELECT stock + (SELECT CAST(COALESCE(SUM(quantity), 0) AS BIGINT) FROM order_parts) FROM spare_parts";
    assert_eq!(number(&mut rows, stock).await, STOCK, "parts went astray");
    if url.starts_with("sqlite") {
        let report: String =
            sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut rows).await.expect("a report");
        assert_eq!(report, "ok");
        let astray = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut rows).await.expect("a report");
        assert_eq!(astray.len(), 0, "references lead nowhere");
    }
}

async fn check_kills(kind: Kind, kills: usize) {
    let database = Database::new(kind).await;
    let mut running = Program::start(&database).await;
    let token = running.admin_token().await;
    let order = running.api(&token).prepared_order().await;
    let acknowledged: Arc<Mutex<Vec<String>>> = Arc::default();
    for _ in 0..kills {
        let storm = Storm::begin(&running.api(&token), &order, &acknowledged);
        let before = acknowledged.lock().expect("no panic").len();
        storm.until_acknowledged(before + rand::random_range(1..20)).await;
        tokio::time::sleep(Duration::from_micros(rand::random_range(0..50_000))).await;
        running.kill().await;
        storm.ended().await;
        running = Program::start(&database).await;
        let known = acknowledged.lock().expect("no panic").clone();
        check_orders(database.url(), &known).await;
        // What the dashboard shows is what is there, whether it was announced or not.
        let first = running.join(&format!("version=0&token={token}")).await.next().await;
        let mut rows = AnyConnection::connect(database.url()).await.expect("a connection");
        let count = number(&mut rows, "SELECT COUNT(*) FROM repair_orders").await;
        assert_eq!(first["data"]["orders_count_total"], json!({"count": count}), "{first}");
    }
}

#[tokio::test]
async fn killed_in_a_storm_of_orders_it_has_every_one_that_it_answered_for_on_sqlite() {
    check_kills(Kind::Sqlite, 5).await;
}

#[tokio::test]
async fn killed_in_a_storm_of_orders_it_has_every_one_that_it_answered_for_on_postgres() {
    check_kills(Kind::Postgres, 2).await;
}

/// Committed and never announced: to a server that is killed in between, a write looks like this one.
async fn write_unannounced(database: &Database, order: &Value) {
    let options = Options::of(database.url().to_owned());
    let shop = Shop::open(options, Arc::new(|_, _| {})).await.expect("the same shop");
    let token = shop.tokens().issue("7", "a@x.co", Role::Admin, Duration::from_secs(60));
    let request = axum::http::Request::post("/repair-orders")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(axum::body::Body::from(order.to_string()))
        .expect("a request");
    let answer = tower::ServiceExt::oneshot(shop.router(), request).await.expect("infallible");
    assert_eq!(answer.status().as_u16(), 201);
}

#[tokio::test]
async fn what_was_committed_and_not_announced_is_seen_after_the_next_start() {
    let database = Database::new(Kind::Sqlite).await;
    let running = Program::start(&database).await;
    let token = running.admin_token().await;
    let order = running.api(&token).prepared_order().await;
    let mut client = running.join(&format!("version=0&token={token}")).await;
    // Until all is shown that was prepared, the last of it a technician.
    let mut seen = client.next().await;
    while seen["data"]["users_count_technicians"] != json!({"count": 1}) {
        seen = client.next().await;
    }
    write_unannounced(&database, &order).await;
    running.kill().await;
    let running = Program::start(&database).await;
    let position =
        format!("version={}&epoch={}&token={token}", seen["version"], seen["epoch"].as_str().expect("one"));
    let first = running.join(&position).await.next().await;
    assert_ne!(first["epoch"], seen["epoch"]);
    assert_eq!(first["data"].as_object().expect("data").len(), shared::Metric::COUNT, "the whole state");
    assert_eq!(first["data"]["orders_count_total"], json!({"count": 1}));
}

async fn check_second_server(kind: Kind) {
    const WARNING: &str = "another server uses this database";
    let database = Database::new(kind).await;
    let mut first = Program::start(&database).await;
    first.says("no other server uses this database").await;
    let mut second = Program::start(&database).await;
    second.says(WARNING).await;
    assert_eq!((first.said(WARNING), second.said(WARNING)), (0, 1));
    second.kill().await;
    first.kill().await;
    let mut next = Program::start(&database).await;
    next.says("no other server uses this database").await;
    assert_eq!(next.said(WARNING), 0);
}

#[tokio::test]
async fn a_second_server_warns_and_one_after_a_killed_one_does_not_on_sqlite() {
    check_second_server(Kind::Sqlite).await;
}

#[tokio::test]
async fn a_second_server_warns_and_one_after_a_killed_one_does_not_on_postgres() {
    check_second_server(Kind::Postgres).await;
}

async fn backed_up(url: &str, file: &std::path::Path) -> (bool, String) {
    let output: Output =
        soon("a backup", program(url).arg("backup").arg(file).output()).await.expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).expect("text"))
}

#[tokio::test]
async fn a_backup_is_made_while_orders_come_in_and_opens_as_a_shop() {
    let database = Database::new(Kind::Sqlite).await;
    let running = Program::start(&database).await;
    let token = running.admin_token().await;
    let order = running.api(&token).prepared_order().await;
    let acknowledged: Arc<Mutex<Vec<String>>> = Arc::default();
    let storm = Storm::begin(&running.api(&token), &order, &acknowledged);
    storm.until_acknowledged(20).await;
    let before = acknowledged.lock().expect("no panic").clone();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("copy.db");
    let (done, told) = backed_up(database.url(), &file).await;
    assert!(done && told.contains("copy.db holds the shop"), "{told}");
    assert!(told.contains("shop.db.jwt: without that file everybody signs in again"), "{told}");
    // It held up nobody.
    let after = acknowledged.lock().expect("no panic").len();
    storm.until_acknowledged(after + 5).await;
    running.kill().await;
    storm.ended().await;

    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().expect("a file").permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 1, "no draft stays");
    let url = format!("sqlite://{}", file.display());
    check_orders(&url, &before).await;
    let bytes = std::fs::read(&file).expect("a file");
    let (done, told) = backed_up(database.url(), &file).await;
    assert!(!done && told.contains("is there already"), "{told}");
    assert_eq!(std::fs::read(&file).expect("a file"), bytes, "it is as it was");

    let options = Options::of(url);
    let shop = Shop::open(options, Arc::new(|_, _| {})).await.expect("a shop");
    let count = shop.stat(shared::Metric::OrdersCountTotal, 1).await.expect("a count");
    let count: Value = serde_json::from_str(&count).expect("JSON");
    assert!(count["count"].as_u64() >= Some(before.len() as u64), "{count}");
}

#[tokio::test]
async fn a_backup_that_cannot_be_made_says_why_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("copy.db");
    let nowhere = format!("sqlite://{}", folder.path().join("none.db").display());
    let (done, told) = backed_up(&nowhere, &file).await;
    assert!(!done && told.contains("there is no database"), "{told}");
    let (done, told) = backed_up("postgres://u:geheim@127.0.0.1/x", &file).await;
    assert!(!done && told.contains("pg_dump") && !told.contains("geheim"), "{told}");
    let broken = folder.path().join("broken.db");
    std::fs::write(&broken, "this is no database, however long one looks at it").expect("written");
    let (done, told) = backed_up(&format!("sqlite://{}", broken.display()), &file).await;
    assert!(!done && told.contains("broken.db cannot be copied"), "{told}");
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 1);
}
