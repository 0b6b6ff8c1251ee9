//! What a client knows: one slot a metric, merged by version.
//!
//! A value is replaced only by one of a higher version, so a first GET that arrives late never undoes what
//! the socket brought, and an equal value keeps its `Rc`: same pointer, nothing to render.

use crate::metric::{Metric, metrics};
use crate::stats::*;
use serde::de::DeserializeOwned;
use std::rc::Rc;

/// A value and the version at which the server last saw it change.
#[derive(Clone, Debug)]
pub struct Slot<T> {
    pub value: Rc<T>,
    pub version: u64,
}

/// The newest known value of each metric, with its version; `None` until it was first read.
macro_rules! declare {
    ($($variant:ident $key:ident $path:literal $shape:ident $limit:expr;)*) => {
        #[derive(Clone, Debug, Default)]
        pub struct FullDashboardData { $(pub $key: Option<Slot<$shape>>),* }

        impl FullDashboardData {
            /// Takes in one metric's JSON body if it is newer than what is known.
            pub fn merge(&mut self, metric: Metric, body: &str, version: u64) -> Result<Outcome, DecodeError> {
                match metric { $(Metric::$variant => merge(&mut self.$key, metric, body, version)),* }
            }

            pub fn version(&self, metric: Metric) -> Option<u64> {
                match metric { $(Metric::$variant => self.$key.as_ref().map(|slot| slot.version)),* }
            }

            /// A new history begins: what is known stays visible, and whatever comes next is newer.
            pub fn forget_versions(&mut self) {
                $(if let Some(slot) = &mut self.$key { slot.version = 0 })*
            }
        }
    };
}
metrics!(declare);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The value is another one.
    Changed,
    /// Newer, but equal to what was known.
    Same,
    /// Older than what is known.
    Late,
}

/// A body that is not of its metric's shape.
#[derive(Debug)]
pub struct DecodeError {
    pub metric: Metric,
    pub cause: serde_json::Error,
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(out, "{} cannot be read: {}", self.metric.key(), self.cause)
    }
}

impl std::error::Error for DecodeError {}

fn merge<T: DeserializeOwned + PartialEq>(
    slot: &mut Option<Slot<T>>,
    metric: Metric,
    body: &str,
    version: u64,
) -> Result<Outcome, DecodeError> {
    // Version 0 is "unknown": before the first frame, any body is better than none.
    if slot.as_ref().is_some_and(|slot| slot.version > version || (slot.version == version && version > 0)) {
        return Ok(Outcome::Late);
    }
    let value: T = serde_json::from_str(body).map_err(|cause| DecodeError { metric, cause })?;
    match slot {
        Some(slot) if *slot.value == value => {
            slot.version = version;
            Ok(Outcome::Same)
        }
        _ => {
            *slot = Some(Slot { value: Rc::new(value), version });
            Ok(Outcome::Changed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;
    use std::collections::BTreeMap;

    const RECORDED: &str = include_str!("../tests/upstream-stats.json");

    fn recorded() -> BTreeMap<String, Value> {
        serde_json::from_str(RECORDED).expect("the recording is JSON")
    }

    #[test]
    fn every_recorded_response_is_read() {
        let recorded = recorded();
        let mut data = FullDashboardData::default();
        for metric in Metric::ALL {
            let body = recorded[metric.path()].to_string();
            assert_eq!(data.merge(metric, &body, 1).expect("a recorded response"), Outcome::Changed);
        }
        let recent = &data.orders_recent.as_ref().expect("read").value.recent_orders;
        assert_eq!(recent.len(), 10);
        assert_eq!(recent[2].final_cost.expect("a numeric string").cents, 6066);
        assert_eq!(data.orders_revenue.as_ref().expect("read").value.average_cost.cents, 3660);
        assert_eq!(data.users_top_technicians.expect("read").value.top_technicians[0].name, "Luis Vera");
    }

    #[test]
    fn what_a_backend_may_send_is_read_and_the_rest_refused() {
        let mut data = FullDashboardData::default();
        let order = r#"{"recentOrders":[{"id":"1","problemDescription":"x","status":"ON_MARS","clientName":null,
            "createdAt":"2026-11-24T03:09:10.923Z","extra":[1,2]}],"page":1}"#;
        data.merge(Metric::OrdersRecent, order, 1).expect("missing and unknown fields are fine");
        let order = &data.orders_recent.as_ref().expect("read").value.recent_orders[0];
        assert_eq!((order.status.code(), &order.client_name, order.final_cost), ("ON_MARS", &None, None));

        data.merge(Metric::OrdersCountTotal, r#"{"count":"14"}"#, 1).expect("a numeric string");
        data.merge(Metric::OrdersCountActive, r#"{"count":null}"#, 1).expect("null");
        for body in
            ["", "<html>", "null", "[]", "{}", r#"{"count":-1}"#, r#"{"count":1.5}"#, r#"{"count":"x"}"#]
        {
            let error = data.merge(Metric::OrdersCountTotal, body, 2).expect_err(body);
            assert!(error.to_string().starts_with("orders_count_total cannot be read: "), "{error}");
        }
        assert_eq!(data.orders_count_total.expect("kept").value.count, 14);
    }

    #[test]
    fn a_late_first_load_does_not_undo_the_socket() {
        let mut data = FullDashboardData::default();
        data.merge(Metric::OrdersCountTotal, r#"{"count":46}"#, 42).expect("read");
        assert_eq!(data.merge(Metric::OrdersCountTotal, r#"{"count":45}"#, 41).expect("read"), Outcome::Late);
        assert_eq!(data.merge(Metric::OrdersCountTotal, r#"{"count":45}"#, 42).expect("read"), Outcome::Late);
        assert_eq!(data.orders_count_total.as_ref().expect("kept").value.count, 46);
        let before = data.orders_count_total.as_ref().expect("kept").value.clone();
        assert_eq!(data.merge(Metric::OrdersCountTotal, r#"{"count":46}"#, 43).expect("read"), Outcome::Same);
        assert!(Rc::ptr_eq(&before, &data.orders_count_total.as_ref().expect("kept").value));
        data.forget_versions();
        assert_eq!(
            data.merge(Metric::OrdersCountTotal, r#"{"count":3}"#, 1).expect("read"),
            Outcome::Changed
        );
    }

    proptest! {
        /// Whatever the order in which bodies arrive, the newest one is what stays.
        #[test]
        fn the_newest_version_wins(versions in proptest::collection::vec(1_u64..50, 1..40)) {
            let mut data = FullDashboardData::default();
            for version in &versions {
                let body = format!("{{\"count\":{version}}}");
                data.merge(Metric::OrdersCountTotal, &body, *version).expect("read");
            }
            let newest = versions.iter().max().copied();
            prop_assert_eq!(data.orders_count_total.as_ref().map(|slot| slot.value.count), newest);
            prop_assert_eq!(data.version(Metric::OrdersCountTotal), newest);
        }
    }
}
