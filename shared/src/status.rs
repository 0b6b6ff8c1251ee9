//! The states of a repair order.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The seven states, in the order in which the contract lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[cfg_attr(not(target_arch = "wasm32"), schema(rename_all = "SCREAMING_SNAKE_CASE"))]
pub enum OrderStatus {
    InReview,
    WaitingApproval,
    Rejected,
    InRepair,
    WaitingParts,
    Ready,
    Delivered,
}

impl OrderStatus {
    pub const ALL: [OrderStatus; 7] = [
        OrderStatus::InReview,
        OrderStatus::WaitingApproval,
        OrderStatus::Rejected,
        OrderStatus::InRepair,
        OrderStatus::WaitingParts,
        OrderStatus::Ready,
        OrderStatus::Delivered,
    ];

    /// The name on the wire, e.g. `IN_REVIEW`.
    pub const fn code(self) -> &'static str {
        match self {
            OrderStatus::InReview => "IN_REVIEW",
            OrderStatus::WaitingApproval => "WAITING_APPROVAL",
            OrderStatus::Rejected => "REJECTED",
            OrderStatus::InRepair => "IN_REPAIR",
            OrderStatus::WaitingParts => "WAITING_PARTS",
            OrderStatus::Ready => "READY",
            OrderStatus::Delivered => "DELIVERED",
        }
    }

    pub fn parse(code: &str) -> Option<OrderStatus> {
        OrderStatus::ALL.into_iter().find(|status| status.code() == code)
    }

    /// Still in the shop: neither rejected nor delivered.
    pub const fn is_active(self) -> bool {
        !matches!(self, OrderStatus::Rejected | OrderStatus::Delivered)
    }
}

/// A status as read from a backend, which may know states that we do not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StatusCode {
    Known(OrderStatus),
    Unknown(String),
}

impl StatusCode {
    pub fn code(&self) -> &str {
        match self {
            StatusCode::Known(status) => status.code(),
            StatusCode::Unknown(code) => code,
        }
    }
}

impl From<OrderStatus> for StatusCode {
    fn from(status: OrderStatus) -> StatusCode {
        StatusCode::Known(status)
    }
}

impl Serialize for StatusCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for StatusCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StatusCode, D::Error> {
        let code = String::deserialize(deserializer)?;
        Ok(OrderStatus::parse(&code).map_or(StatusCode::Unknown(code), StatusCode::Known))
    }
}
