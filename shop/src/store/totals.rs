//! What an order adds to the totals that the statistics show, and how these follow each write.
//!
//! Each transaction notes how the orders that it touches stood before. On commit they are looked at again, and the
//! difference goes into the totals, in the same transaction and in one fixed order. So no write path has to think
//! of a total: it is enough that it begins with `orders::standing` or `orders::add`. One that changes orders or
//! their details without either has to call [`Write::touches`] first.

use super::{Tx, Write};
use shared::OrderStatus;
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::BTreeMap;
use std::ops::{AddAssign, Neg};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub count: i64,
    pub cents: i64,
}

impl Tally {
    fn is_nothing(self) -> bool {
        self == Tally::default()
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.count += other.count;
        self.cents += other.cents;
    }
}

impl Neg for Tally {
    type Output = Tally;
    fn neg(self) -> Tally {
        Tally { count: -self.count, cents: -self.cents }
    }
}

/// What stands in one total. Their order is that in which rows are locked: the same for everyone, so that nobody
/// waits in a circle on PostgreSQL, and what all orders share comes last, to be locked as briefly as possible.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Total {
    /// Details of the service, in any state.
    Service(String),
    /// Of a person; which of the three follows after the id, for they share a row.
    Person(String, Part),
    /// Orders with the status, and their cost.
    Status(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A client's orders, and what the delivered ones cost.
    Orders,
    /// A technician's completed details.
    Details,
    /// Open orders that a technician evaluates; without money.
    Evaluates,
}

/// Amounts of totals: what one order adds, or by how much they are to change. Holds no zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals(BTreeMap<Total, Tally>);

impl Totals {
    pub fn add(&mut self, total: Total, tally: Tally) {
        let sum = self.0.entry(total.clone()).or_default();
        *sum += tally;
        if sum.is_nothing() {
            self.0.remove(&total);
        }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    fn add_order(&mut self, order: &OrderFacts) {
        let delivered = order.status == OrderStatus::Delivered.code();
        let spent = if delivered { order.cost } else { 0 };
        self.add(Total::Person(order.client.clone(), Part::Orders), Tally { count: 1, cents: spent });
        self.add(Total::Status(order.status.clone()), Tally { count: 1, cents: order.cost });
        let open = OrderStatus::parse(&order.status).is_some_and(OrderStatus::is_active);
        if let Some(evaluator) = order.evaluator.as_ref().filter(|_| open) {
            self.add(Total::Person(evaluator.clone(), Part::Evaluates), Tally { count: 1, cents: 0 });
        }
    }

    fn add_detail(&mut self, detail: &DetailFacts) {
        let tally = Tally { count: 1, cents: detail.sub_total };
        self.add(Total::Service(detail.service.clone()), tally);
        if detail.completed {
            self.add(Total::Person(detail.technician.clone(), Part::Details), tally);
        }
    }

    fn add_all(&mut self, other: Totals) {
        for (total, tally) in other.0 {
            self.add(total, tally);
        }
    }

    fn take_all(&mut self, other: Totals) {
        for (total, tally) in other.0 {
            self.add(total, -tally);
        }
    }

    /// Into the database.
    pub async fn apply(&self, tx: &mut Tx) -> sqlx::Result<()> {
        for (total, tally) in &self.0 {
            let (sql, key) = match total {
                Total::Service(id) => (
                    "UPDATE services SET total_details = total_details + $1, total_revenue = total_revenue + $2 \
                     WHERE id = $3",
                    id,
                ),
                Total::Person(id, Part::Orders) => (
                    "UPDATE users SET total_orders = total_orders + $1, total_spent = total_spent + $2 WHERE id = $3",
                    id,
                ),
                Total::Person(id, Part::Details) => (
                    "UPDATE users SET done_details = done_details + $1, done_revenue = done_revenue + $2 WHERE id = $3",
                    id,
                ),
                Total::Person(id, Part::Evaluates) => {
                    ("UPDATE users SET open_orders = open_orders + $1 + $2 WHERE id = $3", id)
                }
                Total::Status(status) => (
                    "INSERT INTO order_totals (orders, cost, status) VALUES ($1, $2, $3) ON CONFLICT (status) DO UPDATE \
                     SET orders = order_totals.orders + excluded.orders, cost = order_totals.cost + excluded.cost",
                    status,
                ),
            };
            sqlx::query(sql).bind(tally.count).bind(tally.cents).bind(key.clone()).execute(&mut **tx).await?;
        }
        Ok(())
    }
}

struct OrderFacts {
    status: String,
    cost: i64,
    client: String,
    evaluator: Option<String>,
}

struct DetailFacts {
    service: String,
    technician: String,
    completed: bool,
    sub_total: i64,
}

/// How the orders that a transaction touches stood before it.
#[derive(Default)]
pub(super) struct Touched(BTreeMap<String, Totals>);

impl Write {
    /// The order may change from here on; it has to be locked already.
    pub async fn touches(&mut self, order: &str) -> sqlx::Result<()> {
        if !self.touched.0.contains_key(order) {
            let before = read(&mut self.tx, order).await?;
            self.touched.0.insert(order.to_owned(), before);
        }
        Ok(())
    }

    /// The order was not there before.
    pub fn brings(&mut self, order: &str) {
        self.touched.0.insert(order.to_owned(), Totals::default());
    }

    pub(super) async fn settle(&mut self) -> sqlx::Result<()> {
        let mut change = Totals::default();
        for (order, before) in std::mem::take(&mut self.touched).0 {
            change.add_all(read(&mut self.tx, &order).await?);
            change.take_all(before);
        }
        change.apply(&mut self.tx).await
    }
}

/// What the order adds to the totals; one that is not there adds nothing.
async fn read(tx: &mut Tx, order: &str) -> sqlx::Result<Totals> {
    let sql = "SELECT o.status, o.final_cost, o.evaluated_by, e.user_id, d.service_id, d.technician_id, \
               d.status AS work, d.sub_total FROM repair_orders o JOIN equipments e ON e.id = o.equipment_id \
               LEFT JOIN order_details d ON d.order_id = o.id WHERE o.id = $1";
    let rows = sqlx::query(sql).bind(order.to_owned()).fetch_all(&mut **tx).await?;
    let mut totals = Totals::default();
    if let Some(row) = rows.first() {
        totals.add_order(&order_from(row)?);
    }
    for row in &rows {
        if let Some(detail) = detail_from(row)? {
            totals.add_detail(&detail);
        }
    }
    Ok(totals)
}

fn order_from(row: &AnyRow) -> sqlx::Result<OrderFacts> {
    Ok(OrderFacts {
        status: row.try_get("status")?,
        cost: row.try_get("final_cost")?,
        client: row.try_get("user_id")?,
        evaluator: row.try_get("evaluated_by")?,
    })
}

/// An order without details has one row without a detail.
fn detail_from(row: &AnyRow) -> sqlx::Result<Option<DetailFacts>> {
    let Some(service) = row.try_get::<Option<String>, _>("service_id")? else { return Ok(None) };
    Ok(Some(DetailFacts {
        service,
        technician: row.try_get("technician_id")?,
        completed: row.try_get::<String, _>("work")? == "COMPLETED",
        sub_total: row.try_get("sub_total")?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(status: OrderStatus, cost: i64) -> Totals {
        let mut totals = Totals::default();
        totals.add_order(&OrderFacts {
            status: status.code().into(),
            cost,
            client: "ana".into(),
            evaluator: Some("luis".into()),
        });
        totals
    }

    #[test]
    fn a_delivery_moves_an_order_from_one_status_to_the_other_and_its_cost_to_the_client() {
        let mut change = order(OrderStatus::Delivered, 500);
        change.take_all(order(OrderStatus::Ready, 500));
        let tally = |count, cents| Tally { count, cents };
        let expected = [
            (Total::Person("ana".into(), Part::Orders), tally(0, 500)),
            (Total::Person("luis".into(), Part::Evaluates), tally(-1, 0)),
            (Total::Status("DELIVERED".into()), tally(1, 500)),
            (Total::Status("READY".into()), tally(-1, -500)),
        ];
        assert_eq!(change, Totals(expected.into()));
    }

    #[test]
    fn what_did_not_change_is_not_written() {
        let mut change = order(OrderStatus::InRepair, 500);
        change.take_all(order(OrderStatus::InRepair, 500));
        assert_eq!(change, Totals::default());
    }

    #[test]
    fn what_all_orders_share_is_locked_last_and_each_row_in_one_go() {
        let person = |id: &str, part| Total::Person(id.into(), part);
        let mut totals = [
            Total::Status("READY".into()),
            person("b", Part::Orders),
            person("a", Part::Evaluates),
            Total::Service("z".into()),
            person("b", Part::Details),
            person("a", Part::Details),
        ];
        totals.sort();
        let expected = [
            Total::Service("z".into()),
            person("a", Part::Details),
            person("a", Part::Evaluates),
            person("b", Part::Orders),
            person("b", Part::Details),
            Total::Status("READY".into()),
        ];
        assert_eq!(totals, expected);
    }
}
