//! On both databases, and in scripted time: no test here waits for a clock.

use super::*;
use testing::{Database, Kind};

/// Which database these tests run on: this file is compiled once for each.
const KIND: Kind = match module_path!().as_bytes() {
    b"shop::screens::sqlite" => Kind::Sqlite,
    b"shop::screens::postgres" => Kind::Postgres,
    _ => panic!("these tests belong to one of the two"),
};

const AT: i64 = 1_763_519_756_007;
const MINUTE: i64 = 60_000;

fn here() -> IpAddr {
    IpAddr::from([10, 0, 0, 1])
}

fn from(number: u8) -> IpAddr {
    IpAddr::from([10, 0, 1, number])
}

async fn reopened(database: &Database) -> Screens {
    let store = Store::open(database.url()).await.expect("a store");
    Screens::kept_in(store).await.expect("screens")
}

async fn screens() -> (Database, Screens) {
    let database = Database::new(KIND).await;
    let screens = reopened(&database).await;
    (database, screens)
}

fn code(pairing: &Pairing) -> Code {
    Code::parse(&pairing.code).expect("six digits")
}

fn status<T>(answer: Result<T, Error>) -> u16 {
    answer.err().map_or(200, |error| error.status().as_u16())
}

fn granted(ticket: Ticket) -> String {
    match ticket {
        Ticket::Granted { access_token, .. } => access_token,
        Ticket::Waiting => panic!("it waits"),
    }
}

/// The secret and the token of a screen that somebody let in.
async fn let_in(screens: &Screens, at: i64) -> (Screen, String, String) {
    let pairing = screens.pair(here(), at).await.expect("a code");
    let screen = screens.approve(here(), code(&pairing), "Entrada".into(), at).await.expect("approved");
    let ticket = screens.token(&pairing.secret, at).await.expect("a ticket");
    (screen, pairing.secret, granted(ticket))
}

fn is_good(screens: &Screens, token: &str, at: i64) -> bool {
    screens.recognise(token, at).expect("a screen's token").is_ok()
}

#[tokio::test]
async fn a_screen_waits_until_somebody_enters_its_code_and_then_sees() {
    let (_database, screens) = screens().await;
    let pairing = screens.pair(here(), AT).await.expect("a code");
    assert_eq!((pairing.code.len(), pairing.expires_in), (6, 300));
    let ticket = screens.token(&pairing.secret, AT).await.expect("an answer");
    assert!(matches!(ticket, Ticket::Waiting));
    assert!(screens.list().await.expect("a list").is_empty(), "who waits is no screen yet");

    let name = "Entrada".to_owned();
    let screen = screens.approve(here(), code(&pairing), name, AT + 1000).await.expect("approved");
    let token = granted(screens.token(&pairing.secret, AT + 2000).await.expect("a ticket"));
    assert!(is_good(&screens, &token, AT + 2000));
    let [listed] = &screens.list().await.expect("a list")[..] else { panic!("one screen") };
    assert_eq!((&listed.screen.id, listed.screen.name.as_str()), (&screen.id, "Entrada"));
    assert_eq!(listed.screen.created_at, crate::store::iso(AT));
    assert_eq!(listed.screen.approved_at, crate::store::iso(AT + 1000));
    assert_eq!(listed.screen.last_seen, Some(crate::store::iso(AT + 2000)));
    assert_eq!(listed.connected, 0);
}

#[tokio::test]
async fn a_code_lives_five_minutes_and_its_screen_is_told_when_it_is_over() {
    let (_database, screens) = screens().await;
    let pairing = screens.pair(here(), AT).await.expect("a code");
    let end = AT + 5 * MINUTE;
    assert!(matches!(screens.token(&pairing.secret, end - 1).await, Ok(Ticket::Waiting)));
    assert_eq!(status(screens.token(&pairing.secret, end).await), 410);
    assert_eq!(status(screens.approve(here(), code(&pairing), "x".into(), end).await), 404);

    // The next pairing tidies up: told for an hour, then unknown.
    screens.pair(here(), end + 59 * MINUTE).await.expect("a code");
    assert_eq!(status(screens.token(&pairing.secret, end + 59 * MINUTE).await), 410);
    screens.pair(here(), end + 60 * MINUTE).await.expect("a code");
    assert_eq!(status(screens.token(&pairing.secret, end + 60 * MINUTE).await), 401);
}

#[tokio::test]
async fn a_code_is_approved_in_its_last_moment_and_the_screen_stays() {
    let (_database, screens) = screens().await;
    let pairing = screens.pair(here(), AT).await.expect("a code");
    screens.approve(here(), code(&pairing), "x".into(), AT + 5 * MINUTE - 1).await.expect("approved");
    screens.pair(here(), AT + 1000 * MINUTE).await.expect("a code");
    granted(screens.token(&pairing.secret, AT + 1000 * MINUTE).await.expect("a ticket"));
}

#[tokio::test]
async fn a_code_serves_once() {
    let (_database, screens) = screens().await;
    let pairing = screens.pair(here(), AT).await.expect("a code");
    screens.approve(here(), code(&pairing), "one".into(), AT).await.expect("approved");
    assert_eq!(status(screens.approve(here(), code(&pairing), "two".into(), AT).await), 404);
    let at_once = screens.pair(here(), AT).await.expect("a code");
    let (one, two) = tokio::join!(
        screens.approve(here(), code(&at_once), "one".into(), AT),
        screens.approve(here(), code(&at_once), "two".into(), AT)
    );
    let mut both = [status(one), status(two)];
    both.sort_unstable();
    assert_eq!(both, [200, 404]);
}

#[tokio::test]
async fn no_two_screens_show_the_same_code_and_one_that_ran_out_is_given_again() {
    let (_database, screens) = screens().await;
    let mut tx = screens.0.store.write().await.expect("a transaction");
    let waiting = |id: &str| Waiting {
        id: id.into(),
        secret_hash: id.into(),
        code: "000042".into(),
        code_until: AT + 5 * MINUTE,
    };
    assert!(rows::add(&mut tx, &waiting("a"), AT).await.expect("added"));
    assert!(!rows::add(&mut tx, &waiting("b"), AT).await.expect("refused"));
    assert_eq!(rows::tidy(&mut tx, AT + 5 * MINUTE - 1, AT).await.expect("tidied"), 1);
    assert_eq!(rows::tidy(&mut tx, AT + 5 * MINUTE, AT).await.expect("tidied"), 0);
    assert!(rows::add(&mut tx, &waiting("c"), AT + 5 * MINUTE).await.expect("added"));
}

#[tokio::test]
async fn only_so_many_wait_at_once() {
    let (_database, screens) = screens().await;
    for number in 0..WAITING {
        screens.pair(from(number as u8), AT).await.expect("a code");
    }
    assert_eq!(status(screens.pair(here(), AT).await), 503);
    screens.pair(here(), AT + 5 * MINUTE).await.expect("their codes ran out");
}

#[tokio::test]
async fn guessing_and_pairing_are_throttled_by_address() {
    let (_database, screens) = screens().await;
    let wrong = || Code::parse("000000").expect("six digits");
    let pairing = loop {
        let pairing = screens.pair(here(), AT).await.expect("a code");
        if code(&pairing) != wrong() {
            break pairing;
        }
    };
    for _ in 0..GUESSES.at_once {
        assert_eq!(status(screens.approve(here(), wrong(), "x".into(), AT).await), 404);
    }
    // Not even the right one, from here.
    let refused = screens.approve(here(), code(&pairing), "x".into(), AT).await;
    let response = axum::response::IntoResponse::into_response(refused.expect_err("throttled"));
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (429, &axum::http::HeaderValue::from(30))
    );
    assert_eq!(status(screens.approve(here(), wrong(), "x".into(), AT + MINUTE).await), 404);
    screens.approve(from(1), code(&pairing), "x".into(), AT + MINUTE).await.expect("another address");

    for _ in 0..PAIRINGS.at_once {
        screens.pair(from(2), AT).await.expect("a code");
    }
    assert_eq!(status(screens.pair(from(2), AT).await), 429);
}

#[tokio::test]
async fn right_codes_are_no_guesses() {
    let (_database, screens) = screens().await;
    for number in 0..2 * GUESSES.at_once as u8 {
        let pairing = screens.pair(from(number), AT).await.expect("a code");
        screens.approve(here(), code(&pairing), "x".into(), AT).await.expect("approved");
    }
}

#[tokio::test]
async fn a_token_is_renewed_for_as_long_as_nobody_revokes_the_screen() {
    let (_database, screens) = screens().await;
    let (screen, secret, token) = let_in(&screens, AT).await;
    let end = (AT / 1000 + LIFETIME_SECS) * 1000;
    assert!(is_good(&screens, &token, end - 1));
    assert!(!is_good(&screens, &token, end), "no leeway");
    let year_later = AT + 365 * 24 * 60 * MINUTE;
    let renewed = granted(screens.token(&secret, year_later).await.expect("a ticket"));
    assert!(is_good(&screens, &renewed, year_later));

    screens.revoke(screen.id.clone()).await.expect("revoked");
    assert!(!is_good(&screens, &renewed, year_later));
    assert_eq!(status(screens.token(&secret, year_later).await), 401);
    assert_eq!(status(screens.revoke(screen.id).await), 404);
    assert_eq!(status(screens.token("anything", AT).await), 401);
}

#[tokio::test]
async fn whoever_looks_through_a_revoked_screen_is_told_even_if_they_ask_late() {
    let (_database, screens) = screens().await;
    let (screen, _, token) = let_in(&screens, AT).await;
    let pass = screens.recognise(&token, AT).expect("a screen's").expect("a good one");
    let early = pass.revoked();
    screens.revoke(screen.id).await.expect("revoked");
    tokio::join!(early, pass.revoked());
}

#[tokio::test]
async fn a_revocation_between_the_question_and_the_answer_is_not_forgotten() {
    let (_database, screens) = screens().await;
    let (screen, secret, _) = let_in(&screens, AT).await;
    screens.revoke(screen.id.clone()).await.expect("revoked");
    // It was found approved just before.
    assert_eq!(status(screens.grant(&screen.id, 0, &hash(&secret), AT).await), 401);
    assert!(screens.0.live.get(&screen.id).is_none(), "nobody would revoke it again");
}

#[tokio::test]
async fn a_restart_knows_the_screens_and_their_tokens() {
    let (database, screens) = screens().await;
    let (screen, secret, token) = let_in(&screens, AT).await;
    drop(screens);
    let again = reopened(&database).await;
    assert!(is_good(&again, &token, AT), "without a question first");
    granted(again.token(&secret, AT).await.expect("a ticket"));
    again.revoke(screen.id).await.expect("revoked");
    let after = reopened(&database).await;
    assert!(!is_good(&after, &token, AT));
}

#[tokio::test]
async fn what_the_command_line_does_is_seen_by_a_server_beside_it() {
    let (database, screens) = screens().await;
    let url = database.url();
    let pairing = screens.pair(here(), now()).await.expect("a code");
    let screen = approve(url, &code(&pairing), "Bodega").await.expect("approved");
    assert!(approve(url, &code(&pairing), "Bodega").await.is_err(), "once");
    let token = granted(screens.token(&pairing.secret, AT).await.expect("a ticket"));
    let pass = screens.recognise(&token, AT).expect("a screen's").expect("a good one");
    let present = pass.present();
    assert_eq!(screens.list().await.expect("a list")[0].connected, 1);
    screens.settle(AT + MINUTE).await.expect("written down");
    assert_eq!(list(url).await.expect("a list")[0].last_seen, Some(crate::store::iso(AT + MINUTE)));
    drop(present);

    revoke(url, &screen.id).await.expect("revoked");
    screens.settle(AT + 2 * MINUTE).await.expect("looked");
    assert!(!is_good(&screens, &token, AT));
    pass.revoked().await;
}

#[tokio::test]
async fn a_mistyped_name_makes_no_new_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("other.db");
    assert!(list(&format!("sqlite://{}", missing.display())).await.is_err());
    assert!(!missing.exists());
}

#[tokio::test]
async fn what_is_written_down_once_is_not_written_again() {
    let (_database, screens) = screens().await;
    let (screen, ..) = let_in(&screens, AT).await;
    screens.settle(AT + MINUTE).await.expect("written down");
    let mut tx = screens.0.store.write().await.expect("a transaction");
    rows::saw(&mut tx, &screen.id, 1).await.expect("something that would be overwritten");
    tx.commit().await.expect("written");
    screens.settle(AT + 2 * MINUTE).await.expect("looked");
    let kept = rows::approved(screens.0.store.pool()).await.expect("a list");
    assert_eq!(kept[0].last_seen_ms, 1, "nobody has seen it since");
}

#[tokio::test]
async fn secrets_are_not_in_the_database() {
    let (_database, screens) = screens().await;
    let (_, secret, _) = let_in(&screens, AT).await;
    let kept: String = sqlx::query_scalar("SELECT secret_hash FROM screens")
        .fetch_one(screens.0.store.pool())
        .await
        .expect("a hash");
    assert_eq!(kept, hash(&secret));
    assert_eq!((kept.len(), kept.contains(&secret)), (64, false));
}

#[tokio::test]
async fn there_are_no_more_than_so_many_screens() {
    let (_database, screens) = screens().await;
    let mut tx = screens.0.store.write().await.expect("a transaction");
    for number in 0..SCREENS {
        sqlx::query(
            "INSERT INTO screens (id, secret_hash, code_until, created_at, approved_at) VALUES ($1, $1, 0, 0, 0)",
        )
        .bind(number.to_string())
        .execute(&mut **tx)
        .await
        .expect("a screen");
    }
    tx.commit().await.expect("written");
    let pairing = screens.pair(here(), AT).await.expect("a code");
    assert_eq!(status(screens.approve(here(), code(&pairing), "x".into(), AT).await), 409);
}

#[test]
fn codes_are_read_as_people_write_them() {
    let check = |text: &str, expected: Option<&str>| {
        assert_eq!(Code::parse(text), expected.map(|digits| Code(digits.to_owned())), "{text}");
    };
    check("012345", Some("012345"));
    check(" 012 345 ", Some("012345"));
    check("012-345", Some("012345"));
    for wrong in ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "+12345"] {
        check(wrong, None);
    }
    assert!((0..1000).all(|_| Code::parse(&Code::random().0).is_some()));
}
