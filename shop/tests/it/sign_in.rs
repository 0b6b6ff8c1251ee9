//! Who gets in, and what stays secret.

use super::support::*;
use axum::http::{Method, StatusCode};
use secrecy::SecretString;
use serde_json::json;
use shop::{Admin, Options, Role, Shop, Tokens};
use std::time::Duration;

#[tokio::test]
async fn whoever_registers_signs_in_and_sees_their_profile() {
    let shop = TestShop::open().await;
    let body = json!({"name": " Ana ", "email": "Ana@X.co", "password": "  secret1  "});
    let (status, made) = shop.post("/auth/register", "", body.clone()).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(
        (&made["name"], &made["email"], &made["role"]),
        (&json!("Ana"), &json!("ana@x.co"), &json!("User"))
    );
    assert!(made.get("password").is_none() && !made.to_string().contains("argon2"), "{made}");
    let created = made["createdAt"].as_str().expect("a time");
    assert_eq!((created.len(), created.ends_with('Z'), &created[19..20]), (24, true, "."));

    let taken = bad_request("A user already exists with this associated email address.");
    assert_eq!(shop.post("/auth/register", "", body).await, (StatusCode::BAD_REQUEST, taken));

    let (status, signed_in) =
        shop.post("/auth/login", "", json!({"email": "ana@x.co", "password": "secret1"})).await;
    assert_eq!(status, StatusCode::OK);
    let token = signed_in["access_token"].as_str().expect("a token");
    let claims = shop.shop.tokens().verify(token).expect("ours");
    assert_eq!((claims.sub.as_str(), claims.role), (made["id"].as_str().expect("an id"), Role::User));

    let (status, profile) = shop.get("/auth/profile", token).await;
    assert_eq!((status, &profile["id"], &profile["equipments"]), (StatusCode::OK, &made["id"], &json!([])));
}

#[tokio::test]
async fn a_token_must_be_ours_and_in_time() {
    let shop = TestShop::open().await;
    let id = uuid::Uuid::new_v4().to_string();
    let expired = shop.shop.tokens().issue(&id, "a@x.co", Role::Admin, Duration::ZERO);
    let foreign = Tokens::new(&[7; 32]).issue(&id, "a@x.co", Role::Admin, Duration::from_secs(60));
    for token in ["", "x", "a.b.c", &expired, &foreign] {
        assert_eq!(shop.get("/users", token).await, (StatusCode::UNAUTHORIZED, unauthorized()), "{token}");
    }
    // Someone who is not there any more.
    let gone = shop.shop.tokens().issue(&id, "a@x.co", Role::User, Duration::from_secs(60));
    assert_eq!(shop.get("/auth/profile", &gone).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_key_is_kept_and_its_file_and_the_shops_are_for_their_owner_alone() {
    let shop = TestShop::open().await;
    let token = shop.shop.tokens().issue("7", "a@x.co", Role::Admin, Duration::from_secs(60));
    let again = Shop::open(options(&shop.database), nobody_listens()).await.expect("the same shop");
    assert_eq!(again.tokens().verify(&token).expect("the same key").sub, "7");
    #[cfg(unix)]
    if let Some(database) = shop.database.file() {
        use std::os::unix::fs::PermissionsExt;
        for suffix in ["db", "db-wal", "db.jwt"] {
            let file = std::fs::metadata(database.with_extension(suffix)).expect("a file");
            assert_eq!(file.permissions().mode() & 0o777, 0o600, "{suffix}");
        }
    }
}

#[tokio::test]
async fn wrong_settings_end_the_start_with_one_clear_line() {
    let database = new_database().await;
    let admin = |email: &str, password: &str| {
        Some(Admin { email: email.into(), password: SecretString::from(password) })
    };
    let cases: [(Options, &str); 7] = [
        (Options { database_url: "mysql://x".into(), ..options(&database) }, "DATABASE_URL must begin with"),
        (Options { database_url: "sqlite::memory:".into(), ..options(&database) }, "must name a file"),
        (
            Options { database_url: "sqlite:///no/such/folder/x.db".into(), ..options(&database) },
            "/no/such/folder/x.db cannot be opened",
        ),
        (
            Options { jwt_secret: Some("short".into()), ..options(&database) },
            "JWT_SECRET has 5 bytes, and needs 32",
        ),
        (
            Options { time_zone: Some("Mars/Olympus".into()), ..options(&database) },
            "Mars/Olympus is no time zone; expected one such as America/Guayaquil",
        ),
        (Options { admin: admin("nobody", "secret1"), ..options(&database) }, "is no mail address"),
        (Options { admin: admin("a@x.co", "123"), ..options(&database) }, "password needs 6"),
    ];
    for (options, says) in cases {
        let error = Shop::open(options, nobody_listens()).await.err().expect(says);
        let line = format!("{error:#}");
        assert!(line.contains(says) && !line.contains('\n'), "{line}");
    }
}

#[tokio::test]
async fn the_first_administrator_is_made_once() {
    let database = new_database().await;
    let with = |email: &str| Options {
        admin: Some(Admin { email: email.into(), password: SecretString::from(" secreto ") }),
        ..options(&database)
    };
    Shop::open(with("Jefa@X.co"), nobody_listens()).await.expect("a shop");
    let shop = Shop::open(with("otra@x.co"), nobody_listens()).await.expect("the same shop");
    assert!(shop.sign_in().is_none());
    let sign_in = async |email: &str| {
        let body = json!({"email": email, "password": "secreto"}).to_string();
        let response =
            tower::ServiceExt::oneshot(shop.router(), request(Method::POST, "/auth/login", "", body)).await;
        response.expect("infallible").status()
    };
    assert_eq!(sign_in("jefa@x.co").await, StatusCode::OK);
    assert_eq!(sign_in("otra@x.co").await, StatusCode::UNAUTHORIZED);
}
