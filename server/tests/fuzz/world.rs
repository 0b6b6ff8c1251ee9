//! A server with a shop of its own, and an account of every row that changes in it.

use serde_json::{Value, json};
use server::Config;
use shop::{Role, Tokens};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer than anything takes here; a server that needs longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

pub const SECRET: &str = "a key of thirty-two bytes or more";

/// Rows that are nobody's orders: the server writes them by itself from time to time.
const ITS_OWN: [&str; 3] = ["_sqlx_migrations", "servers", "fuzz_changes"];

pub async fn soon<T>(what: &str, fact: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, fact).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

pub struct World {
    pub address: SocketAddr,
    pub http: reqwest::Client,
    pub admin: String,
    pub admin_id: String,
    rows: SqliteConnection,
    _folder: TempDir,
}

impl World {
    pub async fn start() -> World {
        crate::watch_for_panics();
        let folder = tempfile::tempdir().expect("a folder");
        let database = format!("sqlite://{}", folder.path().join("shop.db").display());
        let flags =
            ["pulso", "--database-url", &database, "--jwt-secret", SECRET, "--clients-per-address", "20000"];
        let flags = [&flags[..], &["--admin-email", "ana@taller.ec", "--admin-password", "secreto"]].concat();
        let config = Config::from_args(flags).expect("a configuration");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(server::run(config, listener, std::future::pending()));
        let http = reqwest::Client::new();
        let ready = http.get(format!("http://{address}/readyz"));
        while !soon("readiness", ready.try_clone().expect("no body").send())
            .await
            .expect("an answer")
            .status()
            .is_success()
        {}
        let mut rows = SqliteConnection::connect(&database).await.expect("a second connection");
        account_for_changes(&mut rows).await;
        let admin_id: String =
            sqlx::query_scalar("SELECT id FROM users").fetch_one(&mut rows).await.expect("an administrator");
        let admin = Tokens::new(SECRET.as_bytes()).issue(&admin_id, "ana@taller.ec", Role::Admin, HOURS);
        World { address, http, admin, admin_id, rows, _folder: folder }
    }

    /// How many rows were added, changed or deleted until now.
    pub async fn changes(&mut self) -> i64 {
        sqlx::query_scalar("SELECT n FROM fuzz_changes").fetch_one(&mut self.rows).await.expect("a number")
    }

    pub async fn made(&self, path: &str, token: &str, body: Value) -> String {
        let request = self.http.post(format!("http://{}{path}", self.address)).bearer_auth(token).json(&body);
        let answer = soon("an answer", request.send()).await.expect("an answer");
        let (status, made) = (answer.status(), answer.json::<Value>().await.expect("JSON"));
        assert!(status.is_success(), "{path}: {made}");
        made["id"].as_str().or(made["savedOrder"]["id"].as_str()).expect("an id").to_owned()
    }

    pub async fn changed(&self, path: &str, token: &str, body: Value) {
        let request =
            self.http.patch(format!("http://{}{path}", self.address)).bearer_auth(token).json(&body);
        let answer = soon("an answer", request.send()).await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {:?}", answer.text().await);
    }

    /// After all of it, the server still does what it is there for.
    pub async fn still_serves(&self) {
        let part = json!({"name": "The last one", "description": "d", "stock": 1, "unitPrice": 1});
        self.made("/spare-parts", &self.admin, part).await;
        let stats = self.http.get(format!("http://{}/repair-orders/stats/overview", self.address));
        let answer = soon("an answer", stats.bearer_auth(&self.admin).send()).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        crate::nothing_panicked();
    }

    /// Everything that comes back for these bytes, until the server, which sees our end, has no more to say.
    pub async fn exchange(&self, bytes: &[u8]) -> Vec<u8> {
        let talk = async {
            let mut stream = self.told(bytes).await;
            let _ = stream.shutdown().await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        soon("the end of a connection", talk).await
    }

    /// The status of the answer to these bytes; `None`: there was none, and the server hung up.
    pub async fn status(&self, bytes: &[u8]) -> Option<u16> {
        let talk = async {
            let mut stream = self.told(bytes).await;
            let mut line = [0; "HTTP/1.1 200".len()];
            stream.read_exact(&mut line).await.ok()?;
            std::str::from_utf8(&line[9..]).ok()?.parse().ok()
        };
        soon("an answer", talk).await
    }

    /// A server that hangs up early is fine; what it said is still to be read.
    async fn told(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        let _ = stream.write_all(bytes).await;
        stream
    }
}

pub const HOURS: Duration = Duration::from_secs(24 * 60 * 60);

async fn account_for_changes(rows: &mut SqliteConnection) {
    let run = async |rows: &mut SqliteConnection, sql: String| {
        sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(rows).await.expect(&sql);
    };
    let sql = "CREATE TABLE fuzz_changes (n BIGINT NOT NULL); INSERT INTO fuzz_changes VALUES (0)";
    run(rows, sql.to_owned()).await;
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
            .fetch_all(&mut *rows)
            .await
            .expect("names");
    for table in tables.iter().filter(|name| !ITS_OWN.contains(&name.as_str())) {
        for change in ["INSERT", "UPDATE", "DELETE"] {
            let sql = format!(
                "CREATE TRIGGER fuzz_{table}_{change} AFTER {change} ON {table} BEGIN UPDATE fuzz_changes SET n = n + 1; END"
            );
            run(rows, sql).await;
        }
    }
}
