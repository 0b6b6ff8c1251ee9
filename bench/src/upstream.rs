//! A shop backend that answers the statistics, counts who asks, and changes what it is told to change.
//!
//! A thread for each connection: it has only a handful, and runs beside the load generator, not beside the server.

use anyhow::Result;
use serde_json::Value;
use shared::{Event, Metric, Origin, PerMetric};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

#[derive(Clone)]
pub struct Upstream {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    recorded: PerMetric<String>,
    /// How often something happened that changes this metric.
    changes: PerMetric<AtomicU64>,
    requests: AtomicU64,
    delay_ms: AtomicU64,
    /// Size of the body of `orders_recent`; 0: as it was recorded.
    recent_bytes: AtomicUsize,
}

impl Upstream {
    pub fn start() -> Result<Upstream> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let recorded: HashMap<String, Value> =
            serde_json::from_str(include_str!("../../shared/tests/upstream-stats.json"))?;
        let state = Arc::new(State {
            recorded: PerMetric::from_fn(|metric| recorded[metric.path()].to_string()),
            changes: PerMetric::from_fn(|_| AtomicU64::new(0)),
            requests: AtomicU64::new(0),
            delay_ms: AtomicU64::new(0),
            recent_bytes: AtomicUsize::new(0),
        });
        let upstream = Upstream { address, state: state.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = state.clone();
                // Ends when the server hangs up, which it does when it is killed.
                std::thread::spawn(move || state.serve(stream));
            }
        });
        Ok(upstream)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn answer_after(&self, delay: Duration) {
        self.state.delay_ms.store(delay.as_millis() as u64, Ordering::SeqCst);
    }

    /// The smallest body has about 50 bytes.
    pub fn size_recent(&self, bytes: usize) {
        self.state.recent_bytes.store(bytes, Ordering::SeqCst);
    }

    /// Every metric that the event touches has another body from now on.
    pub fn happened(&self, event: &Event) {
        for metric in event.metrics(Origin::Http).iter() {
            self.state.changes[metric].fetch_add(1, Ordering::SeqCst);
        }
    }

    pub fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::SeqCst)
    }

    pub fn body(&self, metric: Metric) -> String {
        self.state.body(metric)
    }
}

impl State {
    fn serve(&self, stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let mut requests = BufReader::new(&stream);
        let mut line = String::new();
        loop {
            line.clear();
            requests.read_line(&mut line).ok().filter(|count| *count > 0)?;
            let path = line.split(' ').nth(1)?.split('?').next()?.to_owned();
            while line != "\r\n" {
                line.clear();
                requests.read_line(&mut line).ok().filter(|count| *count > 0)?;
            }
            self.requests.fetch_add(1, Ordering::SeqCst);
            // Read when the request arrives, as a database would: later changes are not in the answer.
            let answer = self.answer(&path);
            std::thread::sleep(Duration::from_millis(self.delay_ms.load(Ordering::SeqCst)));
            (&stream).write_all(answer.as_bytes()).ok()?;
        }
    }

    fn answer(&self, path: &str) -> String {
        match Metric::ALL.into_iter().find(|metric| metric.path() == path) {
            Some(metric) => {
                let body = self.body(metric);
                let length = body.len();
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
                )
            }
            None => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
        }
    }

    fn body(&self, metric: Metric) -> String {
        let changes = self.changes[metric].load(Ordering::SeqCst);
        match self.recent_bytes.load(Ordering::SeqCst) {
            bytes if metric == Metric::OrdersRecent && bytes > 0 => {
                let head = format!(r#"{{"changes":"{changes:08}","recentOrders":[],"rest":""#);
                format!("{head}{}\"}}", "x".repeat(bytes.saturating_sub(head.len() + 2)))
            }
            _ => format!(r#"{{"changes":{changes},{}"#, &self.recorded[metric][1..]),
        }
    }
}
