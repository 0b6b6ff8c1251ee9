//! Takes connections in and speaks HTTP/1.1 on them.
//!
//! In place of `axum::serve`, which looks for HTTP/2 on each new connection with a read of its own, and lets idle
//! ones stay for ever.

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
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::Service;

/// Until a request's head is there, also the next one on the same connection. Longer than proxies keep idle connections
/// (nginx: 60 s), so that they and not we end them.
const HEAD_WITHIN: Duration = Duration::from_secs(75);

/// Serves until `stop` comes to its end, and then until all answers that were begun are written.
pub async fn serve(mut listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    // Every connection holds a receiver; when there is none left, all have ended.
    let (stopping, stopped) = watch::channel(false);
    let mut stop = pin!(stop);
    loop {
        // Waits a second by itself when there are no more files.
        let (stream, address) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        tokio::spawn(connection(http.clone(), stream, address, router.clone(), stopped.clone()));
    }
    drop((listener, stopped));
    stopping.send_replace(true);
    stopping.closed().await;
}

async fn connection(
    http: http1::Builder,
    stream: TcpStream,
    address: SocketAddr,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(address));
        router.clone().call(request)
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
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
    use axum::routing::get;
    use std::sync::Arc;
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
        let router = Router::new().route("/", get(handler));
        let stopped = stop.clone();
        let serving = tokio::spawn(async move { serve(listener, router, stopped.notified()).await });
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
