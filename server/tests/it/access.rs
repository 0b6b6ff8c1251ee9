//! Who gets in: with the embedded shop an Admin's token from the start.

use crate::support::{FakeShop, Server, keys, soon};
use serde_json::{Value, json};
use shared::Metric;
use shop::{Role, Tokens};
use std::time::Duration;

const SECRET: &str = "a key of thirty-two bytes or more";

async fn embedded(folder: &tempfile::TempDir) -> Server {
    let database = format!("sqlite://{}", folder.path().join("shop.db").display());
    let flags = [
        "--database-url",
        &database,
        "--jwt-secret",
        SECRET,
        "--admin-email",
        "ana@taller.ec",
        "--admin-password",
        "secreto",
    ];
    Server::start(&flags).await
}

async fn sign_in(server: &Server) -> String {
    let body = json!({"email": "ana@taller.ec", "password": "secreto"});
    let request = server.http.post(server.url("/auth/login")).json(&body);
    let answer: Value = soon("a token", request.send()).await.expect("an answer").json().await.expect("JSON");
    answer["access_token"].as_str().expect("a token").to_owned()
}

fn token(role: Role) -> String {
    Tokens::new(SECRET.as_bytes()).issue("someone", "x@y.ec", role, Duration::from_secs(60))
}

#[tokio::test]
async fn strangers_see_nothing_and_the_admin_everything() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = embedded(&folder).await;
    let admin = sign_in(&server).await;
    let (technician, other) = (
        token(Role::Technician),
        Tokens::new(&[7; 32]).issue("x", "x@y.ec", Role::Admin, Duration::from_secs(60)),
    );
    let expired = Tokens::new(SECRET.as_bytes()).issue("x", "x@y.ec", Role::Admin, Duration::ZERO);
    for (token, status) in
        [("", 401), ("x.y.z", 401), (&*other, 401), (&*expired, 401), (&*technician, 403), (&*admin, 200)]
    {
        let request = server.http.get(server.url(Metric::OrdersOverview.path())).bearer_auth(token);
        let response = soon("an answer", request.send()).await.expect("an answer");
        assert_eq!(response.status(), status);
        if status != 200 {
            assert_eq!(response.json::<Value>().await.expect("JSON")["statusCode"], status);
        }
        let joined = server.try_join(&format!("?version=0&token={token}"), &[]).await.map(|_| ());
        assert_eq!(joined, if status == 200 { Ok(()) } else { Err(status) });
    }
    let offered = format!("pulso.v1, bearer.{admin}");
    let mut client =
        server.try_join("?version=0", &[("sec-websocket-protocol", &offered)]).await.expect("let in");
    assert_eq!(client.protocol.as_deref(), Some("pulso.v1"));
    assert_eq!(keys(&client.next().await).len(), Metric::COUNT);
}

#[tokio::test]
async fn an_order_created_by_anyone_reaches_the_dashboard() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = embedded(&folder).await;
    let admin = sign_in(&server).await;
    let post = async |path: &str, body: Value| -> Value {
        let request = server.http.post(server.url(path)).bearer_auth(&admin).json(&body);
        let response = soon("an answer", request.send()).await.expect("an answer");
        let (status, answer) = (response.status(), response.json().await.expect("JSON"));
        assert_eq!(status, 201, "{path}: {answer}");
        answer
    };
    let mut client = server.join(&format!("?version=0&token={admin}")).await;
    assert_eq!(client.next().await["data"]["orders_overview"]["totalOrders"], 0);

    let ana = post("/users", json!({"name": "Ana", "email": "ana@x.co", "password": "secret1"})).await;
    let frame = client.next().await;
    assert_eq!(
        (&frame["event"], &frame["data"]["users_overview"]["totalClients"]),
        (&json!("USER_CREATED"), &json!(1))
    );
    assert_eq!(frame["notifications"][0]["resourceId"], ana["id"]);

    let luis = json!({"name": "Luis", "email": "l@x.co", "password": "secret1", "specialty": "Laptops", "isEvaluator": true});
    post("/users/technician", luis).await;
    assert_eq!(client.next().await["data"]["users_count_active_technicians"], json!({"count": 1}));

    let laptop =
        json!({"name": "XPS", "type": "LAPTOP", "brand": "Dell", "model": "13", "userId": ana["id"]});
    let laptop = post("/equipments", laptop).await;
    let order = json!({"equipmentId": laptop["id"], "problemDescription": "no enciende"});
    let order = post("/repair-orders", order).await;
    let frame = client.next().await;
    assert_eq!(frame["event"], "REPAIR_ORDER_CREATED");
    assert_eq!(frame["data"]["orders_overview"]["activeOrders"], 1);
    assert_eq!(frame["data"]["orders_recent"]["recentOrders"][0]["id"], order["savedOrder"]["id"]);
    assert_eq!(
        frame["data"]["orders_by_status"]["ordersByStatus"][0],
        json!({"status": "IN_REVIEW", "count": 1})
    );
    assert_eq!(frame["data"]["users_top_clients"]["topClients"][0]["totalOrders"], 1);
}

#[tokio::test]
async fn an_open_socket_ends_with_its_token_unless_it_is_renewed() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = embedded(&folder).await;
    let tokens = Tokens::new(SECRET.as_bytes());
    let brief = || tokens.issue("someone", "x@y.ec", Role::Admin, Duration::from_secs(2));
    let mut ends = server.join(&format!("?version=0&token={}", brief())).await;
    let mut renewed = server.join(&format!("?version=0&token={}", brief())).await;
    renewed.next().await;
    let auth = |token: &str| {
        tokio_tungstenite::tungstenite::Message::text(json!({"type": "auth", "token": token}).to_string())
    };
    renewed.send(auth(&token(Role::Admin))).await;
    let answer = renewed.next().await;
    assert_eq!((&answer["event"], &answer["data"]), (&json!("AUTH"), &json!({})));
    assert!(answer["expires"].is_string());
    assert_eq!(ends.closed().await, 4401);

    renewed.send(auth(&tokens.issue("another", "x@y.ec", Role::Admin, Duration::from_secs(60)))).await;
    assert_eq!(renewed.closed().await, 4403);
    let mut bad = server.join(&format!("?version=0&token={}", token(Role::Admin))).await;
    bad.send(auth("x.y.z")).await;
    assert_eq!(bad.closed().await, 4401);
}

#[tokio::test]
async fn a_page_of_elsewhere_is_not_let_in() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let joined = server.try_join("?version=0", &[("origin", "https://evil.example")]).await.map(|_| ());
    assert_eq!(joined, Err(403));
    for origin in ["http://localhost:5173", "http://127.0.0.1:8080"] {
        assert!(server.try_join("?version=0", &[("origin", origin)]).await.is_ok(), "{origin}");
    }
    let joined = server.try_join("?version=0", &[("x-forwarded-for", "10.1.1.1")]).await.map(|_| ());
    assert_eq!(joined, Err(401), "without a key, only this machine may look");
    assert_eq!(server.try_join("?version=x", &[]).await.map(|_| ()), Err(400));
    assert_eq!(server.get("/ws").await.status(), 426);
}

#[tokio::test]
async fn unknown_routes_have_the_contracts_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = embedded(&folder).await;
    for (method, path) in
        [("GET", "/users/x/y/z"), ("PUT", "/users"), ("POST", "/"), ("DELETE", "/health"), ("GET", "/nope")]
    {
        let request = server.http.request(method.parse().expect("a method"), server.url(path));
        let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(
            answer,
            json!({"message": format!("Cannot {method} {path}"), "error": "Not Found", "statusCode": 404})
        );
    }
    let page = server
        .http
        .get(server.url("/nope"))
        .header("accept", "text/html,*/*")
        .send()
        .await
        .expect("an answer");
    assert!(page.headers()["content-type"].to_str().expect("a type").starts_with("text/html"));
}
