//! The 14 metrics, each one query. Ties are broken to the end, so that an unchanged shop gives an unchanged body.

use crate::store::{Store, Tx, iso};
use serde::Serialize;
use shared::*;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};
use std::collections::HashMap;

const ACTIVE: &str = "status NOT IN ('REJECTED', 'DELIVERED')";

/// All in one transaction.
pub async fn read(store: &Store, metrics: MetricSet) -> anyhow::Result<Vec<(Metric, String)>> {
    let mut tx = store.read().await?;
    let mut bodies = Vec::with_capacity(metrics.len());
    for metric in metrics.iter() {
        bodies.push((metric, body(&mut tx, metric, metric.default_limit().unwrap_or_default()).await?));
    }
    Ok(bodies)
}

pub async fn read_one(store: &Store, metric: Metric, limit: u32) -> anyhow::Result<String> {
    let mut tx = store.read().await?;
    body(&mut tx, metric, limit).await
}

async fn body(tx: &mut Tx, metric: Metric, limit: u32) -> anyhow::Result<String> {
    match metric {
        Metric::OrdersOverview => json(&orders_overview(tx).await?),
        Metric::OrdersRevenue => json(&orders_revenue(tx).await?),
        Metric::OrdersByStatus => json(&orders_by_status(tx).await?),
        Metric::OrdersRecent => json(&orders_recent(tx, limit).await?),
        Metric::OrdersTopServices => json(&orders_top_services(tx, limit).await?),
        Metric::OrdersCountTotal => json(&count(tx, "repair_orders", "1 = 1").await?),
        Metric::OrdersCountActive => json(&count(tx, "repair_orders", ACTIVE).await?),
        Metric::OrdersRevenueTotal => json(&Revenue { revenue: orders_revenue(tx).await?.total_revenue }),
        Metric::UsersOverview => json(&users_overview(tx).await?),
        Metric::UsersTopClients => json(&users_top_clients(tx, limit).await?),
        Metric::UsersTopTechnicians => json(&users_top_technicians(tx, limit).await?),
        Metric::UsersCountClients => json(&count(tx, "users", "role = 'User'").await?),
        Metric::UsersCountTechnicians => json(&count(tx, "users", "role = 'Technician'").await?),
        Metric::UsersCountActiveTechnicians => {
            json(&count(tx, "users", "role = 'Technician' AND active = 1").await?)
        }
    }
}

fn json(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string(value)?)
}

async fn counted(tx: &mut Tx, table: &str, filter: &str) -> sqlx::Result<u64> {
    let sql = format!("SELECT COUNT(*) FROM {table} WHERE {filter}");
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut **tx).await?;
    Ok(count.unsigned_abs())
}

async fn count(tx: &mut Tx, table: &str, filter: &str) -> sqlx::Result<Count> {
    Ok(Count { count: counted(tx, table, filter).await? })
}

/// Count by status, without the zeros.
async fn by_status(tx: &mut Tx) -> sqlx::Result<HashMap<String, u64>> {
    let rows = sqlx::query("SELECT status, COUNT(*) AS n FROM repair_orders GROUP BY status")
        .fetch_all(&mut **tx)
        .await?;
    rows.iter().map(|row| Ok((row.try_get("status")?, number(row, "n")?))).collect()
}

fn number(row: &AnyRow, column: &str) -> sqlx::Result<u64> {
    row.try_get::<i64, _>(column).map(i64::unsigned_abs)
}

fn money(row: &AnyRow, column: &str) -> sqlx::Result<Money> {
    row.try_get(column).map(Money::from_cents)
}

async fn orders_overview(tx: &mut Tx) -> sqlx::Result<OrdersOverview> {
    let counts = by_status(tx).await?;
    let of = |status: OrderStatus| counts.get(status.code()).copied().unwrap_or_default();
    let active = OrderStatus::ALL.into_iter().filter(|status| status.is_active()).map(of).sum();
    let (rejected, delivered) = (of(OrderStatus::Rejected), of(OrderStatus::Delivered));
    Ok(OrdersOverview {
        total_orders: active + rejected + delivered,
        active_orders: active,
        rejected_orders: rejected,
        completed_orders: delivered,
    })
}

async fn orders_revenue(tx: &mut Tx) -> sqlx::Result<OrdersRevenue> {
    let sql = "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(final_cost), 0) AS BIGINT) AS total \
               FROM repair_orders WHERE status = 'DELIVERED'";
    let row = sqlx::query(sql).fetch_one(&mut **tx).await?;
    let (count, total): (i64, i64) = (row.try_get("n")?, row.try_get("total")?);
    // Half a cent goes up.
    let average = if count == 0 { 0 } else { (2 * total + count).div_euclid(2 * count) };
    Ok(OrdersRevenue {
        total_revenue: Money::from_cents(total),
        average_cost: Money::from_cents(average),
        completed_orders_count: count.unsigned_abs(),
    })
}

async fn orders_by_status(tx: &mut Tx) -> sqlx::Result<OrdersByStatus> {
    let counts = by_status(tx).await?;
    let of = |status: OrderStatus| StatusCount {
        status: status.into(),
        count: counts.get(status.code()).copied().unwrap_or_default(),
    };
    Ok(OrdersByStatus { orders_by_status: OrderStatus::ALL.map(of).into() })
}

async fn orders_recent(tx: &mut Tx, limit: u32) -> sqlx::Result<OrdersRecent> {
    let sql = "SELECT o.id, o.problem_description, o.status, u.name AS client, e.name AS equipment, o.created_at, \
               o.final_cost FROM repair_orders o JOIN equipments e ON e.id = o.equipment_id \
               JOIN users u ON u.id = e.user_id ORDER BY o.created_at DESC, o.seq DESC LIMIT $1";
    let rows = sqlx::query(sql).bind(i64::from(limit)).fetch_all(&mut **tx).await?;
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
    Ok(OrdersRecent { recent_orders: rows.iter().map(read).collect::<sqlx::Result<_>>()? })
}

async fn orders_top_services(tx: &mut Tx, limit: u32) -> sqlx::Result<OrdersTopServices> {
    let sql = "SELECT s.service_name, COUNT(*) AS n, CAST(COALESCE(SUM(d.sub_total), 0) AS BIGINT) AS revenue \
               FROM order_details d JOIN services s ON s.id = d.service_id GROUP BY s.id, s.service_name \
               ORDER BY n DESC, revenue DESC, s.service_name, s.id LIMIT $1";
    let rows = sqlx::query(sql).bind(i64::from(limit)).fetch_all(&mut **tx).await?;
    let read = |row: &AnyRow| {
        Ok(TopService {
            service_name: row.try_get("service_name")?,
            count: number(row, "n")?,
            revenue: money(row, "revenue")?,
        })
    };
    Ok(OrdersTopServices { top_services: rows.iter().map(read).collect::<sqlx::Result<_>>()? })
}

async fn users_overview(tx: &mut Tx) -> sqlx::Result<UsersOverview> {
    Ok(UsersOverview {
        total_clients: counted(tx, "users", "role = 'User'").await?,
        total_technicians: counted(tx, "users", "role = 'Technician'").await?,
        active_technicians: counted(tx, "users", "role = 'Technician' AND active = 1").await?,
    })
}

async fn users_top_clients(tx: &mut Tx, limit: u32) -> sqlx::Result<UsersTopClients> {
    let sql = "SELECT u.id, u.name, u.email, COUNT(o.id) AS orders, \
               CAST(COALESCE(SUM(CASE WHEN o.status = 'DELIVERED' THEN o.final_cost ELSE 0 END), 0) AS BIGINT) AS spent \
               FROM users u LEFT JOIN equipments e ON e.user_id = u.id LEFT JOIN repair_orders o ON o.equipment_id = e.id \
               WHERE u.role = 'User' GROUP BY u.id, u.name, u.email \
               ORDER BY spent DESC, orders DESC, u.name, u.id LIMIT $1";
    let rows = sqlx::query(sql).bind(i64::from(limit)).fetch_all(&mut **tx).await?;
    let read = |row: &AnyRow| {
        Ok(TopClient {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            email: row.try_get("email")?,
            total_orders: number(row, "orders")?,
            total_spent: money(row, "spent")?,
        })
    };
    Ok(UsersTopClients { top_clients: rows.iter().map(read).collect::<sqlx::Result<_>>()? })
}

async fn users_top_technicians(tx: &mut Tx, limit: u32) -> sqlx::Result<UsersTopTechnicians> {
    let sql = "SELECT u.id, u.name, u.specialty, u.active, COUNT(d.id) AS completed, \
               CAST(COALESCE(SUM(d.sub_total), 0) AS BIGINT) AS revenue FROM users u \
               LEFT JOIN order_details d ON d.technician_id = u.id AND d.status = 'COMPLETED' \
               WHERE u.role = 'Technician' GROUP BY u.id, u.name, u.specialty, u.active \
               ORDER BY completed DESC, revenue DESC, u.name, u.id LIMIT $1";
    let rows = sqlx::query(sql).bind(i64::from(limit)).fetch_all(&mut **tx).await?;
    let read = |row: &AnyRow| {
        Ok(TopTechnician {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            specialty: row.try_get("specialty")?,
            completed_orders: number(row, "completed")?,
            revenue: money(row, "revenue")?,
            active: row.try_get::<i64, _>("active")? != 0,
        })
    };
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
}
