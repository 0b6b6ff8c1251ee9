//! A large shop for trying out how it goes with many orders: `invent` makes it up, `rows` writes it, many rows a statement.
//!
//! It goes past the routes and past the totals, since one order at a time would take hours. Each batch is a
//! transaction with whole orders; the totals are made at the end, or by the next start if it comes to none.

mod invent;
mod rows;

use crate::stats;
use crate::store::{Store, Write, now};
use anyhow::{Context, ensure};
use invent::Inventor;
use std::time::{Duration, Instant};

/// Orders in a transaction.
const BATCH: u64 = 2_000;

/// Clients, devices and others in a transaction.
const OTHERS_BATCH: usize = 20_000;

pub struct Seeding {
    pub orders: u64,
    /// The same number makes the same shop on the same day.
    pub seed: u64,
    /// Also where there are orders already.
    pub more: bool,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    People { done: usize, of: usize },
    Orders { done: u64, of: u64, since: Duration },
    Totals,
}

#[derive(Clone, Copy, Debug)]
pub struct Seeded {
    pub took: Duration,
    pub totals_took: Duration,
}

pub async fn seed(store: &Store, wish: &Seeding, mut told: impl FnMut(Progress)) -> anyhow::Result<Seeded> {
    let began = Instant::now();
    let there: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM repair_orders").fetch_one(store.pool()).await?;
    ensure!(
        there == 0 || wish.more,
        "the shop has {there} orders already; --more adds to them (or start anew with another database)"
    );
    let mut inventor = Inventor::new(wish.seed, there.unsigned_abs(), wish.orders, now());
    open(store, &mut inventor).await?;
    people(store, &mut inventor, &mut told).await?;
    orders(store, &mut inventor, &mut told).await?;
    told(Progress::Totals);
    let totals = Instant::now();
    finish(store).await?;
    stats::mend(store).await.context("the totals of the statistics cannot be made")?;
    Ok(Seeded { took: began.elapsed(), totals_took: totals.elapsed() })
}

/// Who and what every shop has a few of, and the note that the totals are not to be believed from here on.
async fn open(store: &Store, inventor: &mut Inventor) -> anyhow::Result<()> {
    let mut tx = begin(store).await?;
    stats::forget(&mut tx).await?;
    let (technicians, services, parts) = (inventor.technicians(), inventor.services(), inventor.parts());
    for rows in [technicians, services, parts] {
        rows.write(&mut tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Clients with their devices.
async fn people(
    store: &Store,
    inventor: &mut Inventor,
    told: &mut impl FnMut(Progress),
) -> anyhow::Result<()> {
    let of = inventor.clients_wanted();
    let mut done = 0;
    while done < of {
        let count = OTHERS_BATCH.min(of - done);
        let mut tx = begin(store).await?;
        let (clients, devices) = inventor.clients(done, count);
        clients.write(&mut tx).await?;
        devices.write(&mut tx).await?;
        tx.commit().await?;
        done += count;
        told(Progress::People { done, of });
    }
    Ok(())
}

async fn orders(
    store: &Store,
    inventor: &mut Inventor,
    told: &mut impl FnMut(Progress),
) -> anyhow::Result<()> {
    let (of, began) = (inventor.orders_wanted(), Instant::now());
    let mut done = 0;
    while done < of {
        let count = BATCH.min(of - done);
        let mut tx = begin(store).await?;
        let batch = inventor.orders(done, count);
        for rows in [batch.orders, batch.details, batch.parts, batch.changes] {
            rows.write(&mut tx).await?;
        }
        tx.commit().await?;
        done += count;
        told(Progress::Orders { done, of, since: began.elapsed() });
    }
    Ok(())
}

/// What follows from the orders that are in the shop today, and for PostgreSQL what its planner goes by.
async fn finish(store: &Store) -> anyhow::Result<()> {
    let mut tx = begin(store).await?;
    sqlx::query(
        "UPDATE equipments SET current_status = 'IN_REPAIR' WHERE id IN \
         (SELECT equipment_id FROM repair_orders WHERE status IN ('IN_REPAIR', 'WAITING_PARTS', 'READY'))",
    )
    .execute(&mut **tx)
    .await?;
    tx.commit().await?;
    if !store.is_sqlite() {
        sqlx::query("ANALYZE").execute(store.pool()).await?;
    }
    Ok(())
}

async fn begin(store: &Store) -> anyhow::Result<Write> {
    // Ids are random, so the pages that they belong to are, too: with a small cache nearly each would be read again.
    const SQLITE: &str = "PRAGMA cache_size = -400000; PRAGMA wal_autocheckpoint = 20000";
    // Everything is lost at most up to the last batch; then nobody needs each batch on the disk before the next.
    const POSTGRES: &str = "SET LOCAL synchronous_commit = off; SET LOCAL statement_timeout = 0";
    let mut tx = store.write().await?;
    let settings = if store.is_sqlite() { SQLITE } else { POSTGRES };
    sqlx::raw_sql(settings).execute(&mut **tx).await?;
    Ok(tx)
}

#[cfg(test)]
mod tests {
    use super::rows::{Cell, Rows};
    use super::*;
    use crate::store::testing;
    use shared::{Metric, MetricSet};

    const SMALL: Seeding = Seeding { orders: 300, seed: 7, more: false };

    async fn all_is_kept(store: &Store) {
        for metric in MetricSet::ALL.iter() {
            let kept = stats::read_one(store, metric, 100).await.expect("a body");
            assert_eq!(kept, stats::count_one(store, metric, 100).await.expect("a body"), "{metric:?}");
        }
    }

    async fn number(store: &Store, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(store.pool()).await.expect(sql)
    }

    #[tokio::test]
    async fn a_seeded_shop_is_one_that_its_own_rules_could_have_made() {
        let (_folder, store) = testing::empty().await;
        seed(&store, &SMALL, |_| {}).await.expect("seeded");
        assert_eq!(number(&store, "SELECT COUNT(*) FROM repair_orders").await, 300);
        assert_eq!(number(&store, "SELECT COUNT(*) FROM order_details").await, 900);
        assert_eq!(number(&store, "SELECT COUNT(*) FROM users WHERE role = 'User'").await, 30);
        all_is_kept(&store).await;
        let nothing = [
            "SELECT COUNT(*) FROM repair_orders o WHERE final_cost <> \
             (SELECT COALESCE(SUM(sub_total), 0) FROM order_details WHERE order_id = o.id) + \
             (SELECT COALESCE(SUM(sub_total), 0) FROM order_parts WHERE order_id = o.id)",
            "SELECT COUNT(*) FROM repair_orders o WHERE o.status <> (SELECT to_status FROM order_status_changes c \
             WHERE c.order_id = o.id ORDER BY c.seq DESC LIMIT 1)",
            "SELECT COUNT(*) FROM order_status_changes a JOIN order_status_changes b \
             ON a.order_id = b.order_id AND a.seq < b.seq AND a.changed_at > b.changed_at",
            "SELECT COUNT(*) FROM repair_orders WHERE (status = 'DELIVERED') <> (delivered_at IS NOT NULL)",
            "SELECT COUNT(*) FROM repair_orders a JOIN repair_orders b ON a.seq < b.seq AND a.created_at > b.created_at",
            "SELECT COUNT(*) FROM repair_orders WHERE status IN ('READY', 'DELIVERED') AND id IN \
             (SELECT order_id FROM order_details WHERE status <> 'COMPLETED')",
        ];
        for sql in nothing {
            assert_eq!(number(&store, sql).await, 0, "{sql}");
        }
        assert_eq!(number(&store, "SELECT COUNT(DISTINCT status) FROM repair_orders").await, 7);
    }

    #[tokio::test]
    async fn the_same_number_makes_the_same_shop() {
        let mut tops = Vec::new();
        for number in [7, 7, 8] {
            let (_folder, store) = testing::empty().await;
            seed(&store, &Seeding { seed: number, ..SMALL }, |_| {}).await.expect("seeded");
            tops.push(stats::read_one(&store, Metric::UsersTopClients, 100).await.expect("a body"));
        }
        assert_eq!(tops[0], tops[1]);
        assert_ne!(tops[0], tops[2]);
    }

    #[tokio::test]
    async fn a_shop_with_orders_is_left_alone_unless_more_are_wanted() {
        let (_folder, store) = testing::empty().await;
        seed(&store, &SMALL, |_| {}).await.expect("seeded");
        let refused = seed(&store, &SMALL, |_| {}).await.expect_err("refused").to_string();
        assert!(refused.contains("300 orders") && refused.contains("--more"), "{refused}");
        seed(&store, &Seeding { more: true, ..SMALL }, |_| {}).await.expect("more");
        assert_eq!(number(&store, "SELECT COUNT(*) FROM repair_orders").await, 600);
        all_is_kept(&store).await;
    }

    #[tokio::test]
    async fn one_that_breaks_off_leaves_whole_orders_and_the_next_start_makes_the_totals() {
        let (_folder, store) = testing::empty().await;
        let wish = Seeding { orders: 2 * BATCH + 1, ..SMALL };
        let seeding = store.clone();
        let (first, done) = tokio::sync::oneshot::channel();
        let mut first = Some(first);
        let task = tokio::spawn(async move {
            seed(&seeding, &wish, |progress| {
                if let Progress::Orders { .. } = progress {
                    first.take().map(|first| first.send(()));
                }
            })
            .await
        });
        done.await.expect("a batch");
        task.abort();
        assert!(task.await.is_err());
        assert!(stats::are_unknown(&store).await.expect("a mark"));
        stats::mend(&store).await.expect("mended");
        assert!(number(&store, "SELECT COUNT(*) FROM repair_orders").await >= BATCH as i64);
        let bare = "SELECT COUNT(*) FROM repair_orders WHERE id NOT IN (SELECT order_id FROM order_details)";
        assert_eq!(number(&store, bare).await, 0);
        all_is_kept(&store).await;
    }

    #[test]
    fn cells_fit_into_a_statement() {
        let mut rows = Rows::new("INSERT INTO t (a, b)", 2);
        for at in 0..3 {
            rows.push([Cell::from(at), Cell::from("x")]);
        }
        assert_eq!(rows.sql(3), "INSERT INTO t (a, b) VALUES ($1,$2),($3,$4),($5,$6)");
    }
}
