//! The peers that are written in Rust. They run as processes of their own: `pulso-bench peer NAME`.

pub mod bare_write;
pub mod axum_idiom;
pub mod original;

use shared::Metric;
use std::net::SocketAddr;

/// What a peer is told, by flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    #[arg(long)]
    pub listen: SocketAddr,
    /// The shop backend
    #[arg(long)]
    pub upstream: String,
    /// Bytes that a frame has beyond the statistic in it
    #[arg(long)]
    pub envelope_bytes: usize,
}

/// As large as Pulso's frame for the same statistic: its other fields become padding.
pub fn message(body: &str, envelope_bytes: usize) -> String {
    let head = r#"{"event":"EQUIPMENT_CREATED","data":{"orders_recent":"#;
    let tail = r#"},"timestamp":"2026-01-01T00:00:00.000Z","rest":""#;
    let padding = "x".repeat(envelope_bytes.saturating_sub(head.len() + tail.len() + 2));
    format!("{head}{body}{tail}{padding}\"}}")
}

async fn fetch(client: &reqwest::Client, upstream: &str, metric: Metric) -> reqwest::Result<String> {
    client.get(format!("{upstream}{}", metric.path())).send().await?.text().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_asked_size_and_is_json() {
        let message = message(r#"{"count":1}"#, 290);
        assert_eq!(message.len(), 11 + 290);
        let message: serde_json::Value = serde_json::from_str(&message).expect("JSON");
        assert_eq!(message["data"]["orders_recent"]["count"], 1);
    }
}
