//! How the shop goes with many orders: each statistic, and taking an order in, with ten thousand, a hundred thousand and a
//! million of them, on both databases.
//!
//! For each size `pulso seed` fills a new database and the real server is started on it. 50 orders a second are sent to
//! it over HTTP at fixed times, and a time counts from when the order was due, so that a server that is late does not hide
//! it. Beside it each statistic is read from the same database as the server reads it; over HTTP it would come out of
//! the server's snapshot, which costs the same whatever the shop holds.

use anyhow::{Context, Result, ensure};
use rand::Rng;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};
use shared::{Metric, MetricSet};
use shop::{Options, Shop};
use sqlx::{Connection, Executor, PgConnection};
use std::fmt::Write;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use testing::{Database, Kind};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

const ORDERS_A_SECOND: u64 = 50;

/// What runs before anything is measured: connections, caches and plans are made in it.
const WARMING_UP: Duration = Duration::from_secs(5);

/// Between two reads of a statistic, so that they do not keep a core busy by themselves.
const READ_EVERY: Duration = Duration::from_millis(4);

/// Devices that the new orders are for, of the clients at the top of the list: whose totals are read all the time.
const DEVICES: u32 = 100;

const START_WITHIN: Duration = Duration::from_secs(120);

const EMAIL: &str = "escala@pulso.demo";
const PASSWORD: &str = "mil veces mil";

#[derive(clap::Args)]
pub struct Scale {
    /// The server's binary
    #[arg(long, default_value = "target/release/pulso")]
    pulso: PathBuf,
    /// Results and the servers' logs
    #[arg(long, default_value = "bench/out")]
    out: PathBuf,
    /// How many orders there are
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    orders: Vec<u64>,
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Engine::Sqlite, Engine::Postgres])]
    databases: Vec<Engine>,
    /// How long each is measured
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    const fn name(self) -> &'static str {
        match self {
            Engine::Sqlite => "SQLite",
            Engine::Postgres => "PostgreSQL",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Engine::Sqlite => Kind::Sqlite,
            Engine::Postgres => Kind::Postgres,
        }
    }
}

/// One size on one database. Times in milliseconds.
#[derive(Serialize)]
struct Size {
    database: Engine,
    orders: u64,
    seed_s: f64,
    /// Until the server answers.
    start_ms: f64,
    created: Times,
    late: u64,
    metrics: Vec<Read>,
}

#[derive(Serialize)]
struct Read {
    metric: &'static str,
    kept: Times,
    /// Once, counted from all rows.
    counted_ms: f64,
}

#[derive(Serialize)]
struct Times {
    count: usize,
    p50: f64,
    p99: f64,
    most: f64,
}

impl Times {
    fn of(mut samples: Vec<f64>) -> Times {
        samples.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (samples.len() as f64 * share).ceil() as usize;
            samples.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
        };
        Times { count: samples.len(), p50: at(0.5), p99: at(0.99), most: at(1.0) }
    }
}

#[tokio::main]
pub async fn run(wish: &Scale) -> Result<()> {
    ensure!(wish.pulso.exists(), "{} is missing", wish.pulso.display());
    fs::create_dir_all(&wish.out)?;
    let mut sizes = Vec::new();
    for &database in &wish.databases {
        for &orders in &wish.orders {
            eprintln!("{}, {orders} orders", database.name());
            sizes.push(size(wish, database, orders).await?);
            // After each, so that an hour is not lost to the last one.
            fs::write(wish.out.join("scale.json"), serde_json::to_string_pretty(&sizes)?)?;
        }
    }
    println!("{}", table(&sizes));
    Ok(())
}

async fn size(wish: &Scale, engine: Engine, orders: u64) -> Result<Size> {
    let database = Database::new(engine.kind()).await;
    if engine == Engine::Postgres {
        as_in_operation(database.url()).await?;
    }
    let began = Instant::now();
    seed(wish, database.url(), orders)?;
    let seed_s = began.elapsed().as_secs_f64();
    let server = Server::start(wish, database.url())?;
    let start_ms = server.listens().await?;
    let shop = open(database.url()).await?;
    let mut counter = Counter::new(server.url.clone(), &shop).await?;
    counter.run(WARMING_UP).await;
    read(&shop, Duration::from_secs(1)).await?;

    let seconds = Duration::from_secs(wish.seconds);
    let (created, times) = tokio::join!(counter.run(seconds), read(&shop, seconds));
    let mut metrics = Vec::new();
    for (metric, samples) in Metric::ALL.into_iter().zip(times?) {
        let began = Instant::now();
        shop.counted_stat(metric, metric.default_limit().unwrap_or_default()).await?;
        let counted_ms = ms(began.elapsed());
        metrics.push(Read { metric: metric.key(), kept: Times::of(samples), counted_ms });
    }
    let late = (seconds.as_secs() * ORDERS_A_SECOND).saturating_sub(created.len() as u64);
    Ok(Size { database: engine, orders, seed_s, start_ms, created: Times::of(created), late, metrics })
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The throw-away cluster does without what a power cut makes necessary.
async fn as_in_operation(url: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        connection.execute(sqlx::AssertSqlSafe(format!("ALTER SYSTEM SET {setting} = on"))).await?;
    }
    connection.execute("ALTER SYSTEM SET max_wal_size = '4GB'").await?;
    connection.execute("SELECT pg_reload_conf()").await?;
    Ok(())
}

fn command(wish: &Scale, url: &str) -> Command {
    let mut command = Command::new(&wish.pulso);
    command.env_clear().env("DATABASE_URL", url).stdin(Stdio::null());
    command
}

fn seed(wish: &Scale, url: &str, orders: u64) -> Result<()> {
    let status = command(wish, url).args(["seed", &orders.to_string()]).status()?;
    ensure!(status.success(), "pulso seed {orders} ended with {status}");
    Ok(())
}

async fn open(database_url: &str) -> Result<Shop> {
    // It signs nobody in here.
    let jwt_secret = Some(SecretString::from("x".repeat(32)));
    let options = Options { jwt_secret, ..Options::of(database_url.to_owned()) };
    Shop::open(options, Arc::new(|_, _| {})).await
}

/// Killed when dropped.
struct Server {
    url: String,
    child: Child,
    began: Instant,
}

impl Server {
    fn start(wish: &Scale, database_url: &str) -> Result<Server> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = fs::File::create(wish.out.join("scale-server.log"))?;
        let mut command = command(wish, database_url);
        command.env("PULSO_LISTEN", address.to_string());
        command.env("ADMIN_EMAIL", EMAIL).env("ADMIN_PASSWORD", PASSWORD);
        let child = command.stdout(log.try_clone()?).stderr(log).spawn()?;
        Ok(Server { url: format!("http://{address}"), child, began: Instant::now() })
    }

    /// How long that took.
    async fn listens(&self) -> Result<f64> {
        while reqwest::get(format!("{}/services", self.url)).await.is_err() {
            ensure!(self.began.elapsed() < START_WITHIN, "the server does not listen");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(ms(self.began.elapsed()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes in orders.
struct Counter {
    http: reqwest::Client,
    url: String,
    token: String,
    devices: Vec<String>,
    services: Vec<String>,
    technicians: Vec<String>,
}

impl Counter {
    async fn new(url: String, shop: &Shop) -> Result<Counter> {
        let mut counter = Counter {
            http: reqwest::Client::new(),
            url,
            token: String::new(),
            devices: Vec::new(),
            services: Vec::new(),
            technicians: Vec::new(),
        };
        let sign_in = json!({"email": EMAIL, "password": PASSWORD});
        counter.token = text(&counter.post("/auth/login", &sign_in).await?, "access_token")?;
        counter.services = ids(&counter.get("/services").await?)?;
        counter.technicians = ids(&counter.get("/users/technician").await?)?;
        let top: Value = serde_json::from_str(&shop.stat(Metric::UsersTopClients, DEVICES).await?)?;
        for client in ids(&top["topClients"])? {
            let device = json!({"userId": client, "name": "Laptop", "type": "LAPTOP", "brand": "Dell", "model": "XPS"});
            counter.devices.push(text(&counter.post("/equipments", &device).await?, "id")?);
        }
        Ok(counter)
    }

    async fn get(&self, path: &str) -> Result<Value> {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        body(path, request.send().await?).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self::body(path, self.request(path, body).send().await?).await
    }

    fn request(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.http
            .post(format!("{}{path}", self.url))
            .bearer_auth(&self.token)
            .header("Content-Type", "application/json")
            .body(body.to_string())
    }

    /// An order with three details.
    fn order(&self) -> Value {
        let mut rng = rand::rng();
        let mut some = |from: &[String]| from[rng.random_range(0..from.len())].clone();
        let details: Vec<_> = (0..3)
            .map(|_| json!({"serviceId": some(&self.services), "technicianId": some(&self.technicians)}))
            .collect();
        json!({"equipmentId": some(&self.devices), "problemDescription": "No enciende", "details": details})
    }

    /// The times of those that were taken in.
    async fn run(&mut self, how_long: Duration) -> Vec<f64> {
        let mut due = tokio::time::interval(Duration::from_millis(1000 / ORDERS_A_SECOND));
        due.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut sent = JoinSet::new();
        for _ in 0..how_long.as_secs() * ORDERS_A_SECOND {
            let due = due.tick().await;
            let request = self.request("/repair-orders", &self.order());
            sent.spawn(async move {
                let answer = request.send().await.ok()?;
                let taken = answer.status() == reqwest::StatusCode::CREATED;
                answer.bytes().await.ok()?;
                taken.then(|| ms(due.elapsed()))
            });
        }
        sent.join_all().await.into_iter().flatten().collect()
    }
}

async fn body(path: &str, answer: reqwest::Response) -> Result<Value> {
    let (status, text) = (answer.status(), answer.text().await?);
    ensure!(status.is_success(), "{path}: {status}");
    Ok(serde_json::from_str(&text)?)
}

fn text(value: &Value, name: &str) -> Result<String> {
    Ok(value[name].as_str().with_context(|| format!("no {name} in the answer"))?.to_owned())
}

fn ids(values: &Value) -> Result<Vec<String>> {
    values.as_array().context("not a list")?.iter().map(|value| text(value, "id")).collect()
}

/// Reads each statistic in turn; the times of each.
async fn read(shop: &Shop, how_long: Duration) -> Result<Vec<Vec<f64>>> {
    let mut samples = vec![Vec::new(); Metric::COUNT];
    let mut due = tokio::time::interval(READ_EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = Instant::now() + how_long;
    while Instant::now() < end {
        for (metric, samples) in Metric::ALL.into_iter().zip(&mut samples) {
            due.tick().await;
            let began = Instant::now();
            shop.stats(MetricSet::from([metric])).await?;
            samples.push(ms(began.elapsed()));
        }
    }
    Ok(samples)
}

/// In markdown: p50 / p99 in milliseconds.
fn table(sizes: &[Size]) -> String {
    let mut text = String::new();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let sizes: Vec<_> = sizes.iter().filter(|size| size.database == engine).collect();
        if sizes.is_empty() {
            continue;
        }
        let _ = write!(text, "\n| {}, p50 / p99 in ms |", engine.name());
        for size in &sizes {
            let _ = write!(text, " {} orders |", size.orders);
        }
        let _ = writeln!(text, " counted from all rows |\n|---|{}---|", "---|".repeat(sizes.len()));
        let mut row = |name: &str, cell: &dyn Fn(&Size) -> String, last: String| {
            let cells: String = sizes.iter().map(|size| format!(" {} |", cell(size))).collect();
            let _ = writeln!(text, "| {name} |{cells} {last} |");
        };
        for (at, metric) in Metric::ALL.into_iter().enumerate() {
            let largest = sizes.last().map_or(0.0, |size| size.metrics[at].counted_ms);
            row(metric.key(), &|size| pair(&size.metrics[at].kept), format!("{largest:.0} ms"));
        }
        row("an order taken in, over HTTP", &|size| pair(&size.created), String::new());
        row("slowest of these", &|size| format!("{:.1}", size.created.most), String::new());
        row("orders not taken in", &|size| size.late.to_string(), String::new());
        row("the server's start", &|size| format!("{:.0}", size.start_ms), String::new());
        row("seeding, s", &|size| format!("{:.0}", size.seed_s), String::new());
    }
    text
}

fn pair(times: &Times) -> String {
    format!("{:.2} / {:.2}", times.p50, times.p99)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ninety_nine_of_a_hundred_are_no_slower_than_p99() {
        let times = Times::of((1..=100).rev().map(f64::from).collect());
        assert_eq!((times.count, times.p50, times.p99, times.most), (100, 50.0, 99.0, 100.0));
    }
}
