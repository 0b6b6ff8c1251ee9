//! Hub and connections over real sockets: the orders that must hold, and what time does, on a paused clock.

mod wire;

use super::*;
use crate::live::Renewal;
use crate::live::latest::tests::{nothing_after_reading, set_after_reading};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use wire::{Got, Press, Wire, pair, pair_with};

async fn soon<T>(what: &str, fact: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(3600), fact).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

fn newcomer(stream: TcpStream) -> Newcomer {
    Newcomer {
        stream,
        early: Bytes::new(),
        dialect: Dialect::Versioned,
        seen: 0,
        deadline: None,
        revoked: None,
    }
}

fn no_renewal(_: &[u8]) -> Renewal {
    Renewal::None
}

async fn join(hub: &Hub) -> Wire {
    let (wire, stream) = pair().await;
    serve(hub, newcomer(stream));
    wire
}

fn serve(hub: &Hub, newcomer: Newcomer) {
    let hub = hub.clone();
    tokio::spawn(async move { hub.serve(newcomer, &no_renewal, || {}).await });
}

async fn clients(hub: &Hub, expected: usize) {
    let there = async {
        // Asleep, so that a paused clock goes on.
        while hub.clients() != expected {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon("the clients", there).await;
}

fn connection(stream: TcpStream, seen: u64) -> Arc<Connection> {
    Arc::new(Connection::new(stream, Dialect::Versioned, seen, None))
}

/// Whoever is passed over by a broadcaster that comes between the catch-up task's reading and its giving back.
#[tokio::test(start_paused = true)]
async fn what_is_published_while_a_client_is_given_back_reaches_it() {
    let (press, latest) = Press::new();
    let (mut wire, stream) = pair().await;
    let connection = connection(stream, 0);
    for _ in 0..5 {
        press.publish(300_000);
        connection.update(&latest);
    }
    assert!(connection.is_handed_over(), "its socket is full");
    let (last, held_up) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    set_after_reading({
        let (connection, latest, press) = (connection.clone(), latest.clone(), press.clone());
        let (last, held_up) = (last.clone(), held_up.clone());
        move || {
            last.set(press.publish(10));
            // The broadcaster of this version comes by now, unless it would have to wait for the lock.
            if connection.is_locked() {
                held_up.set(true);
            } else {
                connection.update(&latest);
            }
        }
    });
    let given_back = async {
        while connection.is_handed_over() {
            wire.version().await;
        }
    };
    soon("the client to be given back", given_back).await;
    nothing_after_reading();
    if held_up.get() {
        connection.update(&latest);
    }
    soon("the last version", wire.reaches(last.get())).await;
}

/// A newcomer that read the newest snapshot before it can be found by a broadcaster would miss what comes between.
#[tokio::test(start_paused = true)]
async fn what_is_published_while_a_client_joins_reaches_it() {
    let (press, latest) = Press::new();
    // Without a broadcaster of its own, which would come again.
    let hub = Hub::new(latest.clone(), 1);
    let (mut wire, stream) = pair().await;
    let found = Rc::new(RefCell::new(Vec::new()));
    let last = Rc::new(Cell::new(0));
    set_after_reading({
        let (hub, press, last, found) = (hub.clone(), press.clone(), last.clone(), found.clone());
        move || {
            last.set(press.publish(10));
            found.borrow_mut().extend(hub.batch(0, 0).map(|(batch, _)| batch).unwrap_or_default());
        }
    });
    serve(&hub, newcomer(stream));
    soon("the first frame", wire.version()).await;
    nothing_after_reading();
    for connection in found.borrow().iter() {
        connection.update(&latest);
    }
    soon("the last version", wire.reaches(last.get())).await;
}

/// The first batches have the version before when the next one is published in the middle of a round.
#[tokio::test(start_paused = true)]
async fn what_is_published_in_the_middle_of_a_round_reaches_everybody() {
    let (press, latest) = Press::new();
    let hub = Hub::start(latest, 1);
    let mut wires = Vec::new();
    for _ in 0..3 * BATCH {
        let mut wire = join(&hub).await;
        wire.version().await;
        wires.push(wire);
    }
    let (reads, last) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    set_after_reading({
        let (press, reads, last) = (press.clone(), reads.clone(), last.clone());
        move || {
            reads.set(reads.get() + 1);
            if reads.get() == 2 * BATCH {
                last.set(press.publish(10));
            }
        }
    });
    press.publish(10);
    let began = Instant::now();
    for wire in &mut wires {
        soon("the last version", async {
            while last.get() == 0 || wire.version().await < last.get() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    nothing_after_reading();
    assert!(
        began.elapsed() < HEARTBEAT_AFTER - TICK,
        "by the paused clock: a heartbeat would have brought it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_burst_hundreds_of_clients_all_hold_the_last_version() {
    let (press, latest) = Press::new();
    let publish = press.0.clone();
    let hub = Hub::start(latest, 2);
    let mut wires = Vec::new();
    for _ in 0..400 {
        let (wire, stream) = pair().await;
        // It gets no heartbeat, which would bring it up to date in the end.
        serve(&hub, Newcomer { dialect: Dialect::Original, ..newcomer(stream) });
        wires.push(wire);
    }
    clients(&hub, 400).await;
    for _ in 0..20 {
        let mut last = 0;
        for _ in 0..4 {
            last = Press(publish.clone()).publish(500);
            tokio::task::yield_now().await;
        }
        for wire in &mut wires {
            let there = timeout(Duration::from_secs(30), wire.reaches(last)).await;
            assert!(there.is_ok(), "waited in vain for version {last}");
        }
    }
}

/// Frames of many windows, read in bits, with pings in their middle and newer versions published all the while.
#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_gets_whole_frames_and_skips_what_is_old() {
    let (press, latest) = Press::new();
    let hub = Hub::start(latest, 1);
    let mut wire = join(&hub).await;
    wire.version().await;
    let mut last = 0;
    for ping in 0..30 {
        last = press.publish(200_000);
        wire.stream.write_all(&[0x89, 0x81, 0, 0, 0, 0, ping]).await.expect("a socket");
        tokio::task::yield_now().await;
    }
    let (mut seen, mut frames, mut pongs) = (0, 0, Vec::new());
    wire.pings = true;
    while seen < last || pongs.len() < 2 {
        match soon("a frame", wire.next()).await {
            Got::Message(message) => {
                let version = message["version"].as_u64().expect("a version");
                assert!(version > seen, "version {version} after {seen}");
                (seen, frames) = (version, frames + 1);
            }
            Got::Pong(ping) => pongs.push(ping),
            other => panic!("{other:?}"),
        }
    }
    assert!(frames < 10, "{frames} frames: it should have skipped most of 30");
    // Those of the beginning, which waited behind a frame, are replaced by the newest.
    assert!(pongs.iter().filter(|ping| **ping < 30).count() < 10, "{pongs:?}");
    assert!(pongs.contains(&99), "{pongs:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_for_ten_seconds_is_told_so_and_harms_nobody() {
    let (press, latest) = Press::new();
    let hub = Hub::start(latest, 1);
    let mut deaf = join(&hub).await;
    // A wide window: the kernel's own waiting for small ones does not stand still with the clock.
    let (mut other, stream) = pair_with(1 << 20).await;
    serve(&hub, newcomer(stream));
    clients(&hub, 2).await;
    let began = Instant::now();
    let mut last = 0;
    // The first fills its socket, the others come while it is lagging.
    for _ in 0..40 {
        last = press.publish(10_000);
        soon("each frame", other.reaches(last)).await;
    }
    clients(&hub, 1).await;
    assert!(began.elapsed() >= Duration::from_secs(10), "by the paused clock");
    // What it had begun is whole, and the reason stands behind it.
    let mut seen = 0;
    loop {
        match soon("what was sent to it", deaf.next()).await {
            Got::Message(message) => seen = message["version"].as_u64().expect("a version"),
            Got::Close(code) => {
                assert_eq!(code, CloseCode::TOO_SLOW.0);
                break;
            }
            other @ (Got::Pong(_) | Got::End) => panic!("no reason was given but {other:?}"),
        }
    }
    assert!(seen < last);
    assert_eq!(deaf.next().await, Got::End);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_lags_when_the_server_goes_down_gets_its_frame_whole_and_then_the_code() {
    let (press, latest) = Press::new();
    let hub = Hub::start(latest, 1);
    let mut wire = join(&hub).await;
    wire.version().await;
    press.publish(300_000);
    press.publish(300_000);
    tokio::task::yield_now().await;
    let drain = tokio::spawn({
        let hub = hub.clone();
        async move { hub.drain().await }
    });
    tokio::task::yield_now().await;
    loop {
        match soon("the rest", wire.next()).await {
            Got::Message(_) => {}
            Got::Close(code) => break assert_eq!(code, CloseCode::GOING_AWAY.0),
            other @ (Got::Pong(_) | Got::End) => panic!("no reason was given but {other:?}"),
        }
    }
    // Its answer, and what it said before it knew, must not be met with a reset.
    for words in [&[0x89, 0x81, 0, 0, 0, 0, 7][..], &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE9], &[0]] {
        wire.stream.write_all(words).await.expect("a socket that is still open");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(wire.next().await, Got::End);
    drop(wire);
    soon("the end of the drain", drain).await.expect("no panic");
    assert_eq!(hub.clients(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closes_is_answered_with_its_code() {
    let (_press, latest) = Press::new();
    let hub = Hub::start(latest, 1);
    let mut wire = join(&hub).await;
    wire.version().await;
    wire.stream.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x0F, 0xA1]).await.expect("a socket");
    assert_eq!(soon("the answer", wire.next()).await, Got::Close(4001));
    assert_eq!(soon("the end", wire.next()).await, Got::End);
    drop(wire);
    clients(&hub, 0).await;
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_a_heartbeat_every_five_seconds() {
    let (press, latest) = Press::new();
    let hub = Hub::start(latest, 1);
    let mut wire = join(&hub).await;
    let version = wire.version().await;
    let mut last = Instant::now();
    for _ in 0..5 {
        let Got::Message(beat) = soon("a heartbeat", wire.any()).await else { panic!("no message") };
        assert_eq!((&beat["event"], beat["version"].as_u64()), (&"HEARTBEAT".into(), Some(version)));
        assert!(last.elapsed() <= HEARTBEAT_AFTER + TICK, "by the paused clock");
        last = Instant::now();
    }
    // News put it off.
    tokio::time::sleep(Duration::from_secs(3)).await;
    press.publish(10);
    wire.version().await;
    let news = Instant::now();
    soon("a heartbeat", wire.any()).await;
    assert!(news.elapsed() >= HEARTBEAT_AFTER - TICK, "by the paused clock");
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_within_a_second_of_its_tokens_expiry() {
    let (_press, latest) = Press::new();
    let hub = Hub::start(latest, 1);
    let (mut wire, stream) = pair().await;
    // Deadlines are wall-clock times, so this one has just passed.
    serve(&hub, Newcomer { deadline: Some(clock::now() - 1), ..newcomer(stream) });
    let began = Instant::now();
    wire.version().await;
    assert_eq!(soon("the end", wire.next()).await, Got::Close(CloseCode::EXPIRED.0));
    assert!(began.elapsed() <= Duration::from_secs(1), "by the paused clock");
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_spread_over_its_time_and_ends_even_if_nobody_answers() {
    let (_press, latest) = Press::new();
    let hub = Hub::start(latest, 2);
    let mut wires = Vec::new();
    for _ in 0..150 {
        let mut wire = join(&hub).await;
        wire.version().await;
        wires.push(wire);
    }
    let began = Instant::now();
    let drain = tokio::spawn({
        let hub = hub.clone();
        async move { hub.drain().await }
    });
    let mut told = Vec::new();
    for wire in &mut wires {
        assert_eq!(soon("the code", wire.next()).await, Got::Close(CloseCode::GOING_AWAY.0));
        told.push(began.elapsed());
    }
    assert!(told.last() >= Some(&Duration::from_millis(250)), "not all at once: {told:?}");
    assert!(hub.is_draining());
    // Who comes now is sent away at once.
    let mut late = join(&hub).await;
    assert_eq!(soon("the code", late.next()).await, Got::Close(CloseCode::GOING_AWAY.0));
    // Nobody hangs up, and it ends all the same.
    soon("the end of the drain", drain).await.expect("no panic");
    assert!(began.elapsed() <= DRAIN_WITHIN + TICK, "by the paused clock");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_does_not_hold_up_a_drain() {
    let (press, latest) = Press::new();
    let hub = Hub::start(latest, 1);
    let _deaf = join(&hub).await;
    clients(&hub, 1).await;
    press.publish(300_000);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let began = Instant::now();
    soon("the end of the drain", hub.drain()).await;
    assert_eq!(hub.clients(), 1, "its frame is still waiting for room");
    assert!(began.elapsed() <= DRAIN_WITHIN + TICK, "by the paused clock");
}

#[test]
fn a_drain_is_spread_but_never_slow() {
    let last = |clients: usize| drained_at(clients - 1, clients).as_secs_f64();
    assert_eq!(drained_at(0, 1), Duration::ZERO);
    assert!(last(3) < 0.01, "a few are not kept waiting");
    assert!((last(1_000) - 2.0).abs() < 0.01, "500 a second");
    assert!((4.9..=5.0).contains(&last(20_000)), "{}", last(20_000));
    // More than were counted at the beginning.
    assert_eq!(drained_at(1_000_000, 10), DRAIN_SPREAD);
}
