//! Who may do what: every route for every role, against the real server with its own shop.
//!
//! The routes come from the server's own document, so none can be missing here; the document's security must be
//! what the table says, and so must what happens. `PULSO_WRITE_DOCS=1 cargo test -p pulso --test it roles` writes
//! docs/roles.md anew.

use crate::support::{Server, soon};
use reqwest::Method;
use serde_json::{Value, json};
use shop::{Role, Tokens};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Who a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Everyone,
    /// Whoever knows `NOTIFY_TOKEN`; no role helps.
    Notifier,
    /// Whoever holds the cookie of a sign-in; no role helps.
    Holder,
    SignedIn,
    Clients,
    Staff,
    Admins,
    /// Who sees the dashboard.
    Viewers,
    /// Who lets screens in.
    Doorkeepers,
}

/// Who asks. A screen's token is of a key that the shop does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    Nobody,
    Person(Role),
    Screen,
}

impl Asker {
    const ALL: [Asker; 5] = [
        Asker::Nobody,
        Asker::Person(Role::User),
        Asker::Person(Role::Technician),
        Asker::Person(Role::Admin),
        Asker::Screen,
    ];

    const fn name(self) -> &'static str {
        match self {
            Asker::Nobody => "nobody",
            Asker::Person(role) => role.name(),
            Asker::Screen => "Screen",
        }
    }
}

use For::*;

/// The whole of it. A route that is not here, or no longer there, fails the test.
const TABLE: &[(&str, &str, For)] = &[
    ("POST", "/auth/login", Everyone),
    ("POST", "/auth/register", Everyone),
    ("POST", "/auth/link", Everyone),
    ("POST", "/auth/refresh", Holder),
    ("POST", "/auth/logout", Everyone),
    ("GET", "/auth/profile", SignedIn),
    ("GET", "/users", Admins),
    ("POST", "/users", Admins),
    ("PATCH", "/users/profile", SignedIn),
    ("GET", "/users/technician", Staff),
    ("POST", "/users/technician", Admins),
    ("PATCH", "/users/technician/profile", SignedIn),
    ("PATCH", "/users/technician/{id}", Admins),
    ("GET", "/users/{id}", Admins),
    ("PATCH", "/users/{id}", Admins),
    ("DELETE", "/users/{id}", Admins),
    ("GET", "/equipments", SignedIn),
    ("POST", "/equipments", Clients),
    ("GET", "/equipments/{id}", SignedIn),
    ("PATCH", "/equipments/{id}", SignedIn),
    ("DELETE", "/equipments/{id}", SignedIn),
    ("GET", "/services", Everyone),
    ("POST", "/services", Admins),
    ("GET", "/services/{id}", SignedIn),
    ("PATCH", "/services/{id}", Admins),
    ("DELETE", "/services/{id}", Admins),
    ("GET", "/spare-parts", Staff),
    ("POST", "/spare-parts", Staff),
    ("GET", "/spare-parts/{id}", Staff),
    ("PATCH", "/spare-parts/{id}", Staff),
    ("DELETE", "/spare-parts/{id}", Staff),
    ("GET", "/repair-orders", SignedIn),
    ("POST", "/repair-orders", SignedIn),
    ("GET", "/repair-orders/evaluator", Staff),
    ("GET", "/repair-orders/technician/my-details", Staff),
    ("PATCH", "/repair-orders/technician/detail/{id}", Staff),
    ("PATCH", "/repair-orders/technician/detail/{id}/status", Staff),
    ("GET", "/repair-orders/{id}", SignedIn),
    ("PATCH", "/repair-orders/{id}", SignedIn),
    ("DELETE", "/repair-orders/{id}", Admins),
    ("GET", "/repair-order-reviews", SignedIn),
    ("POST", "/repair-order-reviews", Clients),
    ("GET", "/repair-order-reviews/{id}", SignedIn),
    ("PATCH", "/repair-order-reviews/{id}", SignedIn),
    ("DELETE", "/repair-order-reviews/{id}", SignedIn),
    ("GET", "/repair-orders/stats/overview", Viewers),
    ("GET", "/repair-orders/stats/revenue", Viewers),
    ("GET", "/repair-orders/stats/by-status", Viewers),
    ("GET", "/repair-orders/stats/recent", Viewers),
    ("GET", "/repair-orders/stats/top-services", Viewers),
    ("GET", "/repair-orders/stats/count/total", Viewers),
    ("GET", "/repair-orders/stats/count/active", Viewers),
    ("GET", "/repair-orders/stats/revenue/total", Viewers),
    ("GET", "/users/stats/overview", Viewers),
    ("GET", "/users/stats/top-clients", Viewers),
    ("GET", "/users/stats/top-technicians", Viewers),
    ("GET", "/users/stats/count/clients", Viewers),
    ("GET", "/users/stats/count/technicians", Viewers),
    ("GET", "/users/stats/count/active-technicians", Viewers),
    ("GET", "/ws", Viewers),
    ("POST", "/screens/pair", Everyone),
    ("POST", "/screens/token", Everyone),
    ("POST", "/screens/approve", Doorkeepers),
    ("GET", "/screens", Doorkeepers),
    ("DELETE", "/screens/{id}", Doorkeepers),
    ("POST", "/notify", Notifier),
    ("GET", "/health", Everyone),
    ("GET", "/livez", Everyone),
    ("GET", "/readyz", Everyone),
    ("GET", "/config.json", Everyone),
];

impl For {
    /// The status that keeps them out, if they are kept out.
    fn refusal(self, asker: Asker) -> Option<u16> {
        let allowed: &[Role] = match self {
            Everyone => return None,
            Notifier | Holder => return Some(401),
            SignedIn => &[Role::User, Role::Technician, Role::Admin],
            Clients => &[Role::User, Role::Admin],
            Staff => &[Role::Technician, Role::Admin],
            Admins | Viewers | Doorkeepers => &[Role::Admin],
        };
        match (asker, self) {
            (Asker::Nobody, _) => Some(401),
            (Asker::Person(role), _) if allowed.contains(&role) => None,
            (Asker::Person(_), _) => Some(403),
            (Asker::Screen, Viewers) => None,
            (Asker::Screen, Doorkeepers) => Some(403),
            (Asker::Screen, Everyone | Notifier | Holder | SignedIn | Clients | Staff | Admins) => Some(401),
        }
    }

    /// As the document has to say it: any of these is enough.
    fn security(self) -> Value {
        match self {
            Everyone | Holder => json!([{}]),
            Notifier => json!([{"notify": []}]),
            SignedIn => json!([{"bearer": []}]),
            Clients => json!([{"bearer": ["User"]}, {"bearer": ["Admin"]}]),
            Staff => json!([{"bearer": ["Technician"]}, {"bearer": ["Admin"]}]),
            Admins | Doorkeepers => json!([{"bearer": ["Admin"]}]),
            Viewers => json!([{"bearer": ["Admin"]}, {"bearer": ["Screen"]}]),
        }
    }
}

const SECRET: &str = "a key of thirty-two bytes or more";

struct World {
    server: Server,
    tokens: BTreeMap<&'static str, String>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn open() -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let database = format!("sqlite://{}", folder.path().join("shop.db").display());
        let flags = ["--jwt-secret", SECRET, "--notify-token", "a secret that backends know"];
        let admin = ["--admin-email", "ana@taller.ec", "--admin-password", "secreto"];
        let server =
            Server::start(&[&["--database-url", database.as_str()][..], &flags, &admin].concat()).await;
        let body = json!({"email": "ana@taller.ec", "password": "secreto"});
        let signed_in = send(&server, Method::POST, "/auth/login", "", body).await.1;
        let admin = signed_in["access_token"].as_str().expect("a token").to_owned();
        let mut world = World { server, tokens: BTreeMap::new(), _folder: folder };
        for (role, path) in [(Role::User, "/users"), (Role::Technician, "/users/technician")] {
            let mut person =
                json!({"name": "x", "email": format!("{path}@x.ec").replace('/', ""), "password": "secreto"});
            if role == Role::Technician {
                person["specialty"] = json!("Laptops");
            }
            let (status, made) = send(&world.server, Method::POST, path, &admin, person).await;
            assert_eq!(status, 201, "{made}");
            let id = made["id"].as_str().expect("an id");
            let token = Tokens::new(SECRET.as_bytes()).issue(id, "x@x.ec", role, Duration::from_secs(600));
            world.tokens.insert(role.name(), token);
        }
        world.tokens.insert("Screen", world.screen(&admin).await);
        world.tokens.insert(Role::Admin.name(), admin);
        world.tokens.insert("nobody", String::new());
        world
    }

    async fn screen(&self, admin: &str) -> String {
        let post = async |path: &str, token: &str, body: Value| {
            send(&self.server, Method::POST, path, token, body).await.1
        };
        let asked = post("/screens/pair", "", json!({})).await;
        post("/screens/approve", admin, json!({"code": asked["code"], "name": "wall"})).await;
        let token = post("/screens/token", "", json!({"secret": asked["secret"]})).await;
        token["access_token"].as_str().expect("a token").to_owned()
    }

    /// With nothing in the body and for something that does not exist, so that nothing happens.
    async fn status(&self, method: &str, path: &str, asker: Asker) -> u16 {
        let path = path.replace("{id}", "550e8400-e29b-41d4-a716-446655440000");
        let token = &self.tokens[asker.name()];
        if path == "/ws" {
            let query = format!("?version=0&token={token}");
            return self.server.try_join(&query, &[]).await.map_or_else(|status| status, |_| 101);
        }
        let method = method.parse().expect("a method");
        let (status, body) = send(&self.server, method, &path, token, json!({})).await;
        let message = match status {
            401 => "Unauthorized",
            403 => "Forbidden resource",
            _ => return status,
        };
        assert_eq!((&body["message"], &body["statusCode"]), (&json!(message), &json!(status)), "{path}");
        status
    }
}

async fn send(server: &Server, method: Method, path: &str, token: &str, body: Value) -> (u16, Value) {
    let mut request = server.http.request(method.clone(), server.url(path));
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    if method != Method::GET {
        request = request.json(&body);
    }
    let answer = soon("an answer", request.send()).await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

/// Every operation of the document with its security.
fn documented(document: &Value) -> BTreeMap<(String, String), Value> {
    let mut found = BTreeMap::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            found.insert((path.clone(), method.to_uppercase()), operation["security"].clone());
        }
    }
    found
}

fn row(method: &str, path: &str, who: For) -> String {
    let mut row = format!("| `{method} {path}` ");
    for asker in Asker::ALL {
        match who.refusal(asker) {
            None => row.push_str("| yes "),
            Some(status) => write!(row, "| {status} ").expect("a string takes everything"),
        }
    }
    row + "|\n"
}

fn matrix() -> String {
    let mut table =
        "| route | nobody | User | Technician | Admin | Screen |\n|---|---|---|---|---|---|\n".to_owned();
    for (method, path, who) in TABLE.iter().copied() {
        table.push_str(&row(method, path, who));
    }
    table
}

#[tokio::test]
async fn each_route_is_for_its_roles_and_the_document_says_so() {
    let world = World::open().await;
    let document = world.server.json("/openapi.json").await;
    let mut documented = documented(&document);
    for (method, path, who) in TABLE.iter().copied() {
        let security = documented.remove(&(path.to_owned(), method.to_owned()));
        assert_eq!(security, Some(who.security()), "the document about {method} {path}");
        for asker in Asker::ALL {
            let status = world.status(method, path, asker).await;
            let name = asker.name();
            match who.refusal(asker) {
                Some(refusal) => assert_eq!(status, refusal, "{method} {path} as {name}"),
                None => assert!(!matches!(status, 401 | 403 | 500..), "{method} {path} as {name}: {status}"),
            }
        }
    }
    let missing: Vec<_> = documented.into_keys().collect();
    assert!(missing.is_empty(), "routes without a line in the table: {missing:?}");
    println!("{}", matrix());
}

#[test]
fn the_table_of_the_documentation_is_that_of_this_test() {
    const BEGIN: &str = "<!-- roles: written by server/tests/it/roles.rs -->\n";
    const END: &str = "<!-- end -->";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/roles.md");
    let text = std::fs::read_to_string(&path).expect("docs/roles.md");
    let (before, rest) = text.split_once(BEGIN).expect("the marker");
    let (_, after) = rest.split_once(END).expect("the end marker");
    let expected = format!("{before}{BEGIN}{}{END}{after}", matrix());
    if std::env::var_os("PULSO_WRITE_DOCS").is_some() {
        std::fs::write(&path, expected).expect("a writable file");
        return;
    }
    assert_eq!(text, expected, "write it anew: PULSO_WRITE_DOCS=1 cargo test -p pulso --test it roles");
}
