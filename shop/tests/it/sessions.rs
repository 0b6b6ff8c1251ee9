//! Staying signed in, and who is told to wait. Time is told by the test.

use super::support::*;
use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shop::{Admin, Claims, Clock, Options, Registration, Requester, Role};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use tower::ServiceExt;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// A shop with the administrator `ana@x.co`, whose time stands still until the test moves it on.
struct Timed {
    test: TestShop,
    now: Arc<AtomicI64>,
}

/// What came back: the status, the token, and the cookie as a browser would send it (empty when it was cleared).
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Timed {
    async fn open() -> Timed {
        Timed::with(|options| options).await
    }

    async fn with(change: impl FnOnce(Options) -> Options) -> Timed {
        let now = Arc::new(AtomicI64::new(20_000 * DAY));
        let told = now.clone();
        let test = TestShop::changed(|options| {
            let admin = Admin { email: "ana@x.co".into(), password: SecretString::from("secret1") };
            let clock = Clock::new(move || told.load(Relaxed));
            change(Options { admin: Some(admin), clock, ..options })
        })
        .await;
        Timed { test, now }
    }

    fn pass(&self, ms: i64) {
        self.now.fetch_add(ms, Relaxed);
    }

    async fn send(&self, path: &str, cookie: &str, body: Value, from: Requester) -> Answer {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let mut request = request(Method::POST, path, "", body);
        if !cookie.is_empty() {
            request.headers_mut().insert(header::COOKIE, cookie.parse().expect("a header value"));
        }
        request.extensions_mut().insert(from);
        let response = self.test.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn login(&self, email: &str, password: &str, from: Requester) -> Answer {
        self.send("/auth/login", "", json!({"email": email, "password": password}), from).await
    }

    async fn signed_in(&self) -> Answer {
        let answer = self.login("ana@x.co", "secret1", address(1)).await;
        assert_eq!(answer.status, StatusCode::OK);
        answer
    }

    async fn refresh(&self, cookie: &str) -> Answer {
        self.send("/auth/refresh", cookie, Value::Null, address(1)).await
    }

    /// It is over: 401, and the browser forgets the cookie.
    async fn refuses(&self, cookie: &str) {
        let answer = self.refresh(cookie).await;
        assert_eq!((answer.status, &answer.body), (StatusCode::UNAUTHORIZED, &unauthorized()));
        assert_eq!(answer.cookie(), "pulso-refresh=");
    }

    fn claims(&self, answer: &Answer) -> Claims {
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let token = answer.body["access_token"].as_str().expect("a token");
        self.test.shop.tokens().verify(token).expect("a token of now")
    }

    async fn sign_ins(&self) -> i64 {
        self.test.number("SELECT COUNT(*) FROM sign_ins").await
    }
}

impl Answer {
    fn set_cookie(&self) -> &str {
        self.headers[header::SET_COOKIE].to_str().expect("a text")
    }

    fn cookie(&self) -> String {
        self.set_cookie().split(';').next().expect("a pair").to_owned()
    }

    fn retry_after(&self) -> &str {
        self.headers[header::RETRY_AFTER].to_str().expect("a text")
    }
}

/// With 4 MiB and one pass; and how a sign-in marks that it began with it.
fn weak_hash(password: &str) -> (String, String) {
    use argon2::password_hash::{PasswordHasher, SaltString};
    use argon2::{Algorithm, Argon2, Params, Version};
    let params = Params::new(4096, 1, 1, None).expect("parameters");
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let salt = SaltString::encode_b64(b"somebody's salt").expect("a salt");
    let hash = argon.hash_password(password.as_bytes(), &salt).expect("a hash").to_string();
    let mark = URL_SAFE_NO_PAD.encode(Sha256::digest(&hash));
    (hash, mark)
}

fn address(last: u8) -> Requester {
    Requester { address: IpAddr::from([10, 0, 0, last]), secure: false, this_machine: false }
}

#[tokio::test]
async fn a_refresh_token_gives_the_next_token_and_the_next_refresh_token() {
    let shop = Timed::open().await;
    let signed_in = shop.signed_in().await;
    assert_eq!(signed_in.body.as_object().expect("an object").len(), 1, "the contract's body");
    assert!(signed_in.set_cookie().ends_with("; Path=/auth; Max-Age=2592000; HttpOnly; SameSite=Strict"));
    assert_eq!(signed_in.headers[header::CACHE_CONTROL], "no-store");
    let first = shop.claims(&signed_in);
    assert_eq!(first.exp - first.iat, 12 * 60 * 60, "the original's clients keep it for a day's work");

    shop.pass(DAY);
    let again = shop.refresh(&signed_in.cookie()).await;
    let second = shop.claims(&again);
    assert_eq!((&second.sub, &second.email, second.role), (&first.sub, &first.email, Role::Admin));
    assert_eq!((second.iat - first.iat, second.exp - second.iat), (24 * 60 * 60, 15 * 60));
    assert_ne!(again.cookie(), signed_in.cookie());
    shop.pass(DAY);
    assert_eq!(shop.refresh(&again.cookie()).await.status, StatusCode::OK);
    assert_eq!(shop.sign_ins().await, 1);
}

#[tokio::test]
async fn an_old_refresh_token_ends_the_sign_in() {
    let shop = Timed::open().await;
    let (robbed, other) = (shop.signed_in().await, shop.signed_in().await);
    shop.pass(MINUTE);
    let thief = shop.refresh(&robbed.cookie()).await;
    assert_eq!(thief.status, StatusCode::OK);
    shop.pass(MINUTE);
    shop.refuses(&robbed.cookie()).await;
    shop.refuses(&thief.cookie()).await;
    assert_eq!(shop.refresh(&other.cookie()).await.status, StatusCode::OK, "only that sign-in");
}

#[tokio::test]
async fn a_token_of_long_ago_ends_the_sign_in_even_within_a_moment() {
    let shop = Timed::open().await;
    let first = shop.signed_in().await;
    let second = shop.refresh(&first.cookie()).await;
    let third = shop.refresh(&second.cookie()).await;
    shop.refuses(&first.cookie()).await;
    shop.refuses(&third.cookie()).await;
}

#[tokio::test]
async fn two_tabs_that_refresh_at_once_both_stay_signed_in() {
    let shop = Timed::open().await;
    let cookie = shop.signed_in().await.cookie();
    let (one, other) = tokio::join!(shop.refresh(&cookie), shop.refresh(&cookie));
    assert_eq!((one.status, other.status), (StatusCode::OK, StatusCode::OK));
    // Whichever answer comes last, the browser holds the same one.
    assert_eq!(one.cookie(), other.cookie());
    shop.pass(DAY);
    assert_eq!(shop.refresh(&one.cookie()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_token_of_ours_is_refused_and_ends_nothing() {
    let shop = Timed::open().await;
    let mine = shop.signed_in().await;
    for cookie in ["", "a=b", "pulso-refresh=", "pulso-refresh=x.y", "pulso-refresh=\u{e9}"] {
        shop.refuses(cookie).await;
    }
    let (value, id) = (mine.cookie(), uuid::Uuid::new_v4());
    shop.refuses(&format!("pulso-refresh={id}.{}", value.split('.').nth(1).expect("a secret"))).await;
    assert_eq!(shop.refresh(&value).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_sign_in_ends_when_nobody_uses_it_and_after_ninety_days_in_any_case() {
    let shop = Timed::open().await;
    let unused = shop.signed_in().await;
    shop.pass(30 * DAY);
    shop.refuses(&unused.cookie()).await;

    let mut used = shop.signed_in().await;
    for _ in 0..4 {
        shop.pass(20 * DAY);
        used = shop.refresh(&used.cookie()).await;
        assert_eq!(used.status, StatusCode::OK);
    }
    assert!(used.set_cookie().contains("Max-Age=864000;"), "{}", used.set_cookie());
    shop.pass(10 * DAY);
    shop.refuses(&used.cookie()).await;
    assert_eq!(shop.sign_ins().await, 0);
}

#[tokio::test]
async fn whoever_signs_out_is_out_however_often_and_without_a_token() {
    let shop = Timed::open().await;
    let cookie = shop.signed_in().await.cookie();
    shop.pass(DAY);
    for cookie in [&*cookie, &*cookie, "", "pulso-refresh=x"] {
        let out = shop.send("/auth/logout", cookie, Value::Null, address(1)).await;
        assert_eq!((out.status, out.body), (StatusCode::NO_CONTENT, Value::Null));
        assert_eq!(
            out.headers[header::SET_COOKIE],
            "pulso-refresh=; Path=/auth; Max-Age=0; HttpOnly; SameSite=Strict"
        );
        assert_eq!(shop.sign_ins().await, 0);
    }
    shop.refuses(&cookie).await;
}

#[tokio::test]
async fn a_browser_that_signs_in_again_leaves_no_sign_in_behind() {
    let shop = Timed::open().await;
    let before = shop.signed_in().await.cookie();
    let body = json!({"email": "ana@x.co", "password": "secret1"});
    let after = shop.send("/auth/login", &before, body, address(1)).await;
    assert_eq!((after.status, shop.sign_ins().await), (StatusCode::OK, 1));
    shop.refuses(&before).await;
    assert_eq!(shop.refresh(&after.cookie()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn whoever_is_deleted_or_has_another_password_is_signed_out_and_another_role_is_taken_over() {
    let shop = Timed::open().await;
    let cookie = shop.signed_in().await.cookie();
    shop.test.run("UPDATE users SET role = 'Technician' WHERE email = 'ana@x.co'").await;
    let answer = shop.refresh(&cookie).await;
    assert_eq!(shop.claims(&answer).role, Role::Technician);

    let token = answer.body["access_token"].as_str().expect("a token");
    let (status, _) = shop.test.patch("/users/profile", token, json!({"password": "secret3"})).await;
    assert_eq!(status, StatusCode::OK);
    shop.refuses(&answer.cookie()).await;
    assert_eq!(shop.login("ana@x.co", "secret3", address(1)).await.status, StatusCode::OK);
    shop.test.run("DELETE FROM sign_ins").await;
    assert_eq!(shop.sign_ins().await, 0);

    let shop = Timed::open().await;
    let cookie = shop.signed_in().await.cookie();
    shop.test.run("DELETE FROM users WHERE email = 'ana@x.co'").await;
    assert_eq!(shop.sign_ins().await, 0);
    shop.refuses(&cookie).await;
}

#[tokio::test]
async fn nothing_that_is_kept_gives_a_token_away() {
    let shop = Timed::open().await;
    let first = shop.signed_in().await;
    let second = shop.refresh(&first.cookie()).await;
    for answer in [&first, &second] {
        let (_, secret) = answer.set_cookie().split_once('.').expect("a secret");
        let secret = secret.split(';').next().expect("a secret");
        let found = format!(
            "SELECT COUNT(*) FROM sign_ins WHERE token_hash LIKE '%{secret}%' OR previous_hash LIKE '%{secret}%'"
        );
        assert_eq!(shop.test.number(&found).await, 0);
        assert!(!format!("{:?}", answer.headers).contains(secret), "the header is marked as a secret");
    }
}

#[tokio::test]
async fn the_demos_link_signs_in_once_for_a_while_and_at_this_machine_only() {
    let shop = Timed::with(|options| Options { admin: None, demo: true, ..options }).await;
    let here = Requester { this_machine: true, ..address(1) };
    let open =
        async |code: &str, from: Requester| shop.send("/auth/link", "", json!({"code": code}), from).await;
    let code = shop.test.shop.one_time_code().expect("the demo's own administrator is there");
    assert_eq!(open("guessed", here).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(open(&code, address(1)).await.status, StatusCode::UNAUTHORIZED);
    let signed_in = open(&code, here).await;
    let claims = shop.claims(&signed_in);
    assert_eq!((claims.email.as_str(), claims.role), ("admin@pulso.demo", Role::Admin));
    assert_eq!(shop.refresh(&signed_in.cookie()).await.status, StatusCode::OK);
    let again = open(&code, here).await;
    assert_eq!(
        (again.status, &again.body["message"]),
        (StatusCode::UNAUTHORIZED, &json!("This link is not good any more"))
    );

    let late = shop.test.shop.one_time_code().expect("another one");
    shop.pass(10 * MINUTE);
    assert_eq!(open(&late, here).await.status, StatusCode::UNAUTHORIZED);
    let none = Timed::open().await;
    assert_eq!(none.test.shop.one_time_code(), None, "a shop of one's own has no link");
}

#[tokio::test]
async fn the_demos_link_is_still_good_when_nobody_was_signed_in_by_it() {
    let shop = Timed::with(|options| Options { admin: None, demo: true, ..options }).await;
    let here = Requester { this_machine: true, ..address(1) };
    let code = shop.test.shop.one_time_code().expect("the demo's own administrator is there");
    shop.test.run("ALTER TABLE sign_ins RENAME TO away").await;
    let failed = shop.send("/auth/link", "", json!({"code": code}), here).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    shop.test.run("ALTER TABLE away RENAME TO sign_ins").await;
    assert_eq!(shop.send("/auth/link", "", json!({"code": code}), here).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_id_of_a_sign_in_is_not_enough_to_end_it() {
    let shop = Timed::open().await;
    let first = shop.signed_in().await.cookie();
    let (id, _) = first.split_once('.').expect("an id and a secret");
    let made_up = format!("{id}.{}", URL_SAFE_NO_PAD.encode([7; 32]));
    let out = shop.send("/auth/logout", &made_up, Value::Null, address(1)).await;
    assert_eq!((out.status, shop.sign_ins().await), (StatusCode::NO_CONTENT, 1));
    // The token before the current one is enough.
    assert_eq!(shop.refresh(&first).await.status, StatusCode::OK);
    shop.send("/auth/logout", &first, Value::Null, address(1)).await;
    assert_eq!(shop.sign_ins().await, 0);
}

#[tokio::test]
async fn an_account_that_is_guessed_waits_and_a_success_clears_it() {
    let shop = Timed::open().await;
    let guess = async |from: u8| shop.login("ana@x.co", "secret2", address(from)).await;
    for from in 10..20 {
        assert_eq!(guess(from).await.status, StatusCode::UNAUTHORIZED);
    }
    let refused = guess(30).await;
    assert_eq!((refused.status, refused.retry_after()), (StatusCode::TOO_MANY_REQUESTS, "60"));
    assert_eq!(refused.body["message"], "Too many tries, please try again in 60 seconds");
    // The right password does not help either, or the answer would tell that it is right.
    assert_eq!(shop.login("ana@x.co", "secret1", address(30)).await.status, StatusCode::TOO_MANY_REQUESTS);
    shop.pass(MINUTE);
    assert_eq!(shop.login("ANA@x.co", "secret1", address(30)).await.status, StatusCode::OK);
    for from in 40..50 {
        assert_eq!(guess(from).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(guess(50).await.status, StatusCode::TOO_MANY_REQUESTS);
    // Where she was before, she gets in.
    assert_eq!(shop.login("ana@x.co", "secret1", address(30)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_address_that_guesses_waits_and_a_success_does_not_clear_it() {
    let shop = Timed::open().await;
    for one in 0..20 {
        let answer = shop.login(&format!("{one}@x.co"), "secret2", address(7)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        if one == 10 {
            assert_eq!(shop.login("ana@x.co", "secret1", address(7)).await.status, StatusCode::OK);
        }
    }
    let refused = shop.login("new@x.co", "secret2", address(7)).await;
    assert_eq!((refused.status, refused.retry_after()), (StatusCode::TOO_MANY_REQUESTS, "15"));
    assert_eq!(shop.login("new@x.co", "secret2", address(8)).await.status, StatusCode::UNAUTHORIZED);
    // What is no sign-in at all is no try.
    let wrong = shop.send("/auth/login", "", json!({"email": 1}), address(7)).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    shop.pass(15_000);
    assert_eq!(shop.login("new@x.co", "secret2", address(7)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn sign_ins_at_the_same_moment_are_not_all_the_first() {
    let shop = Timed::open().await;
    let guesses = (0..30).map(|_| shop.login("ana@x.co", "secret2", address(9)));
    let answers = futures_util::future::join_all(guesses).await;
    let looked_at = answers.iter().filter(|answer| answer.status == StatusCode::UNAUTHORIZED).count();
    assert_eq!(looked_at, 10);
}

#[tokio::test]
async fn whoever_registers_too_often_waits_and_where_it_is_closed_nobody_registers() {
    let shop = Timed::open().await;
    // It is taken, but that is found out after the work.
    let body = json!({"name": "Ana", "email": "ana@x.co", "password": "secret1"});
    let register =
        async |shop: &Timed, from: u8| shop.send("/auth/register", "", body.clone(), address(from)).await;
    for _ in 0..20 {
        assert_eq!(register(&shop, 1).await.status, StatusCode::BAD_REQUEST);
    }
    let refused = register(&shop, 1).await;
    assert_eq!((refused.status, refused.retry_after()), (StatusCode::TOO_MANY_REQUESTS, "15"));
    assert_eq!(register(&shop, 2).await.status, StatusCode::BAD_REQUEST);

    let closed = Timed::with(|options| Options { registration: Registration::Closed, ..options }).await;
    let refused = register(&closed, 1).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let says = "Registration is closed: an administrator of the shop can add you";
    assert_eq!(refused.body, json!({"message": says, "error": "Forbidden", "statusCode": 403}));
}

#[tokio::test]
async fn a_weak_hash_is_replaced_at_the_next_sign_in_and_signs_nobody_out() {
    let shop = Timed::open().await;
    let before = shop.signed_in().await;
    // The same password, and the sign-in that began with it.
    let (hash, mark) = weak_hash("secret1");
    shop.test.run(&format!("UPDATE users SET password_hash = '{hash}' WHERE email = 'ana@x.co'")).await;
    shop.test.run(&format!("UPDATE sign_ins SET password_mark = '{mark}'")).await;
    assert_eq!(shop.login("ana@x.co", "secret2", address(1)).await.status, StatusCode::UNAUTHORIZED);
    let weak = format!("SELECT COUNT(*) FROM users WHERE password_hash = '{hash}'");
    assert_eq!(shop.test.number(&weak).await, 1, "a wrong password replaces nothing");
    let after = shop.signed_in().await;
    let strong = "SELECT COUNT(*) FROM users WHERE password_hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'";
    assert_eq!(shop.test.number(strong).await, 1);
    assert_eq!(shop.refresh(&before.cookie()).await.status, StatusCode::OK);
    assert_eq!(shop.refresh(&after.cookie()).await.status, StatusCode::OK);
    shop.signed_in().await;
}

#[tokio::test]
async fn a_password_of_any_length_is_no_work_for_us() {
    let shop = Timed::open().await;
    let answer = shop.login("ana@x.co", &"x".repeat(257), address(1)).await;
    let says = json!(["password must be shorter than or equal to 256 characters"]);
    assert_eq!((answer.status, &answer.body["message"]), (StatusCode::BAD_REQUEST, &says));
    let longest = shop.login("ana@x.co", &"ñ".repeat(256), address(1)).await;
    assert_eq!(longest.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn somebody_who_signs_in_again_and_again_leaves_no_more_than_fifty_sign_ins_behind() {
    let shop = Timed::open().await;
    let first = shop.signed_in().await.cookie();
    let copies = "INSERT INTO sign_ins (id, user_id, token_hash, password_mark, began_at, used_at, expires_at) \
                  SELECT 'copy' || n, user_id, token_hash, password_mark, began_at, used_at, expires_at + 1 FROM sign_ins, \
                  (WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 60) \
                  SELECT n FROM numbers) AS numbers";
    shop.test.run(copies).await;
    shop.pass(1);
    let last = shop.signed_in().await.cookie();
    assert_eq!(shop.sign_ins().await, 50);
    shop.refuses(&first).await;
    assert_eq!(shop.refresh(&last).await.status, StatusCode::OK);
    shop.pass(30 * DAY);
    shop.signed_in().await;
    assert_eq!(shop.sign_ins().await, 1, "those that ran out are removed");
}
