//! Event to metrics: what has to be fetched again when something happened.
//!
//! Pure, so the whole policy can be read and tested here. The server plans by it, the embedded shop announces
//! by it, and the documentation prints it.

use crate::metric::{Metric, MetricSet};
use serde::{Deserialize, Serialize};

/// What something happened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    RepairOrder,
    User,
    Technician,
    Equipment,
    Service,
    SparePart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Created,
    Updated,
    Deleted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Known(Subject, Change),
    FullUpdate,
    /// A type that we do not know: fetches everything and keeps its name.
    Other(String),
}

/// Who announces an event: the embedded shop knows more about its own writes than a notification tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Http,
    Shop,
}

impl Subject {
    pub const ALL: [Subject; 6] = [
        Subject::RepairOrder,
        Subject::User,
        Subject::Technician,
        Subject::Equipment,
        Subject::Service,
        Subject::SparePart,
    ];

    const fn name(self) -> &'static str {
        match self {
            Subject::RepairOrder => "REPAIR_ORDER",
            Subject::User => "USER",
            Subject::Technician => "TECHNICIAN",
            Subject::Equipment => "EQUIPMENT",
            Subject::Service => "SERVICE",
            Subject::SparePart => "SPARE_PART",
        }
    }
}

impl Change {
    pub const ALL: [Change; 3] = [Change::Created, Change::Updated, Change::Deleted];

    const fn name(self) -> &'static str {
        match self {
            Change::Created => "CREATED",
            Change::Updated => "UPDATED",
            Change::Deleted => "DELETED",
        }
    }
}

impl Event {
    pub const FULL_UPDATE: &'static str = "DASHBOARD_FULL_UPDATE";

    /// How many types the table knows.
    pub const COUNT: usize = Subject::ALL.len() * Change::ALL.len() + 1;

    /// Longer names are cut: they travel to every client.
    const NAME_CHARS: usize = 64;

    pub fn parse(name: &str) -> Event {
        if name == Event::FULL_UPDATE {
            return Event::FullUpdate;
        }
        for subject in Subject::ALL {
            let Some(change) = name.strip_prefix(subject.name()).and_then(|rest| rest.strip_prefix('_'))
            else {
                continue;
            };
            if let Some(change) = Change::ALL.into_iter().find(|known| known.name() == change) {
                return Event::Known(subject, change);
            }
        }
        Event::Other(name.chars().take(Event::NAME_CHARS).collect())
    }

    pub fn name(&self) -> String {
        match self {
            Event::Known(subject, change) => format!("{}_{}", subject.name(), change.name()),
            Event::FullUpdate => Event::FULL_UPDATE.to_owned(),
            Event::Other(name) => name.clone(),
        }
    }

    pub fn metrics(&self, origin: Origin) -> MetricSet {
        let told = self.metrics_by_http();
        match origin {
            Origin::Http => told,
            Origin::Shop => told.union(self.known_to_the_shop()),
        }
    }

    fn metrics_by_http(&self) -> MetricSet {
        use Change::*;
        use Metric::*;
        use Subject::*;
        let Event::Known(subject, change) = self else { return MetricSet::ALL };
        match (subject, change) {
            (RepairOrder, Created) => {
                [OrdersOverview, OrdersByStatus, OrdersRecent, OrdersCountTotal, OrdersCountActive].into()
            }
            (RepairOrder, Updated | Deleted) => {
                let orders = Metric::ALL.into_iter().filter(|metric| metric.key().starts_with("orders_"));
                orders.chain([UsersTopClients, UsersTopTechnicians]).collect()
            }
            (User, Created) => [UsersOverview, UsersCountClients].into(),
            (User, Updated | Deleted) => {
                [UsersOverview, UsersCountClients, UsersTopClients, OrdersRecent].into()
            }
            (Technician, Created) => {
                [UsersOverview, UsersCountTechnicians, UsersCountActiveTechnicians].into()
            }
            (Technician, Updated | Deleted) => {
                [UsersOverview, UsersCountTechnicians, UsersCountActiveTechnicians, UsersTopTechnicians]
                    .into()
            }
            (Equipment, Created | Updated | Deleted) => [OrdersRecent].into(),
            (Service, Created | Updated | Deleted) => [OrdersTopServices].into(),
            (SparePart, Created | Updated | Deleted) => MetricSet::EMPTY,
        }
    }

    fn known_to_the_shop(&self) -> MetricSet {
        match self {
            // An order may bring details along; without any, the top services are read and found unchanged.
            Event::Known(Subject::RepairOrder, Change::Created) => {
                [Metric::UsersTopClients, Metric::OrdersTopServices].into()
            }
            Event::Known(Subject::User, Change::Created) => [Metric::UsersTopClients].into(),
            Event::Known(Subject::Technician, Change::Created) => [Metric::UsersTopTechnicians].into(),
            Event::Known(..) | Event::FullUpdate | Event::Other(_) => MetricSet::EMPTY,
        }
    }
}

/// What happened, as it is announced to clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// When the announcer says that it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// When the server took it in. ISO-8601 UTC with milliseconds, like all times in frames.
    #[serde(default)]
    pub received: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, origin: Origin, keys: &str) {
        let metrics = Event::parse(name).metrics(origin);
        let got: Vec<_> = metrics.iter().map(Metric::key).collect();
        let mut expected: Vec<_> = keys.split_whitespace().collect();
        expected.sort_by_key(|key| Metric::parse(key));
        assert_eq!(got, expected, "{name} by {origin:?}");
    }

    #[test]
    fn the_table_is_that_of_the_protocol() {
        use Origin::*;
        let created = "orders_overview orders_by_status orders_recent orders_count_total orders_count_active";
        check("REPAIR_ORDER_CREATED", Http, created);
        check("REPAIR_ORDER_CREATED", Shop, &format!("{created} users_top_clients orders_top_services"));
        check("USER_CREATED", Http, "users_overview users_count_clients");
        check("USER_CREATED", Shop, "users_overview users_count_clients users_top_clients");
        let technician = "users_overview users_count_technicians users_count_active_technicians";
        check("TECHNICIAN_CREATED", Http, technician);
        check("TECHNICIAN_CREATED", Shop, &format!("{technician} users_top_technicians"));
        check("TECHNICIAN_DELETED", Http, &format!("{technician} users_top_technicians"));
        let updated = "orders_overview orders_revenue orders_by_status orders_recent orders_top_services \
                       orders_count_total orders_count_active orders_revenue_total users_top_clients \
                       users_top_technicians";
        check("REPAIR_ORDER_UPDATED", Http, updated);
        check("REPAIR_ORDER_DELETED", Shop, updated);
        check("USER_UPDATED", Http, "users_overview users_count_clients users_top_clients orders_recent");
        check("EQUIPMENT_UPDATED", Http, "orders_recent");
        check("SERVICE_CREATED", Http, "orders_top_services");
        check("SPARE_PART_DELETED", Shop, "");
        let all: Vec<_> = Metric::ALL.into_iter().map(Metric::key).collect();
        for name in ["DASHBOARD_FULL_UPDATE", "SOMETHING_ELSE", "USER_", "USER_CREATED_TWICE", ""] {
            check(name, Http, &all.join(" "));
        }
    }

    #[test]
    fn every_name_is_kept_and_a_long_one_cut() {
        for subject in Subject::ALL {
            for change in Change::ALL {
                let event = Event::Known(subject, change);
                assert_eq!(Event::parse(&event.name()), event);
            }
        }
        assert_eq!(Event::parse("DASHBOARD_FULL_UPDATE").name(), "DASHBOARD_FULL_UPDATE");
        assert_eq!(Event::parse("ALGO_NUEVO").name(), "ALGO_NUEVO");
        assert_eq!(Event::parse(&"ñ".repeat(70)).name(), "ñ".repeat(64));
    }
}
