//! Screens on a wall: let in by a code, read-only, and sent away at once; with the shop in this process and in front of a
//! backend.

use crate::support::{Client, FakeShop, Server, keys, soon};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared::Metric;
use shop::{Role, Tokens};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;
use tokio_tungstenite::tungstenite::Message;

const SECRET: &str = "a key of thirty-two bytes or more";

/// Who lets screens in differs from one to the other.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Embedded,
    /// The backend's tokens are verified.
    Verified,
    /// They cannot be: whoever sits at this machine.
    Open,
}

const MODES: [Mode; 3] = [Mode::Embedded, Mode::Verified, Mode::Open];

struct World {
    mode: Mode,
    server: Server,
    backend: FakeShop,
    folder: TempDir,
}

impl World {
    async fn start(mode: Mode) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let backend = FakeShop::start().await;
        let server = World::serve(mode, &folder, &backend, &[]).await;
        World { mode, server, backend, folder }
    }

    async fn serve(mode: Mode, folder: &TempDir, backend: &FakeShop, more: &[&str]) -> Server {
        let (database, url) = (database(folder), backend.url());
        let mut flags = vec!["--database-url", &database, "--reconcile-secs", "3600"];
        flags.extend(match mode {
            Mode::Embedded => vec!["--jwt-secret", SECRET],
            Mode::Verified => vec!["--jwt-secret", SECRET, "--rest-api-url", &url],
            Mode::Open => vec!["--rest-api-url", &url],
        });
        flags.extend(more);
        Server::start(&flags).await
    }

    async fn restart(self) -> World {
        let World { mode, server, backend, folder } = self;
        server.stop().await;
        let server = World::serve(mode, &folder, &backend, &[]).await;
        World { mode, server, backend, folder }
    }

    /// With what lets an administrator in here.
    fn admin(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.server.http.request(method, self.server.url(path));
        match self.mode {
            Mode::Embedded | Mode::Verified => request.bearer_auth(admin_token()),
            Mode::Open => request,
        }
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.server.http.post(self.server.url(path)).json(&body)).await
    }

    async fn token(&self, secret: &str) -> (u16, Value) {
        self.post("/screens/token", json!({"secret": secret})).await
    }

    async fn approve(&self, code: &str, name: &str) -> (u16, Value) {
        answer(self.admin(Method::POST, "/screens/approve").json(&json!({"code": code, "name": name}))).await
    }

    async fn list(&self) -> Value {
        let (status, list) = answer(self.admin(Method::GET, "/screens")).await;
        assert_eq!(status, 200, "{:?}: {list}", self.mode);
        list
    }

    async fn revoke(&self, id: &str) -> u16 {
        answer(self.admin(Method::DELETE, &format!("/screens/{id}"))).await.0
    }

    /// An approved screen.
    async fn screen(&self, name: &str) -> Screen {
        let (status, pairing) = self.post("/screens/pair", json!({})).await;
        assert_eq!(status, 201, "{pairing}");
        let (status, approved) = self.approve(text(&pairing, "code"), name).await;
        assert_eq!(status, 200, "{approved}");
        let secret = text(&pairing, "secret").to_owned();
        let (status, granted) = self.token(&secret).await;
        assert_eq!(status, 200, "{granted}");
        let (id, token) = (text(&approved, "id").to_owned(), text(&granted, "access_token").to_owned());
        Screen { id, secret, token }
    }

    async fn sees(&self, token: &str) -> u16 {
        self.ask(Method::GET, Metric::OrdersOverview.path(), token).await
    }

    async fn ask(&self, method: Method, path: &str, token: &str) -> u16 {
        let request = self.server.http.request(method, self.server.url(path)).bearer_auth(token);
        answer(request.json(&json!({}))).await.0
    }

    async fn joined(&self, token: &str) -> Client {
        let mut client = self.server.join(&format!("?version=0&token={token}")).await;
        assert_eq!(keys(&client.next().await).len(), Metric::COUNT);
        client
    }
}

struct Screen {
    id: String,
    secret: String,
    token: String,
}

fn database(folder: &TempDir) -> String {
    format!("sqlite://{}", folder.path().join("shop.db").display())
}

fn admin_token() -> String {
    Tokens::new(SECRET.as_bytes()).issue("ana", "ana@y.ec", Role::Admin, Duration::from_secs(60))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = soon("an answer", request.send()).await.expect("an answer");
    let status = response.status().as_u16();
    let body = response.bytes().await.expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn auth(token: &str) -> Message {
    Message::text(json!({"type": "auth", "token": token}).to_string())
}

#[tokio::test]
async fn a_screen_is_let_in_by_its_code_sees_the_dashboard_and_is_sent_away_at_once() {
    for mode in MODES {
        let world = World::start(mode).await;
        let features = world.server.json("/config.json").await["features"].clone();
        assert!(features.as_array().expect("a list").contains(&json!("screens")), "{mode:?}: {features}");

        let (status, pairing) = world.post("/screens/pair", json!({})).await;
        assert_eq!((status, &pairing["expiresIn"]), (201, &json!(300)));
        let (code, secret) = (text(&pairing, "code"), text(&pairing, "secret"));
        assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        assert_eq!(world.token(secret).await, (202, json!({"status": "waiting"})));
        assert_eq!(world.list().await, json!([]));

        let (status, approved) = world.approve(code, " Entrada ").await;
        assert_eq!((status, &approved["name"]), (200, &json!("Entrada")));
        let (status, granted) = world.token(secret).await;
        assert_eq!((status, &granted["expiresIn"]), (200, &json!(600)));
        let token = text(&granted, "access_token");
        assert_eq!(world.sees(token).await, 200);
        let mut versioned = world.joined(token).await;
        let mut original = world.server.join(&format!("?token={token}")).await;

        let list = world.list().await;
        let only = &list[0];
        assert_eq!((&only["id"], &only["name"]), (&approved["id"], &json!("Entrada")), "{list}");
        assert_eq!(only["connected"], json!(2));
        for time in ["createdAt", "approvedAt", "lastSeen"] {
            assert!(text(only, time).ends_with('Z'), "{list}");
        }

        let id = text(only, "id");
        assert_eq!(world.revoke(id).await, 200);
        assert_eq!(world.sees(token).await, 401, "{mode:?}");
        assert_eq!(versioned.closed().await, 4401);
        assert_eq!(original.closed().await, 4401);
        let joined = world.server.try_join(&format!("?version=0&token={token}"), &[]).await;
        assert_eq!(joined.err(), Some(401));
        assert_eq!(world.token(secret).await.0, 401);
        assert_eq!((world.list().await, world.revoke(id).await), (json!([]), 404));
    }
}

#[tokio::test]
async fn one_screen_is_sent_away_and_the_others_stay() {
    let world = World::start(Mode::Verified).await;
    let (one, other) = (world.screen("one").await, world.screen("other").await);
    let (mut gone, mut stays) = (world.joined(&one.token).await, world.joined(&other.token).await);
    assert_eq!(world.revoke(&one.id).await, 200);
    assert_eq!(gone.closed().await, 4401);
    world.backend.set_count(Metric::OrdersCountTotal, 46);
    world.server.event("REPAIR_ORDER_CREATED").await;
    assert_eq!(stays.next().await["data"]["orders_count_total"], json!({"count": 46}));
    assert_eq!(world.sees(&other.token).await, 200);
}

/// Every route of the document, and whether it says that a screen may.
async fn routes(world: &World) -> Vec<(Method, String, Allowed)> {
    let document = world.server.json("/openapi.json").await;
    let screen = json!({"bearer": ["Screen"]});
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let security = operation["security"].as_array().unwrap_or_else(|| panic!("{method} {path}"));
            let allowed = match security {
                _ if security.contains(&screen) => Allowed::Screens,
                _ if security.contains(&json!({})) => Allowed::Anyone,
                _ => Allowed::Others,
            };
            let path = path.replace("{id}", "9b8c2c0e-0000-4000-8000-000000000000");
            routes.push((method.to_uppercase().parse().expect("a method"), path, allowed));
        }
    }
    assert!(routes.len() > Metric::COUNT + 30, "{}", routes.len());
    routes
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Allowed {
    Screens,
    Anyone,
    Others,
}

#[tokio::test]
async fn a_screens_token_opens_nothing_but_the_dashboard() {
    let routes = routes(&World::start(Mode::Embedded).await).await;
    for mode in MODES {
        let world = World::start(mode).await;
        let screen = world.screen("x").await;
        let mut opened = Vec::new();
        for (method, path, allowed) in &routes {
            // Told by everyone at this machine; below with a secret.
            if path == "/notify" {
                continue;
            }
            let status = world.ask(method.clone(), path, &screen.token).await;
            match allowed {
                Allowed::Screens if status == 200 => opened.push(path.as_str()),
                Allowed::Screens => assert_eq!((status, path.as_str()), (426, "/ws")),
                Allowed::Others => {
                    assert!(matches!(status, 401 | 403), "{mode:?}: {method} {path}: {status}");
                }
                Allowed::Anyone => {}
            }
        }
        let mut metrics = Metric::ALL.map(Metric::path);
        opened.sort_unstable();
        metrics.sort_unstable();
        assert_eq!(opened, metrics);
        assert_eq!(world.sees(&screen.token).await, 200, "it was not revoked by itself");
    }
    let backend = FakeShop::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let server = World::serve(Mode::Open, &folder, &backend, &["--notify-token", "told"]).await;
    let world = World { mode: Mode::Open, server, backend, folder };
    let screen = world.screen("x").await;
    assert_eq!(world.ask(Method::POST, "/notify", &screen.token).await, 401);
}

#[tokio::test]
async fn a_screens_token_never_reaches_the_backend() {
    for mode in [Mode::Verified, Mode::Open] {
        let world = World::start(mode).await;
        let screen = world.screen("x").await;
        let other = World::start(Mode::Open).await;
        // Of another Pulso, it is refused like one of our own that ended.
        let foreign = other.screen("x").await.token;
        assert_eq!(world.sees(&foreign).await, 401, "{mode:?}");
        world.revoke(&screen.id).await;
        for token in [&screen.token, &foreign] {
            let request = |path: &str| world.server.http.get(world.server.url(path));
            for carrying in [
                request("/users/7").bearer_auth(token),
                request("/users/7").header("authorization", format!("bEARER   {token}")),
                request("/users/7").header("authorization", "Bearer x").header("authorization", token),
                request("/users/7").header("cookie", format!("token={token}")),
                request(&format!("/users/7?token={token}")),
                request(&format!("/users/7?token=%65{}", &token[1..])),
                request(&format!("/users/{token}")),
                request(&format!("/users/%65{}", &token[1..])),
                request("/users/7").header("cookie", format!("token=%65{}", &token[1..])),
                world.server.http.post(world.server.url("/auth/login")).bearer_auth(token),
            ] {
                let (status, body) = answer(carrying).await;
                assert_eq!((status, &body["message"]), (403, &json!("Forbidden resource")));
            }
        }
        // The statistics were fetched, with the server's own token or none.
        assert!(world.backend.asked().iter().all(|asked| Metric::ALL.iter().any(|m| m.path() == asked.path)));
        assert!(world.backend.asked().iter().all(|asked| asked.headers.get("authorization").is_none()));
        world
            .server
            .http
            .get(world.server.url("/users/7"))
            .bearer_auth("x.y.z")
            .send()
            .await
            .expect("an answer");
        assert_eq!(world.backend.asked().last().expect("asked").path, "/users/7", "others are passed on");
    }
}

#[tokio::test]
async fn an_open_socket_is_renewed_by_the_same_screen_and_nobody_else() {
    for mode in MODES {
        let world = World::start(mode).await;
        let (screen, other) = (world.screen("x").await, world.screen("y").await);
        let mut client = world.joined(&screen.token).await;
        let (status, renewed) = world.token(&screen.secret).await;
        assert_eq!(status, 200);
        client.send(auth(text(&renewed, "access_token"))).await;
        let answer = client.next().await;
        assert_eq!((&answer["event"], answer["expires"].is_string()), (&json!("AUTH"), true), "{answer}");

        client.send(auth(&other.token)).await;
        assert_eq!(client.closed().await, 4403);
        for bad in ["x.y.z", &admin_token()] {
            let mut client = world.joined(&screen.token).await;
            client.send(auth(bad)).await;
            assert_eq!(client.closed().await, 4401);
        }
        if mode == Mode::Open {
            continue;
        }
        let mut admin = world.joined(&admin_token()).await;
        admin.send(auth(&screen.token)).await;
        assert!(matches!(admin.closed().await, 4401 | 4403), "no Admin becomes a screen");
    }
}

#[tokio::test]
async fn only_administrators_let_screens_in_and_out() {
    for mode in [Mode::Embedded, Mode::Verified] {
        let world = World::start(mode).await;
        let screen = world.screen("x").await;
        let own = format!("/screens/{}", screen.id);
        let tokens = Tokens::new(SECRET.as_bytes());
        let user = tokens.issue("x", "x@y.ec", Role::User, Duration::from_secs(60));
        let technician = tokens.issue("x", "x@y.ec", Role::Technician, Duration::from_secs(60));
        for (method, path) in [("GET", "/screens"), ("POST", "/screens/approve"), ("DELETE", &*own)] {
            let method: Method = method.parse().expect("a method");
            for (token, expected) in [("", 401), ("x.y.z", 401), (&*user, 403), (&*technician, 403)] {
                assert_eq!(
                    world.ask(method.clone(), path, token).await,
                    expected,
                    "{mode:?} {method} {path}"
                );
            }
        }
    }
    let world = World::start(Mode::Open).await;
    let behind_proxy =
        world.server.http.get(world.server.url("/screens")).header("x-forwarded-for", "10.0.0.1");
    assert_eq!(answer(behind_proxy).await.0, 401);
    // A page of elsewhere in a browser on this machine.
    let (_, pairing) = world.post("/screens/pair", json!({})).await;
    let body = json!({"code": pairing["code"], "name": "x"}).to_string();
    let forged = world.server.http.post(world.server.url("/screens/approve")).body(body);
    assert_eq!(answer(forged.header("origin", "https://evil.example")).await.0, 403);
    assert_eq!(world.list().await, json!([]));
    // A screen behind that proxy sees, where people do not.
    let screen = world.screen("x").await;
    let request = world.server.http.get(world.server.url(Metric::OrdersOverview.path()));
    let request = request.header("x-forwarded-for", "10.0.0.1");
    assert_eq!(answer(request.try_clone().expect("no body")).await.0, 401);
    assert_eq!(answer(request.bearer_auth(&screen.token)).await.0, 200);
}

#[tokio::test]
async fn a_code_serves_once_and_wrong_ones_are_throttled() {
    let world = World::start(Mode::Embedded).await;
    let (_, pairing) = world.post("/screens/pair", json!({})).await;
    let code = text(&pairing, "code");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    assert_eq!(world.approve(&spaced, "x").await.0, 200);
    assert_eq!(world.approve(code, "x").await.0, 404);
    let throttled = loop {
        let request =
            world.admin(Method::POST, "/screens/approve").json(&json!({"code": wrong, "name": "x"}));
        let response = soon("an answer", request.send()).await.expect("an answer");
        match response.status().as_u16() {
            404 => {}
            status => break (status, response),
        }
    };
    let (status, response) = throttled;
    let wait: u64 = response.headers()["retry-after"].to_str().expect("a text").parse().expect("a number");
    assert!(status == 429 && (1..=300).contains(&wait), "{status}, {wait}");
}

#[tokio::test]
async fn malformed_requests_are_refused_with_every_fault() {
    let world = World::start(Mode::Embedded).await;
    let refused =
        |message: &[&str]| (400, json!({"message": message, "error": "Bad Request", "statusCode": 400}));
    assert_eq!(
        world.approve("12345", " ").await,
        refused(&["code must be six digits", "name should not be empty"])
    );
    let long = "ñ".repeat(101);
    assert_eq!(
        world.approve("123456", &long).await,
        refused(&["name must be shorter than or equal to 100 characters"])
    );
    assert_eq!(world.approve("123456", &long[2..]).await.0, 404, "a hundred will do");
    let (status, body) = world.post("/screens/token", json!({"other": 1})).await;
    assert_eq!((status, &body["message"][0]), (400, &json!("property other should not exist")));
    assert_eq!(world.revoke("7").await, 400);
    assert_eq!(world.revoke("9b8c2c0e-0000-4000-8000-000000000000").await, 404);
    let large = world.post("/screens/token", json!({"secret": "x".repeat(5000)})).await;
    assert_eq!(large.0, 413);
}

#[tokio::test]
async fn a_restart_keeps_the_screens() {
    for mode in MODES {
        let world = World::start(mode).await;
        let screen = world.screen("Entrada").await;
        let world = world.restart().await;
        assert_eq!(world.sees(&screen.token).await, 200, "{mode:?}");
        assert_eq!(world.list().await[0]["id"], json!(screen.id));
        let (status, _) = world.token(&screen.secret).await;
        assert_eq!(status, 200);
        let mut client = world.joined(&screen.token).await;
        assert_eq!(world.revoke(&screen.id).await, 200);
        assert_eq!(client.closed().await, 4401);
    }
}

#[tokio::test]
async fn a_code_that_ran_out_is_gone_and_approves_nothing() {
    let world = World::start(Mode::Verified).await;
    let (_, pairing) = world.post("/screens/pair", json!({})).await;
    let rows = sqlx::SqlitePool::connect(&database(&world.folder)).await.expect("a second connection");
    sqlx::query("UPDATE screens SET code_until = 1").execute(&rows).await.expect("time has passed");
    assert_eq!(world.approve(text(&pairing, "code"), "x").await.0, 404);
    assert_eq!(world.token(text(&pairing, "secret")).await.0, 410);
    assert_eq!(world.token("another").await.0, 401);
}

#[tokio::test]
async fn the_key_of_the_screens_is_nobody_elses() {
    let world = World::start(Mode::Embedded).await;
    let screen = world.screen("x").await;
    let key = std::fs::read(world.folder.path().join("shop.db.screens")).expect("a key of their own");
    assert!(key.len() >= 32 && key != SECRET.as_bytes());
    assert!(Tokens::new(SECRET.as_bytes()).verify(&screen.token).is_err());
    // The upstream's key makes no screens either.
    let forged = Tokens::new(&key).issue(&screen.id, "x@y.ec", Role::Admin, Duration::from_secs(60));
    assert_eq!(world.sees(&forged).await, 401);
}

#[tokio::test]
async fn without_a_file_to_keep_them_in_there_are_no_screens_and_all_else_works() {
    let backend = FakeShop::start().await;
    for database in ["sqlite:///no/such/folder/pulso.db", "postgres://backend:pw@127.0.0.1:1/shop"] {
        let server = Server::before_with(&backend, &["--database-url", database]).await;
        assert_eq!(server.json("/config.json").await["features"], json!(["create"]));
        for path in ["/screens/pair", "/screens/token", "/screens/approve"] {
            let (status, body) = answer(server.http.post(server.url(path))).await;
            assert_eq!((status, &body["message"]), (404, &json!(format!("Cannot POST {path}"))));
        }
        assert_eq!(keys(&server.join("?version=0").await.next().await).len(), Metric::COUNT);
    }
}

async fn program(folder: &TempDir, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pulso"));
    command.env_clear().env("DATABASE_URL", database(folder)).args(arguments);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = soon("its end", command.output()).await.expect("an output");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout) + &text(output.stderr))
}

#[tokio::test]
async fn the_command_line_lets_screens_in_and_out_beside_a_running_server() {
    for mode in [Mode::Embedded, Mode::Verified] {
        let world = World::start(mode).await;
        let (_, pairing) = world.post("/screens/pair", json!({})).await;
        let (code, secret) = (text(&pairing, "code"), text(&pairing, "secret"));
        let (ended, told) = program(&world.folder, &["screen", "approve", code, "--name", "Bodega"]).await;
        assert!(ended == Some(0) && told.contains("Bodega"), "{told}");
        assert_eq!(world.token(secret).await.0, 200);
        let (ended, told) = program(&world.folder, &["screen", "approve", code]).await;
        assert!(ended == Some(1) && told.contains("No screen shows this code"), "{told}");

        let list = world.list().await;
        let id = text(&list[0], "id");
        let (ended, told) = program(&world.folder, &["screen", "list"]).await;
        assert!(ended == Some(0) && told.contains(id) && told.contains("Bodega"), "{told}");
        let (ended, told) = program(&world.folder, &["screen", "revoke", id]).await;
        assert_eq!(ended, Some(0), "{told}");
        assert_eq!(world.token(secret).await.0, 401);
        let (ended, told) = program(&world.folder, &["screen", "revoke", id]).await;
        assert!(ended == Some(1) && told.contains("there is no screen"), "{told}");
        let (ended, _) = program(&world.folder, &["screen", "approve", "12"]).await;
        assert_eq!(ended, Some(2));
    }
}
