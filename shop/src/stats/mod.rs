//! The 14 metrics. `kept` is what they are read from, `naive` what they mean, and `mend` makes the first equal to the
//! second. Ties are broken to the end, so that an unchanged shop gives an unchanged body.

mod kept;
mod naive;
mod mend;

pub use mend::{Mended, are_unknown, forget, mend};

use crate::auth::Role;
use crate::store::{Store, Tx, iso};
use kept::KEPT;
use naive::NAIVE;
use serde::Serialize;
use shared::*;
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::HashMap;

/// Where the metrics come from; lists take their length as `$1`.
struct Queries {
    /// `total` (a status), `n` and `cents`.
    by_status: &'static str,
    /// `total` (a role), `n`, and how many of them are active as `cents`.
    people: &'static str,
    recent: &'static str,
    top_services: &'static str,
    top_clients: &'static str,
    top_technicians: &'static str,
}

/// All in one transaction.
pub async fn read(store: &Store, metrics: MetricSet) -> anyhow::Result<Vec<(Metric, String)>> {
    let mut tx = store.read().await?;
    let mut bodies = Vec::with_capacity(metrics.len());
    for metric in metrics.iter() {
        let limit = metric.default_limit().unwrap_or_default();
        bodies.push((metric, body(&mut tx, &KEPT, metric, limit).await?));
    }
    Ok(bodies)
}

pub async fn read_one(store: &Store, metric: Metric, limit: u32) -> anyhow::Result<String> {
    let mut tx = store.read().await?;
    body(&mut tx, &KEPT, metric, limit).await
}

/// As [`read_one`], counted from all rows.
pub async fn count_one(store: &Store, metric: Metric, limit: u32) -> anyhow::Result<String> {
    let mut tx = store.read().await?;
    body(&mut tx, &NAIVE, metric, limit).await
}

async fn body(tx: &mut Tx, from: &Queries, metric: Metric, limit: u32) -> anyhow::Result<String> {
    match metric {
        Metric::OrdersOverview => json(&orders_overview(&by_status(tx, from).await?)),
        Metric::OrdersRevenue => json(&orders_revenue(&by_status(tx, from).await?)),
        Metric::OrdersByStatus => json(&orders_by_status(&by_status(tx, from).await?)),
        Metric::OrdersRecent => json(&orders_recent(tx, from, limit).await?),
        Metric::OrdersTopServices => json(&orders_top_services(tx, from, limit).await?),
        Metric::OrdersCountTotal => {
            json(&Count { count: orders_overview(&by_status(tx, from).await?).total_orders })
        }
        Metric::OrdersCountActive => {
            json(&Count { count: orders_overview(&by_status(tx, from).await?).active_orders })
        }
        Metric::OrdersRevenueTotal => {
            json(&Revenue { revenue: orders_revenue(&by_status(tx, from).await?).total_revenue })
        }
        Metric::UsersOverview => json(&users_overview(tx, from).await?),
        Metric::UsersTopClients => json(&users_top_clients(tx, from, limit).await?),
        Metric::UsersTopTechnicians => json(&users_top_technicians(tx, from, limit).await?),
        Metric::UsersCountClients => json(&Count { count: users_overview(tx, from).await?.total_clients }),
        Metric::UsersCountTechnicians => {
            json(&Count { count: users_overview(tx, from).await?.total_technicians })
        }
        Metric::UsersCountActiveTechnicians => {
            json(&Count { count: users_overview(tx, from).await?.active_technicians })
        }
    }
}

fn json(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string(value)?)
}

/// Count and sum.
type Tally = (u64, i64);

async fn tallies(tx: &mut Tx, sql: &'static str) -> sqlx::Result<HashMap<String, Tally>> {
    let rows = sqlx::query(sql).fetch_all(&mut **tx).await?;
    rows.iter().map(|row| Ok((row.try_get("total")?, (number(row, "n")?, row.try_get("cents")?)))).collect()
}

/// Without those that no order has.
async fn by_status(tx: &mut Tx, from: &Queries) -> sqlx::Result<HashMap<String, Tally>> {
    tallies(tx, from.by_status).await
}

fn of(tallies: &HashMap<String, Tally>, status: OrderStatus) -> Tally {
    tallies.get(status.code()).copied().unwrap_or_default()
}

fn number(row: &AnyRow, column: &str) -> sqlx::Result<u64> {
    // A total that is off may be below zero until it is mended.
    row.try_get::<i64, _>(column).map(|number| u64::try_from(number).unwrap_or_default())
}

fn money(row: &AnyRow, column: &str) -> sqlx::Result<Money> {
    row.try_get(column).map(Money::from_cents)
}

async fn rows(tx: &mut Tx, sql: &'static str, limit: u32) -> sqlx::Result<Vec<AnyRow>> {
    sqlx::query(sql).bind(i64::from(limit)).fetch_all(&mut **tx).await
}

fn orders_overview(tallies: &HashMap<String, Tally>) -> OrdersOverview {
    let count = |status: OrderStatus| of(tallies, status).0;
    let active = OrderStatus::ALL.into_iter().filter(|status| status.is_active()).map(count).sum();
    let (rejected, delivered) = (count(OrderStatus::Rejected), count(OrderStatus::Delivered));
    OrdersOverview {
        total_orders: active + rejected + delivered,
        active_orders: active,
        rejected_orders: rejected,
        completed_orders: delivered,
    }
}

fn orders_revenue(tallies: &HashMap<String, Tally>) -> OrdersRevenue {
    let (orders, total) = of(tallies, OrderStatus::Delivered);
    let count = orders.cast_signed();
    // Half a cent goes up.
    let average = if count == 0 { 0 } else { (2 * total + count).div_euclid(2 * count) };
    OrdersRevenue {
        total_revenue: Money::from_cents(total),
        average_cost: Money::from_cents(average),
        completed_orders_count: orders,
    }
}

fn orders_by_status(tallies: &HashMap<String, Tally>) -> OrdersByStatus {
    let count = |status: OrderStatus| StatusCount { status: status.into(), count: of(tallies, status).0 };
    OrdersByStatus { orders_by_status: OrderStatus::ALL.map(count).into() }
}

async fn orders_recent(tx: &mut Tx, from: &Queries, limit: u32) -> sqlx::Result<OrdersRecent> {
    let read = |row: &AnyRow| {
        let code: String = row.try_get("status")?;
        Ok(RecentOrder {
            id: row.try_get("id")?,
            problem_description: row.try_get("problem_description")?,
            status: OrderStatus::parse(&code).map_or(StatusCode::Unknown(code), StatusCode::Known),
            client_name: row.try_get("client")?,
            equipment_name: row.try_get("equipment")?,
            created_at: iso(row.try_get("created_at")?),
            final_cost: Some(money(row, "final_cost")?),
        })
    };
    let rows = rows(tx, from.recent, limit).await?;
    Ok(OrdersRecent { recent_orders: rows.iter().map(read).collect::<sqlx::Result<_>>()? })
}

async fn orders_top_services(tx: &mut Tx, from: &Queries, limit: u32) -> sqlx::Result<OrdersTopServices> {
    let read = |row: &AnyRow| {
        Ok(TopService {
            service_name: row.try_get("service_name")?,
            count: number(row, "n")?,
            revenue: money(row, "cents")?,
        })
    };
    let rows = rows(tx, from.top_services, limit).await?;
    Ok(OrdersTopServices { top_services: rows.iter().map(read).collect::<sqlx::Result<_>>()? })
}

async fn users_overview(tx: &mut Tx, from: &Queries) -> sqlx::Result<UsersOverview> {
    let tallies = tallies(tx, from.people).await?;
    let of = |role: Role| tallies.get(role.name()).copied().unwrap_or_default();
    let (technicians, active) = of(Role::Technician);
    Ok(UsersOverview {
        total_clients: of(Role::User).0,
        total_technicians: technicians,
        active_technicians: u64::try_from(active).unwrap_or_default(),
    })
}

async fn users_top_clients(tx: &mut Tx, from: &Queries, limit: u32) -> sqlx::Result<UsersTopClients> {
    let read = |row: &AnyRow| {
        Ok(TopClient {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            email: row.try_get("email")?,
            total_orders: number(row, "n")?,
            total_spent: money(row, "cents")?,
        })
    };
    let rows = rows(tx, from.top_clients, limit).await?;
    Ok(UsersTopClients { top_clients: rows.iter().map(read).collect::<sqlx::Result<_>>()? })
}

async fn users_top_technicians(tx: &mut Tx, from: &Queries, limit: u32) -> sqlx::Result<UsersTopTechnicians> {
    let read = |row: &AnyRow| {
        Ok(TopTechnician {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            specialty: row.try_get("specialty")?,
            completed_orders: number(row, "n")?,
            revenue: money(row, "cents")?,
            active: row.try_get::<i64, _>("active")? != 0,
        })
    };
    let rows = rows(tx, from.top_technicians, limit).await?;
    Ok(UsersTopTechnicians { top_technicians: rows.iter().map(read).collect::<sqlx::Result<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing;

    #[tokio::test]
    async fn an_empty_shop_answers_what_a_real_backend_answered() {
        let (_folder, store) = testing::empty().await;
        let bodies: HashMap<_, _> = read(&store, MetricSet::ALL).await.expect("bodies").into_iter().collect();
        let check = |metric: Metric, expected: &str| assert_eq!(bodies[&metric], expected);
        check(
            Metric::OrdersOverview,
            r#"{"totalOrders":0,"activeOrders":0,"rejectedOrders":0,"completedOrders":0}"#,
        );
        check(Metric::OrdersRevenue, r#"{"totalRevenue":0,"averageCost":0,"completedOrdersCount":0}"#);
        check(Metric::OrdersRecent, r#"{"recentOrders":[]}"#);
        check(Metric::OrdersTopServices, r#"{"topServices":[]}"#);
        check(Metric::UsersTopClients, r#"{"topClients":[]}"#);
        check(Metric::UsersOverview, r#"{"totalClients":0,"totalTechnicians":0,"activeTechnicians":0}"#);
        check(Metric::OrdersRevenueTotal, r#"{"revenue":0}"#);
        check(Metric::UsersCountActiveTechnicians, r#"{"count":0}"#);
        let by_status: OrdersByStatus =
            serde_json::from_str(&bodies[&Metric::OrdersByStatus]).expect("a body");
        let expected: Vec<_> =
            OrderStatus::ALL.map(|status| StatusCount { status: status.into(), count: 0 }).into();
        assert_eq!(by_status.orders_by_status, expected);
    }

    /// Each query with the plan that SQLite makes of it.
    async fn plan(store: &Store, sql: &'static str) -> Vec<String> {
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(5_i64);
        let rows = query.fetch_all(store.pool()).await.expect("a plan");
        rows.iter().map(|row| row.get("detail")).collect()
    }

    #[tokio::test]
    async fn no_metric_reads_a_table_that_grows() {
        const GROWING: [&str; 8] =
            ["repair_orders", "order_details", "equipments", "users", "o", "d", "e", "u"];
        // Read from their beginning, in the order that is asked for, as far as the limit.
        const IN_ORDER: &str = "SCAN repair_orders USING INDEX orders_by_age";
        let (_folder, store) = testing::empty().await;
        let reads_much = |step: &String| {
            let table = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
            table.is_some_and(|table| GROWING.contains(&table)) && step != IN_ORDER
        };
        let Queries { by_status, people, recent, top_services, top_clients, top_technicians } = KEPT;
        for sql in [by_status, people, recent, top_services, top_clients, top_technicians] {
            let steps = plan(&store, sql).await;
            assert!(!steps.iter().any(reads_much), "{sql}: {steps:?}");
        }
        // What is found in order is not sorted.
        let steps = plan(&store, top_clients).await;
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
        // The definition does read them, so this test can see it.
        let steps = plan(&store, NAIVE.top_clients).await;
        assert!(steps.iter().any(reads_much), "{steps:?}");
    }
}
