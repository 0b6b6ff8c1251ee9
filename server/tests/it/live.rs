//! The live path over real sockets: newcomers, deltas, bursts, faults, resumes.

use crate::support::{FakeShop, Server, keys, until};
use futures_util::StreamExt;
use serde_json::{Value, json};
use shared::{Event, Metric, Origin};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_newcomer_gets_everything_and_costs_the_upstream_nothing() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let first = server.join("?version=0").await.next().await;
    assert_eq!(first["event"], "DASHBOARD_FULL_UPDATE");
    assert_eq!(keys(&first).len(), Metric::COUNT);
    assert_eq!((&first["since"], &first["status"]["upstream"]), (&json!(0), &json!("up")));
    let asked = shop.asked().len();
    assert_eq!(asked, Metric::COUNT);
    for _ in 0..20 {
        let again = server.join("?version=0").await.next().await;
        assert_eq!(again["data"], first["data"]);
    }
    assert_eq!(shop.asked().len(), asked, "the snapshot was warm");
}

#[tokio::test]
async fn an_event_brings_exactly_the_metrics_that_it_changed() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let mut client = server.join("?version=0").await;
    let version = client.next().await["version"].as_u64().expect("a version");
    for (at, name) in ["REPAIR_ORDER_CREATED", "USER_CREATED", "TECHNICIAN_CREATED", "SOMETHING_NEW"]
        .into_iter()
        .enumerate()
    {
        for metric in Metric::ALL {
            shop.set(metric, &json!({"count": at, "of": metric.key()}).to_string());
        }
        // The original's notification body.
        let body = json!({"event": "DASHBOARD_UPDATE", "type": name, "resourceId": "123e4567", "timestamp": "2025-11-16T10:30:45.123Z"});
        assert_eq!(server.notify(&body.to_string()).await.0, 200);
        let frame = client.next().await;
        let mut expected: Vec<_> = Event::parse(name).metrics(Origin::Http).iter().map(Metric::key).collect();
        expected.sort_unstable();
        assert_eq!(keys(&frame), expected, "{name}");
        assert_eq!((&frame["event"], &frame["since"]), (&json!(name), &json!(version + at as u64)));
        assert_eq!(frame["version"], version + at as u64 + 1);
        let notification = &frame["notifications"][0];
        assert_eq!((&notification["type"], &notification["resourceId"]), (&json!(name), &json!("123e4567")));
        assert_eq!(notification["timestamp"], "2025-11-16T10:30:45.123Z");
    }
}

#[tokio::test]
async fn a_client_of_the_original_gets_event_frames_and_nothing_else() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let mut ours = server.join("?version=0").await;
    ours.next().await;
    let mut original = server.join("").await;
    until("both clients", async || server.clients().await == 2).await;

    // A status alone is nothing that it would understand.
    shop.reply(Metric::OrdersRecent.path(), 500, "text/plain", "oops");
    server.event("EQUIPMENT_UPDATED").await;
    assert_eq!(ours.next().await["event"], "UPSTREAM_STATUS");
    shop.set_count(Metric::UsersCountClients, 7);
    server.event("USER_CREATED").await;
    let (theirs, own) = (original.next_of_any_kind().await, ours.next().await);
    assert_eq!(theirs["event"], "USER_CREATED");
    assert_eq!(theirs["data"], json!({"users_count_clients": {"count": 7}}));
    assert_eq!(theirs["data"], own["data"]);
    assert!(theirs["timestamp"].as_str().expect("a time").ends_with('Z'));
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_but_still_announced_with_the_next_frame() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let mut client = server.join("?version=0").await;
    client.next().await;
    server.event("TECHNICIAN_UPDATED").await;
    shop.was_asked(Metric::UsersTopTechnicians, 2).await;
    server.event("SPARE_PART_CREATED").await;
    shop.set_count(Metric::UsersCountClients, 8);
    server.event("USER_CREATED").await;
    let frame = client.next().await;
    assert_eq!(keys(&frame), ["users_count_clients"]);
    let announced: Vec<_> =
        frame["notifications"].as_array().expect("all three").iter().map(|one| &one["type"]).collect();
    assert_eq!(announced, ["TECHNICIAN_UPDATED", "SPARE_PART_CREATED", "USER_CREATED"]);
}

#[tokio::test]
async fn a_notification_during_a_fetch_makes_it_run_again() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let mut client = server.join("?version=0").await;
    client.next().await;
    shop.hold(Metric::UsersCountClients);
    shop.set_count(Metric::UsersCountClients, 1);
    server.event("USER_CREATED").await;
    shop.was_asked(Metric::UsersCountClients, 2).await;
    // The answer under way is that of before; what is announced now must not be lost.
    shop.set_count(Metric::UsersCountClients, 2);
    server.event("USER_CREATED").await;
    shop.release(Metric::UsersCountClients);
    loop {
        let frame = client.next().await;
        if frame["data"]["users_count_clients"] == json!({"count": 2}) {
            break;
        }
    }
    assert_eq!(shop.times_asked(Metric::UsersCountClients), 3);
}

#[tokio::test]
async fn an_older_answer_that_waits_for_its_round_does_not_undo_a_newer_one() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let mut client = server.join("?version=0").await;
    client.next().await;
    shop.hold(Metric::UsersOverview);
    shop.set(Metric::UsersOverview, r#"{"totalClients":9,"totalTechnicians":1,"activeTechnicians":1}"#);
    shop.set_count(Metric::UsersCountClients, 1);
    server.event("USER_CREATED").await;
    shop.was_asked(Metric::UsersCountClients, 2).await;
    // The first round still waits for its overview when the second one has all its answers.
    shop.set_count(Metric::UsersCountClients, 2);
    server.event("USER_UPDATED").await;
    while client.next().await["data"]["users_count_clients"] != json!({"count": 2}) {}
    shop.release(Metric::UsersOverview);
    loop {
        let frame = client.next().await;
        assert_ne!(frame["data"]["users_count_clients"], json!({"count": 1}), "it went back: {frame}");
        if frame["data"].get("users_overview").is_some() {
            break;
        }
    }
}

#[tokio::test]
async fn a_straggler_delays_nobody() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let mut client = server.join("?version=0").await;
    client.next().await;
    shop.hold(Metric::UsersOverview);
    shop.set(Metric::UsersOverview, r#"{"totalClients":9,"totalTechnicians":1,"activeTechnicians":1}"#);
    shop.set_count(Metric::UsersCountClients, 9);
    server.event("USER_CREATED").await;
    let frame = client.next().await;
    assert_eq!(keys(&frame), ["users_count_clients"]);
    assert_eq!(frame["notifications"].as_array().map(Vec::len), Some(1));
    shop.release(Metric::UsersOverview);
    let straggler = client.next().await;
    assert_eq!(keys(&straggler), ["users_overview"]);
    assert_eq!(straggler["event"], "USER_CREATED");
    assert!(straggler.get("notifications").is_none(), "each is announced once");
}

#[tokio::test]
async fn a_failed_metric_is_retried_while_the_others_live_on() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let mut client = server.join("?version=0").await;
    client.next().await;
    for (content_type, status, body) in [
        ("text/plain", 500, "oops"),
        ("text/html", 200, "<html>"),
        ("application/json", 200, "{\"count\":"),
        ("application/json", 503, "{}"),
    ] {
        shop.reply(Metric::UsersCountClients.path(), status, content_type, body);
        shop.set(Metric::UsersOverview, &json!({"totalClients": status, "of": body}).to_string());
        server.event("USER_CREATED").await;
        let frame = client.next().await;
        assert_eq!(keys(&frame), ["users_overview"]);
        assert_eq!(frame["status"]["metrics"]["users_count_clients"]["state"], "failed");
        assert_eq!(frame["status"]["upstream"], "up");
        // No other event comes: it heals by itself.
        shop.set_count(Metric::UsersCountClients, 7);
        shop.set_count(Metric::UsersCountClients, 1000 + body.len() as u64);
        let healed = client.next().await;
        assert_eq!(healed["data"]["users_count_clients"]["count"], 1000 + body.len());
        assert_eq!(healed["status"]["metrics"], json!({}));
    }
}

#[tokio::test]
async fn an_upstream_that_dies_is_told_and_heals() {
    let shop = FakeShop::start().await;
    let server = Server::before_with(&shop, &["--reconcile-secs", "1"]).await;
    let mut client = server.join("?version=0").await;
    client.next().await;
    shop.stop().await;
    let down = client.next().await;
    assert_eq!(down["status"]["upstream"], "down");
    assert_eq!(down["event"], "UPSTREAM_STATUS");
    shop.set_count(Metric::UsersCountClients, 77);
    shop.restart().await;
    let mut last = Value::Null;
    let mut count = Value::Null;
    while last != json!({}) || count != json!({"count": 77}) {
        let frame = client.next().await;
        if let Some(status) = frame.get("status") {
            last = status["metrics"].clone();
        }
        if let Some(body) = frame["data"].get("users_count_clients") {
            count = body.clone();
        }
    }
}

#[tokio::test]
async fn a_lost_notification_heals_with_the_next_reconcile() {
    let shop = FakeShop::start().await;
    let server = Server::before_with(&shop, &["--reconcile-secs", "1"]).await;
    let mut client = server.join("?version=0").await;
    client.next().await;
    shop.set_count(Metric::OrdersCountTotal, 4711);
    let frame = client.next().await;
    assert_eq!(frame["data"], json!({"orders_count_total": {"count": 4711}}));
    assert_eq!(frame["event"], "DASHBOARD_FULL_UPDATE");
}

#[tokio::test]
async fn a_returning_client_is_sent_what_it_missed() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let mut stays = server.join("?version=0").await;
    let first = stays.next().await;
    let (epoch, version) =
        (first["epoch"].as_str().expect("an epoch"), first["version"].as_u64().expect("a version"));
    for (metric, kind) in
        [(Metric::UsersCountClients, "USER_CREATED"), (Metric::OrdersCountTotal, "REPAIR_ORDER_CREATED")]
    {
        shop.set_count(metric, 1234);
        server.event(kind).await;
        stays.next().await;
    }
    let missed = server.join(&format!("?version={version}&epoch={epoch}")).await.next().await;
    assert_eq!(keys(&missed), ["orders_count_total", "users_count_clients"]);
    assert_eq!((&missed["since"], &missed["version"]), (&json!(version), &json!(version + 2)));
    let current = server.join(&format!("?version={}&epoch={epoch}", version + 2)).await.next().await;
    assert_eq!(current["data"], json!({}));
    for other in [
        format!("?version={version}&epoch=0123456789abcdef"),
        format!("?version=999&epoch={epoch}"),
        "?version=5".into(),
    ] {
        assert_eq!(keys(&server.join(&other).await.next().await).len(), Metric::COUNT, "{other}");
    }
}

#[tokio::test]
async fn a_burst_costs_few_rounds_and_ends_with_the_last_value() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let mut client = server.join("?version=0").await;
    let mut seen = client.next().await["version"].as_u64().expect("a version");
    for count in 1..=200 {
        shop.set_count(Metric::UsersCountClients, 10_000 + count);
        server.event("USER_CREATED").await;
    }
    loop {
        let frame = client.next().await;
        let version = frame["version"].as_u64().expect("a version");
        assert!(version > seen, "versions only grow");
        seen = version;
        if frame["data"]["users_count_clients"]["count"] == 10_200 {
            break;
        }
    }
    assert!(shop.times_asked(Metric::UsersCountClients) < 100, "a burst is coalesced");
}

#[tokio::test]
async fn a_heartbeat_says_that_the_server_is_still_there() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let mut client = server.join("?version=0").await;
    let first = client.next().await;
    let beat = client.next_of_any_kind().await;
    assert_eq!((&beat["event"], &beat["data"]), (&json!("HEARTBEAT"), &json!({})));
    assert_eq!((&beat["version"], &beat["epoch"]), (&first["version"], &first["epoch"]));
    assert!(beat["checked"].is_string());
}

#[tokio::test]
async fn the_first_frame_waits_for_a_cold_server_but_not_for_ever() {
    let shop = FakeShop::start().await;
    shop.hold(Metric::OrdersRecent);
    let server = Server::before(&shop).await;
    let first = server.join("?version=0").await.next().await;
    assert!(!keys(&first).contains(&"orders_recent"));
    assert_eq!(keys(&first).len(), Metric::COUNT - 1);
}

#[tokio::test]
async fn pings_are_answered_and_other_words_ignored() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let mut client = server.join("?version=0").await;
    client.next().await;
    client.send(Message::text("{\"type\":\"hello\"}")).await;
    client.send(Message::text("not json")).await;
    client.send(Message::binary(vec![0; 100])).await;
    client.send(Message::Ping(b"there?".as_slice().into())).await;
    loop {
        let message =
            crate::support::soon("a pong", client.socket.next()).await.expect("open").expect("a frame");
        if let Message::Pong(payload) = message {
            assert_eq!(&payload[..], b"there?");
            break;
        }
    }
    client.send(Message::text("x".repeat(5000))).await;
    assert_eq!(client.closed().await, 1009);
    drop(client);
    until("the client to be gone", async || server.clients().await == 0).await;
}

/// Over the wire and byte by byte, what the parser's own tests check in one piece.
#[tokio::test]
async fn what_breaks_the_protocol_is_closed_with_its_code() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let long = [&[0x81, 0xFE, 0x10, 0x01][..], &[0; 4]].concat();
    for (bytes, code) in [
        (&[0x81, 0x01, b'x'][..], 1002),
        (&[0xC1, 0x80, 0, 0, 0, 0], 1002),
        (&[0x09, 0x80, 0, 0, 0, 0], 1002),
        (&[0x89, 0xFE, 0, 126, 0, 0, 0, 0], 1002),
        (&[0x88, 0x81, 0, 0, 0, 0, 3], 1002),
        (&long, 1009),
        (&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8], 1000),
    ] {
        let mut stream = tokio::net::TcpStream::connect(server.address).await.expect("a connection");
        let handshake = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        // The first byte lies right behind the request, where no readiness is ever told for it.
        stream.write_all(&[handshake.as_bytes(), &bytes[..1]].concat()).await.expect("a socket");
        for byte in &bytes[1..] {
            stream.write_all(&[*byte]).await.expect("a socket");
            stream.flush().await.expect("a socket");
            tokio::task::yield_now().await;
        }
        let mut answer = Vec::new();
        crate::support::soon("the end", stream.read_to_end(&mut answer)).await.expect("no reset");
        let close = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer") + 4;
        assert_eq!(answer[close..], [0x88, 2, (code >> 8) as u8, code as u8], "{bytes:x?}");
    }
    until("all to be gone", async || server.clients().await == 0).await;
}

#[tokio::test]
async fn a_server_that_goes_down_tells_its_clients() {
    let shop = FakeShop::start().await;
    let server = Server::before(&shop).await;
    let mut client = server.join("?version=0").await;
    client.next().await;
    let (code, ()) = tokio::join!(client.closed(), server.stop());
    assert_eq!(code, 1001);
}
