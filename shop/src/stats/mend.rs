//! Compares the totals with what all rows say, and mends them: a shop from before there were totals, rows that someone
//! changed by hand, and whatever else went wrong.
//!
//! Both are read from one state of the database; nobody waits meanwhile. By what they differ does not depend on what
//! is written in between, since each write adds the same to both: so the difference itself is added afterwards.

use super::naive;
use crate::store::totals::{Part, Tally, Total, Totals};
use crate::store::{Store, Tx, new_id};
use sqlx::{AssertSqlSafe, Row};

/// What stands here in `settings` until the totals were made for the first time, and again while much is written past
/// them. Later: a mark that changes each time they are mended.
const MARK: &str = "totals";
const UNKNOWN: &str = "unknown";

/// How many totals were off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mended(pub usize);

/// Whether the totals were never made.
pub async fn are_unknown(store: &Store) -> sqlx::Result<bool> {
    let mut tx = store.read().await?;
    Ok(mark(&mut tx).await? == UNKNOWN)
}

async fn mark(tx: &mut Tx) -> sqlx::Result<String> {
    sqlx::query_scalar("SELECT value FROM settings WHERE name = $1").bind(MARK).fetch_one(&mut **tx).await
}

/// Whoever writes orders past the totals says so first, so that they are made anew even if that breaks off.
pub async fn forget(tx: &mut Tx) -> sqlx::Result<()> {
    sqlx::query("UPDATE settings SET value = $1 WHERE name = $2")
        .bind(UNKNOWN)
        .bind(MARK)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub async fn mend(store: &Store) -> anyhow::Result<Mended> {
    let found = find(store).await?;
    add(store, found).await
}

/// By what the totals differed from the truth, and which mark they carried then.
struct Found {
    mark: String,
    orders: Totals,
    people: Vec<(String, Tally)>,
}

async fn find(store: &Store) -> anyhow::Result<Found> {
    let mut tx = store.read().await?;
    if !store.is_sqlite() {
        // However long it takes in a large shop: nobody waits for it.
        sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut *tx).await?;
    }
    Ok(Found { mark: mark(&mut tx).await?, orders: off(&mut tx).await?, people: people_off(&mut tx).await? })
}

async fn add(store: &Store, found: Found) -> anyhow::Result<Mended> {
    let count = found.orders.len() + found.people.len();
    if count == 0 && found.mark != UNKNOWN {
        return Ok(Mended(0));
    }
    let mut tx = store.write().await?;
    // Two servers that start at once find the same difference, and only one of them may add it.
    let marked = sqlx::query("UPDATE settings SET value = $1 WHERE name = $2 AND value = $3")
        .bind(new_id())
        .bind(MARK)
        .bind(found.mark)
        .execute(&mut **tx)
        .await?;
    if marked.rows_affected() == 0 {
        return Ok(Mended(0));
    }
    found.orders.apply(&mut tx).await?;
    for (role, tally) in found.people {
        sqlx::query(
            "INSERT INTO user_totals (people, active, role) VALUES ($1, $2, $3) ON CONFLICT (role) DO UPDATE \
             SET people = user_totals.people + excluded.people, active = user_totals.active + excluded.active",
        )
        .bind(tally.count)
        .bind(tally.cents)
        .bind(role)
        .execute(&mut **tx)
        .await?;
    }
    tx.commit().await?;
    Ok(Mended(count))
}

/// By what the totals that orders keep up differ from the truth.
async fn off(tx: &mut Tx) -> sqlx::Result<Totals> {
    let person = |part| move |id| Total::Person(id, part);
    let mut off = Totals::default();
    let mut add = |found: Vec<(String, Tally)>, total: &dyn Fn(String) -> Total| {
        for (id, tally) in found {
            off.add(total(id), tally);
        }
    };
    let kept = "SELECT status AS total, orders AS n, cost AS cents FROM order_totals";
    add(differences(tx, naive::ORDERS_BY_STATUS, kept).await?, &Total::Status);
    let kept = "SELECT id AS total, total_orders AS n, total_spent AS cents FROM users";
    add(differences(tx, naive::ORDERS_BY_CLIENT, kept).await?, &person(Part::Orders));
    let kept = "SELECT id AS total, open_orders AS n, 0 AS cents FROM users";
    add(differences(tx, naive::OPEN_ORDERS_BY_EVALUATOR, kept).await?, &person(Part::Evaluates));
    let kept = "SELECT id AS total, done_details AS n, done_revenue AS cents FROM users";
    add(differences(tx, naive::DETAILS_BY_TECHNICIAN, kept).await?, &person(Part::Details));
    let kept = "SELECT id AS total, total_details AS n, total_revenue AS cents FROM services";
    add(differences(tx, naive::DETAILS_BY_SERVICE, kept).await?, &Total::Service);
    Ok(off)
}

async fn people_off(tx: &mut Tx) -> sqlx::Result<Vec<(String, Tally)>> {
    let kept = "SELECT role AS total, people AS n, active AS cents FROM user_totals";
    differences(tx, naive::PEOPLE_BY_ROLE, kept).await
}

/// The truth less what is kept, where there is a difference.
async fn differences(tx: &mut Tx, truth: &str, kept: &str) -> sqlx::Result<Vec<(String, Tally)>> {
    let sql = format!(
        "SELECT total, CAST(SUM(n) AS BIGINT) AS n, CAST(SUM(cents) AS BIGINT) AS cents FROM \
         (SELECT total, n, cents FROM ({truth}) t UNION ALL \
         SELECT total, -n, -cents FROM ({kept}) k WHERE n <> 0 OR cents <> 0) both_sides \
         GROUP BY total HAVING SUM(n) <> 0 OR SUM(cents) <> 0"
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut **tx).await?;
    rows.iter()
        .map(|row| {
            let tally = Tally { count: row.try_get("n")?, cents: row.try_get("cents")? };
            Ok((row.try_get("total")?, tally))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Passwords;
    use crate::store::testing;
    use crate::{demo, stats};
    use shared::{Metric, MetricSet};
    use tempfile::TempDir;

    /// A shop with a past, which went through the functions of the routes.
    async fn demo() -> (TempDir, Store) {
        let (folder, store) = testing::empty().await;
        assert_eq!(mend(&store).await.expect("an empty shop"), Mended(0));
        demo::fill(&store, &Passwords::default(), &jiff::tz::TimeZone::UTC).await.expect("the demo");
        (folder, store)
    }

    async fn run(store: &Store, sql: &'static str) {
        sqlx::raw_sql(sql).execute(store.pool()).await.expect(sql);
    }

    const SPOIL: &str = "UPDATE order_totals SET orders = orders + 3, cost = 0 WHERE status = 'DELIVERED'; \
         DELETE FROM order_totals WHERE status = 'READY'; \
         UPDATE users SET total_spent = total_spent - 7 WHERE id = (SELECT id FROM users WHERE role = 'User' LIMIT 1); \
         UPDATE users SET done_details = 0, open_orders = open_orders + 1 \
         WHERE id = (SELECT id FROM users WHERE role = 'Technician' AND done_details > 0 LIMIT 1); \
         UPDATE services SET total_revenue = -1 WHERE id = (SELECT id FROM services LIMIT 1); \
         UPDATE user_totals SET people = 0 WHERE role = 'User'";
    const SPOILT: usize = 7;

    async fn all_is_right(store: &Store) {
        for metric in MetricSet::ALL.iter() {
            let kept = stats::read_one(store, metric, 100).await.expect("a body");
            assert_eq!(kept, stats::count_one(store, metric, 100).await.expect("a body"), "{metric:?}");
        }
        assert_eq!(mend(store).await.expect("a comparison"), Mended(0));
    }

    #[tokio::test]
    async fn what_was_spoilt_by_hand_is_mended_and_counted() {
        let (_folder, store) = demo().await;
        all_is_right(&store).await;
        run(&store, SPOIL).await;
        assert_eq!(mend(&store).await.expect("a comparison"), Mended(SPOILT));
        all_is_right(&store).await;
    }

    #[tokio::test]
    async fn what_is_written_between_finding_and_mending_is_not_lost() {
        let (_folder, store) = demo().await;
        run(&store, SPOIL).await;
        let found = find(&store).await.expect("a comparison");
        let mut tx = store.write().await.expect("a transaction");
        let order: String =
            sqlx::query_scalar("SELECT id FROM repair_orders WHERE status = 'DELIVERED' LIMIT 1")
                .fetch_one(&mut **tx)
                .await
                .expect("an order");
        let standing = crate::store::orders::standing(&mut tx, &order).await.expect("an order");
        crate::store::orders::delete(&mut tx, &standing, 0).await.expect("deleted");
        tx.commit().await.expect("a commit");
        assert_eq!(add(&store, found).await.expect("mended"), Mended(SPOILT));
        all_is_right(&store).await;
    }

    #[tokio::test]
    async fn of_two_that_find_the_same_one_mends() {
        let (_folder, store) = demo().await;
        run(&store, SPOIL).await;
        let (one, other) = (find(&store).await.expect("found"), find(&store).await.expect("found"));
        assert_eq!(add(&store, one).await.expect("mended"), Mended(SPOILT));
        assert_eq!(add(&store, other).await.expect("nothing to do"), Mended(0));
        all_is_right(&store).await;
    }

    #[tokio::test]
    async fn a_shop_from_before_the_totals_gets_them() {
        let (_folder, store) = demo().await;
        let as_if = "UPDATE users SET total_orders = 0, total_spent = 0, done_details = 0, done_revenue = 0, open_orders = 0; \
                     UPDATE services SET total_details = 0, total_revenue = 0; DELETE FROM order_totals; \
                     UPDATE user_totals SET people = 0, active = 0; UPDATE settings SET value = 'unknown' WHERE name = 'totals'";
        run(&store, as_if).await;
        assert!(are_unknown(&store).await.expect("a mark"));
        assert_ne!(mend(&store).await.expect("made"), Mended(0));
        assert!(!are_unknown(&store).await.expect("a mark"));
        all_is_right(&store).await;
        let top = stats::read_one(&store, Metric::UsersTopClients, 1).await.expect("a body");
        assert!(!top.contains("\"totalSpent\":0"), "{top}");
    }
}
