//! What a stranger is told: the contract's form, and never a cause.

use super::repeat::Undone;
use crate::store::{Failure, busy};
use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A status and a public text; the cause of a failure is logged where it becomes one.
#[derive(Debug)]
pub struct Error {
    status: StatusCode,
    message: Message,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Nothing happened, and it would go through if the request were made again.
    passes: bool,
}

/// For people.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Message {
    One(String),
    /// Every fault of a body.
    Many(Vec<String>),
}

/// The body of every refusal.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem<'a> {
    #[schema(inline)]
    message: &'a Message,
    /// The status in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<&'static str>,
    status_code: u16,
}

impl Error {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Error {
        Error { status, message: Message::One(message.into()), headers: Vec::new(), passes: false }
    }

    pub fn bad_request(message: impl Into<String>) -> Error {
        Error::new(StatusCode::BAD_REQUEST, message)
    }

    /// Every fault at once.
    pub fn invalid(faults: Vec<String>) -> Error {
        Error {
            status: StatusCode::BAD_REQUEST,
            message: Message::Many(faults),
            headers: Vec::new(),
            passes: false,
        }
    }

    /// No valid token.
    pub fn unauthorized() -> Error {
        Error::new(StatusCode::UNAUTHORIZED, "Unauthorized")
    }

    pub fn unauthorized_because(message: impl Into<String>) -> Error {
        Error::new(StatusCode::UNAUTHORIZED, message)
    }

    pub fn forbidden() -> Error {
        Error::new(StatusCode::FORBIDDEN, "Forbidden resource")
    }

    pub fn not_found(message: impl Into<String>) -> Error {
        Error::new(StatusCode::NOT_FOUND, message)
    }

    pub fn conflict(message: impl Into<String>) -> Error {
        Error::new(StatusCode::CONFLICT, message)
    }

    pub fn too_large() -> Error {
        Error::new(StatusCode::PAYLOAD_TOO_LARGE, "request entity too large")
    }

    /// Worth trying again in a second.
    pub fn unavailable(message: impl Into<String>) -> Error {
        Error::new(StatusCode::SERVICE_UNAVAILABLE, message)
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    pub fn internal(cause: anyhow::Error) -> Error {
        tracing::error!(error = format!("{cause:#}"), "a request failed");
        Error::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
    }

    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Error {
        self.headers.push((name, value));
        self
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        match &self.message {
            Message::One(text) => out.write_str(text),
            Message::Many(faults) => out.write_str(&faults.join(", ")),
        }
    }
}

impl std::error::Error for Error {}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Error {
        // What was there when we looked was deleted, or depended on, a moment later.
        if error.as_database_error().is_some_and(|cause| cause.is_foreign_key_violation()) {
            return Error::conflict("Something that this belongs to has just changed, please look again");
        }
        match Failure::of(&error) {
            Failure::Lasting => Error::internal(error.into()),
            Failure::Undone => Error { passes: true, ..busy() },
            Failure::Busy => {
                tracing::warn!(%error, "a request waited too long for the database");
                busy()
            }
        }
    }
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Error {
        Error::internal(error)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        // The contract names no `error` where the message says it already.
        let bare = matches!(&self.message, Message::One(text) if matches!(text.as_str(), "Unauthorized" | "Internal server error"));
        let error = if bare { None } else { self.status.canonical_reason() };
        let body = Problem { message: &self.message, error, status_code: self.status.as_u16() };
        let mut response = (self.status, Json(body)).into_response();
        response.headers_mut().extend(self.headers);
        if self.passes {
            response.extensions_mut().insert(Undone);
        }
        response
    }
}
