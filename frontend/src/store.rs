//! What is shown: the newest value of each metric, and how it is.

use shared::{
    OrdersByStatus, OrdersOverview, OrdersRecent, OrdersRevenue, OrdersTopServices, UsersOverview,
    UsersTopClients, UsersTopTechnicians,
};
use std::rc::Rc;
use yew::AttrValue;

/// How a panel's value is.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Condition {
    /// Never read so far.
    #[default]
    Loading,
    Ready,
    /// The last fetch failed (`at`: ISO-8601, since when); an older value may still be there.
    Failed {
        at: AttrValue,
    },
    /// The source does not offer it.
    Absent,
    /// The source refuses it.
    Forbidden,
}

/// What changed a value since the page was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// The event's type, e.g. `REPAIR_ORDER_CREATED`.
    pub kind: AttrValue,
    pub resource_id: Option<AttrValue>,
    /// When it was received here, milliseconds since 1970.
    pub at_ms: f64,
}

/// What one panel is given: it renders again only when one of these is another one.
#[derive(Clone, Debug)]
pub struct Panel<T> {
    pub value: Option<Rc<T>>,
    pub condition: Condition,
    pub cause: Option<Rc<Cause>>,
}

/// The merge keeps the `Rc` of an equal value, so the same pointer means the same content.
impl<T> PartialEq for Panel<T> {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.value, &other.value) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same && self.condition == other.condition && self.cause == other.cause
    }
}

/// The eight metrics that have a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Panels {
    pub orders_overview: Panel<OrdersOverview>,
    pub orders_revenue: Panel<OrdersRevenue>,
    pub orders_by_status: Panel<OrdersByStatus>,
    pub orders_recent: Panel<OrdersRecent>,
    pub orders_top_services: Panel<OrdersTopServices>,
    pub users_overview: Panel<UsersOverview>,
    pub users_top_clients: Panel<UsersTopClients>,
    pub users_top_technicians: Panel<UsersTopTechnicians>,
}

/// How the live connection is, for the pill and the banner.
#[derive(Clone, Debug, PartialEq)]
pub enum Connection {
    Connecting,
    Live,
    /// Attempt number `attempt` leaves at `retry_at_ms` (milliseconds since 1970).
    Waiting {
        attempt: u32,
        retry_at_ms: f64,
    },
    /// No socket gets through; the stats are asked for every 30 s.
    Polling,
    /// The browser says that it has no network.
    Offline,
}
