//! What travels over the socket: a superset of the original's `{event, data, timestamp}`.
//!
//! The metrics' bodies stay raw JSON: the server passes them through untouched, and one body that a client
//! cannot read spoils neither the message nor its neighbours.

use crate::event::Notification;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The event of a message that only says "still here".
pub const HEARTBEAT: &str = "HEARTBEAT";
/// The event of a message that only carries a new status.
pub const UPSTREAM_STATUS: &str = "UPSTREAM_STATUS";
/// The event of the answer to a token that was renewed over the socket.
pub const AUTH: &str = "AUTH";

/// One text frame from server to client. All times are ISO-8601 UTC with milliseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DashboardMessage<'a> {
    /// A label only; merging looks at `epoch`, `version`, `since` and `data`.
    #[serde(borrow)]
    pub event: Cow<'a, str>,
    /// Metric key to the endpoint's body.
    #[serde(borrow, default)]
    pub data: BTreeMap<Cow<'a, str>, &'a RawValue>,
    pub timestamp: String,
    /// The history that `version` belongs to. Absent from the original's server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// The client's position after merging.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The position that the client must have had before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// When all data was last confirmed by the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<String>,
    /// What caused it, newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<Notification>,
    /// How many more causes there were than `notifications` names.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<UpstreamStatus>,
    /// In an `AUTH` answer: until when the connection may stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<'a> DashboardMessage<'a> {
    pub fn parse(text: &'a str) -> Result<DashboardMessage<'a>, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// How the source is, and which metrics are not fine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamStatus {
    pub upstream: Upstream,
    /// Since when `upstream` is what it is.
    pub since: String,
    /// By metric key; only metrics that are not fine are listed.
    #[serde(default)]
    pub metrics: BTreeMap<String, MetricStatus>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Upstream {
    Up,
    Down,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricStatus {
    pub state: MetricState,
    /// Since when.
    pub at: String,
}

/// Why a metric has no fresh body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricState {
    /// The last fetch failed; it is being retried, an older body stays.
    Failed,
    /// The source does not offer it (404).
    Absent,
    /// The source refuses it (401, 403).
    Forbidden,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_the_original_is_read() {
        let text = r#"{"event":"USER_CREATED","data":{"users_count_clients":{"count":7},"new_one":[1]},
            "timestamp":"2025-11-16T10:30:45.567Z","more":true}"#;
        let message = DashboardMessage::parse(text).expect("a message of the original");
        assert_eq!(message.event, "USER_CREATED");
        assert_eq!(message.data["users_count_clients"].get(), r#"{"count":7}"#);
        assert_eq!(message.data["new_one"].get(), "[1]");
        assert_eq!((message.epoch, message.version, message.status), (None, None, None));
    }

    #[test]
    fn a_status_travels_as_the_protocol_says() {
        let text = r#"{"event":"UPSTREAM_STATUS","data":{},"timestamp":"t","epoch":"9f","version":3,"since":2,"status":{"upstream":"down","since":"s","metrics":{"orders_recent":{"state":"failed","at":"a"}}}}"#;
        let message = DashboardMessage::parse(text).expect("a status");
        assert_eq!(serde_json::to_string(&message).expect("a message can be written"), text);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for text in
            ["", "null", "[]", "{}", r#"{"event":1,"data":{},"timestamp":""}"#, r#"{"event":"x","data":[]}"#]
        {
            assert!(DashboardMessage::parse(text).is_err(), "{text}");
        }
    }
}
