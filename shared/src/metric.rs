//! The metrics of a shop: one name everywhere, from the endpoint to the panel.
//!
//! A new metric is one line in [`metrics!`], one type in `stats.rs`, one query in the shop and, where it is
//! shown, one panel; the compiler names the places.

use std::ops::{Index, IndexMut};

/// Calls `$then!` with the table of all metrics: variant, key, path, shape and default limit.
macro_rules! metrics {
    ($then:ident) => {
        $then! {
            OrdersOverview orders_overview "/repair-orders/stats/overview" OrdersOverview None;
            OrdersRevenue orders_revenue "/repair-orders/stats/revenue" OrdersRevenue None;
            OrdersByStatus orders_by_status "/repair-orders/stats/by-status" OrdersByStatus None;
            OrdersRecent orders_recent "/repair-orders/stats/recent" OrdersRecent Some(10);
            OrdersTopServices orders_top_services "/repair-orders/stats/top-services" OrdersTopServices Some(5);
            OrdersCountTotal orders_count_total "/repair-orders/stats/count/total" Count None;
            OrdersCountActive orders_count_active "/repair-orders/stats/count/active" Count None;
            OrdersRevenueTotal orders_revenue_total "/repair-orders/stats/revenue/total" Revenue None;
            UsersOverview users_overview "/users/stats/overview" UsersOverview None;
            UsersTopClients users_top_clients "/users/stats/top-clients" UsersTopClients Some(5);
            UsersTopTechnicians users_top_technicians "/users/stats/top-technicians" UsersTopTechnicians Some(5);
            UsersCountClients users_count_clients "/users/stats/count/clients" Count None;
            UsersCountTechnicians users_count_technicians "/users/stats/count/technicians" Count None;
            UsersCountActiveTechnicians users_count_active_technicians "/users/stats/count/active-technicians" Count None;
        }
    };
}
pub(crate) use metrics;

macro_rules! declare {
    ($($variant:ident $key:ident $path:literal $shape:ident $limit:expr;)*) => {
        /// A figure, or a small list, that the dashboard shows and that is fetched as one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Metric { $($variant),* }

        impl Metric {
            pub const ALL: [Metric; 0 $(+ { let _ = Metric::$variant; 1 })*] = [$(Metric::$variant),*];

            /// The name on the wire, e.g. `orders_overview`.
            pub const fn key(self) -> &'static str {
                match self { $(Metric::$variant => stringify!($key)),* }
            }

            /// The endpoint that answers it, e.g. `/repair-orders/stats/overview`.
            pub const fn path(self) -> &'static str {
                match self { $(Metric::$variant => $path),* }
            }

            /// How many rows a list has when nobody asks for another `?limit=`; `None`: not a list.
            pub const fn default_limit(self) -> Option<u32> {
                match self { $(Metric::$variant => $limit),* }
            }
        }
    };
}
metrics!(declare);

impl Metric {
    pub const COUNT: usize = Metric::ALL.len();

    /// What the dashboard loads at its start; the counts serve other clients.
    pub const FIRST: [Metric; 8] = [
        Metric::OrdersOverview,
        Metric::OrdersRevenue,
        Metric::OrdersByStatus,
        Metric::OrdersRecent,
        Metric::OrdersTopServices,
        Metric::UsersOverview,
        Metric::UsersTopClients,
        Metric::UsersTopTechnicians,
    ];

    pub fn parse(key: &str) -> Option<Metric> {
        Metric::ALL.into_iter().find(|metric| metric.key() == key)
    }
}

/// A set of metrics, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetricSet(u32);

impl MetricSet {
    pub const EMPTY: MetricSet = MetricSet(0);
    pub const ALL: MetricSet = MetricSet((1 << Metric::COUNT) - 1);

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub const fn contains(self, metric: Metric) -> bool {
        self.0 & (1 << metric as u32) != 0
    }

    pub fn insert(&mut self, metric: Metric) {
        self.0 |= 1 << metric as u32;
    }

    pub fn remove(&mut self, metric: Metric) {
        self.0 &= !(1 << metric as u32);
    }

    #[must_use]
    pub const fn union(self, other: MetricSet) -> MetricSet {
        MetricSet(self.0 | other.0)
    }

    #[must_use]
    pub const fn minus(self, other: MetricSet) -> MetricSet {
        MetricSet(self.0 & !other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = Metric> {
        Metric::ALL.into_iter().filter(move |metric| self.contains(*metric))
    }
}

impl FromIterator<Metric> for MetricSet {
    fn from_iter<I: IntoIterator<Item = Metric>>(metrics: I) -> MetricSet {
        let mut set = MetricSet::EMPTY;
        metrics.into_iter().for_each(|metric| set.insert(metric));
        set
    }
}

impl<const N: usize> From<[Metric; N]> for MetricSet {
    fn from(metrics: [Metric; N]) -> MetricSet {
        metrics.into_iter().collect()
    }
}

/// One value for each metric.
#[derive(Clone, Debug, PartialEq)]
pub struct PerMetric<T>([T; Metric::COUNT]);

impl<T> PerMetric<T> {
    pub fn from_fn(mut value: impl FnMut(Metric) -> T) -> PerMetric<T> {
        PerMetric(std::array::from_fn(|at| value(Metric::ALL[at])))
    }

    pub fn iter(&self) -> impl Iterator<Item = (Metric, &T)> {
        Metric::ALL.into_iter().zip(&self.0)
    }
}

impl<T: Default> Default for PerMetric<T> {
    fn default() -> Self {
        PerMetric::from_fn(|_| T::default())
    }
}

impl<T> Index<Metric> for PerMetric<T> {
    type Output = T;
    fn index(&self, metric: Metric) -> &T {
        &self.0[metric as usize]
    }
}

impl<T> IndexMut<Metric> for PerMetric<T> {
    fn index_mut(&mut self, metric: Metric) -> &mut T {
        &mut self.0[metric as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_found_by_its_key_and_has_a_path_of_its_own() {
        for metric in Metric::ALL {
            assert_eq!(Metric::parse(metric.key()), Some(metric));
            assert_eq!(Metric::ALL.iter().filter(|other| other.path() == metric.path()).count(), 1);
            let segment = metric.path().split('/').nth(1).expect("a path begins with a slash");
            assert!(crate::RESERVED_SEGMENTS.contains(&segment));
        }
        assert_eq!(Metric::parse("orders"), None);
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let mut set = MetricSet::from([Metric::OrdersRecent, Metric::UsersOverview]);
        set.insert(Metric::OrdersRecent);
        assert_eq!(set.len(), 2);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Metric::OrdersRecent, Metric::UsersOverview]);
        set.remove(Metric::OrdersRecent);
        assert!(!set.contains(Metric::OrdersRecent));
        assert_eq!(MetricSet::ALL.minus(set).len(), Metric::COUNT - 1);
        assert_eq!(MetricSet::ALL, Metric::ALL.into_iter().collect());
    }
}
