//! Takes connections in and speaks HTTP/1.1 on them.
//!
//! In place of `axum::serve`, which looks for HTTP/2 on each new connection with a read of its own, and lets idle
//! ones stay for ever.

use super::lobby::{Lobby, NO_ROOM, Visit};
use super::taking::Taking;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::Service;

/// Until a request's head is there, also the next one on the same connection. Longer than proxies keep idle connections
/// (nginx: 60 s), so that they and not we end them.
const HEAD_WITHIN: Duration = Duration::from_secs(75);

/// The same while many places in the lobby are taken.
const HEAD_WITHIN_CROWDED: Duration = Duration::from_secs(10);

/// A request's head, its URL included. Longer ones are answered with 431 by hyper; so are more than 100 headers.
const HEAD_BYTES: usize = 32 * 1024;

/// Serves until `stop` comes to its end, and then until all answers that were begun are written.
pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    lobby: Arc<Lobby>,
    stop: impl Future<Output = ()>,
) {
    let mut patient = http1::Builder::new();
    patient.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_header_size(HEAD_BYTES);
    let mut hurried = patient.clone();
    hurried.header_read_timeout(HEAD_WITHIN_CROWDED);
    // Every connection holds a receiver; when there is none left, all have ended.
    let (stopping, stopped) = watch::channel(false);
    let mut stop = pin!(stop);
    loop {
        // Waits a second by itself when there are no more files.
        let (stream, address) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        let Some(visit) = lobby.enter(address.ip()) else {
            // Whether it still hears that is its own affair.
            let _ = stream.try_write(NO_ROOM);
            continue;
        };
        let http = if lobby.is_crowded() { &hurried } else { &patient };
        tokio::spawn(connection(http.clone(), stream, address, visit, router.clone(), stopped.clone()));
    }
    drop((listener, stopped));
    stopping.send_replace(true);
    stopping.closed().await;
}

async fn connection(
    http: http1::Builder,
    stream: TcpStream,
    address: SocketAddr,
    _visit: Visit,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(address));
        router.clone().call(request)
    });
    let mut connection =
        pin!(http.serve_connection(TokioIo::new(Taking::new(stream)), service).with_upgrades());
    // An error is a client that broke off or did not speak HTTP; nobody is left to be told.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Gate;
    use crate::machine::Room;
    use axum::body::Bytes;
    use axum::routing::get;
    use std::convert::Infallible;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;
    use tokio::time::{Instant, timeout};

    struct Served {
        address: SocketAddr,
        stop: Arc<Notify>,
        /// The answer is held back until told.
        answer: Arc<Notify>,
        asked: Arc<Notify>,
        serving: tokio::task::JoinHandle<()>,
    }

    async fn start() -> Served {
        start_with_room(1000).await
    }

    async fn start_with_room(connections: usize) -> Served {
        start_with(connections, Router::new()).await
    }

    async fn start_with(connections: usize, router: Router) -> Served {
        let gate = Gate::new(connections, connections);
        let lobby = Lobby::new(Room { connections, clients: connections }, gate, &[]);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, answer, asked) =
            (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let handler = {
            let (answer, asked) = (answer.clone(), asked.clone());
            move || async move {
                asked.notify_one();
                answer.notified().await;
                "late"
            }
        };
        let router = router.route("/", get(handler));
        let stopped = stop.clone();
        let serving = tokio::spawn(async move { serve(listener, router, lobby, stopped.notified()).await });
        Served { address, stop, answer, asked, serving }
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_hung_up_on() {
        let served = start().await;
        let mut idle = TcpStream::connect(served.address).await.expect("a connection");
        let began = Instant::now();
        let end = timeout(HEAD_WITHIN * 2, idle.read(&mut [0; 10])).await.expect("an end");
        assert_eq!(end.expect("no reset"), 0);
        assert!(began.elapsed() >= HEAD_WITHIN, "by the paused clock");
    }

    /// Pieces of a head do not count: it has to be whole.
    #[tokio::test(start_paused = true)]
    async fn who_says_something_now_and_then_is_hung_up_on_too() {
        let served = start().await;
        let mut slow = TcpStream::connect(served.address).await.expect("a connection");
        slow.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n").await.expect("a socket");
        let began = Instant::now();
        let mut answer = Vec::new();
        loop {
            tokio::select! {
                biased;
                read = slow.read_buf(&mut answer) => if read.map_or(true, |count| count == 0) { break },
                () = tokio::time::sleep(HEAD_WITHIN / 10) => {
                    let _ = slow.write_all(b"X-A: b\r\n").await;
                }
            }
            assert!(began.elapsed() < HEAD_WITHIN * 2, "it is still listened to");
        }
        assert!(!String::from_utf8_lossy(&answer).contains("200"), "it was answered");
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_take_the_answer_is_hung_up_on() {
        // An answer without an end.
        let asked = Arc::new(Notify::new());
        let begun = asked.clone();
        let endless = move || async move {
            begun.notify_one();
            let piece =
                |()| async { Some((Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 64 * 1024])), ())) };
            Body::from_stream(futures_util::stream::unfold((), piece))
        };
        let served = start_with(1000, Router::new().route("/endless", get(endless))).await;
        let mut client = TcpStream::connect(served.address).await.expect("a connection");
        client.write_all(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("a socket");
        // Nobody who was not taken in yet could keep it from ending.
        asked.notified().await;
        served.stop.notify_one();
        // Serving ends when the last answer does, and nobody takes this one.
        timeout(Duration::from_secs(3600), served.serving).await.expect("an end").expect("no panic");
    }

    #[tokio::test]
    async fn beyond_the_room_a_connection_is_told_to_come_back_and_others_go_on() {
        // Three places, one of them for each address.
        let served = start_with_room(4).await;
        let mut first = TcpStream::connect(served.address).await.expect("a connection");
        first
            .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await
            .expect("a socket");
        served.asked.notified().await;
        let mut refused = TcpStream::connect(served.address).await.expect("a connection");
        let mut text = String::new();
        refused.read_to_string(&mut text).await.expect("a refusal");
        assert!(text.starts_with("HTTP/1.1 503 ") && text.contains("Retry-After: 10"), "{text}");
        served.answer.notify_one();
        text.clear();
        first.read_to_string(&mut text).await.expect("an answer");
        assert!(text.ends_with("late"), "{text}");
        loop {
            let mut next = TcpStream::connect(served.address).await.expect("a connection");
            let asked = next.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
            if asked.is_ok() && timeout(Duration::from_millis(200), served.asked.notified()).await.is_ok() {
                break;
            }
        }
    }

    #[tokio::test]
    async fn a_head_that_is_too_long_is_refused() {
        let served = start().await;
        let check = async |head: String| {
            let mut client = TcpStream::connect(served.address).await.expect("a connection");
            // It may hang up while the rest is being sent.
            let _ = client.write_all(head.as_bytes()).await;
            let mut answer = [0; 12];
            client.read_exact(&mut answer).await.expect("an answer");
            assert_eq!(&answer, b"HTTP/1.1 431", "{head:.40}");
        };
        check(format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-A: {}", "x".repeat(HEAD_BYTES))).await;
        check(format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(HEAD_BYTES))).await;
        check(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X-A: b\r\n".repeat(200))).await;
    }

    #[tokio::test]
    async fn what_was_begun_is_answered_and_what_is_idle_ends() {
        let served = start().await;
        let mut idle = TcpStream::connect(served.address).await.expect("a connection");
        let mut client = TcpStream::connect(served.address).await.expect("a connection");
        client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("a socket");
        served.asked.notified().await;
        served.stop.notify_one();
        assert_eq!(idle.read(&mut [0; 10]).await.expect("no reset"), 0);
        assert!(!served.serving.is_finished(), "an answer is missing");
        served.answer.notify_one();
        let mut text = String::new();
        client.read_to_string(&mut text).await.expect("an answer");
        assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("late"), "{text}");
        served.serving.await.expect("no panic");
    }
}
