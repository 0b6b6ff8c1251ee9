//! Which orders are asked for, a page at a time.
//!
//! A page begins after a place in the list, not after a number of rows, so that nothing is skipped or told twice
//! when orders come in meanwhile, and so that an index leads there at once. Of all orders a page reads no more than
//! it shows: each status is a range of an index, and several of them are merged. Someone's own orders are gathered
//! first, by indexes too; they are few beside all.

use crate::store::Tx;
use shared::OrderStatus;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

/// Whose orders.
#[derive(Clone, Debug)]
pub enum Whose {
    Everyone,
    /// Of the client.
    Owned(String),
    /// Of the technician: with a detail of theirs, or evaluated by them.
    Worked(String),
    /// Evaluated by the technician.
    Evaluated(String),
}

/// The last key is always `seq`, in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Newest,
    Oldest,
    LastChanged,
    FirstChanged,
    Dearest,
    Cheapest,
}

impl Sort {
    pub const ALL: [Sort; 6] =
        [Sort::Newest, Sort::Oldest, Sort::LastChanged, Sort::FirstChanged, Sort::Dearest, Sort::Cheapest];

    pub const fn code(self) -> &'static str {
        match self {
            Sort::Newest => "-createdAt",
            Sort::Oldest => "createdAt",
            Sort::LastChanged => "-updatedAt",
            Sort::FirstChanged => "updatedAt",
            Sort::Dearest => "-finalCost",
            Sort::Cheapest => "finalCost",
        }
    }

    pub fn parse(code: &str) -> Option<Sort> {
        Sort::ALL.into_iter().find(|sort| sort.code() == code)
    }

    const fn column(self) -> &'static str {
        match self {
            Sort::Newest | Sort::Oldest => "created_at",
            Sort::LastChanged | Sort::FirstChanged => "updated_at",
            Sort::Dearest | Sort::Cheapest => "final_cost",
        }
    }

    /// What comes later in the list, and which way the list goes.
    const fn direction(self) -> (&'static str, &'static str) {
        match self {
            Sort::Newest | Sort::LastChanged | Sort::Dearest => ("<", "DESC"),
            Sort::Oldest | Sort::FirstChanged | Sort::Cheapest => (">", "ASC"),
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    pub whose: Whose,
    /// None: all of them.
    pub statuses: Vec<OrderStatus>,
    pub sort: Sort,
}

/// Where an order stands in the list: its value in the sorted column, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub value: i64,
    pub seq: i64,
}

/// What a search looks at.
pub struct Texts {
    pub place: Place,
    pub id: String,
    pub texts: [String; 3],
}

/// The next places after `after`, or the first ones.
pub async fn page(tx: &mut Tx, ask: &Ask, after: Option<Place>, limit: usize) -> sqlx::Result<Vec<Place>> {
    let mut sql = Sql::default();
    let text = places(&mut sql, ask, after, limit);
    sql.rows(tx, text).await?.iter().map(place_from).collect()
}

/// The same, with the texts that a search looks at.
pub async fn texts(tx: &mut Tx, ask: &Ask, after: Option<Place>, limit: usize) -> sqlx::Result<Vec<Texts>> {
    let mut sql = Sql::default();
    let places = places(&mut sql, ask, after, limit);
    let (_, way) = ask.sort.direction();
    let text = format!(
        "SELECT m.seq, m.value, o.id, o.problem_description, e.name AS device, \
         u.name || ' ' || COALESCE(u.last_name, '') AS client FROM ({places}) m \
         JOIN repair_orders o ON o.seq = m.seq JOIN equipments e ON e.id = o.equipment_id \
         JOIN users u ON u.id = e.user_id ORDER BY m.value {way}, m.seq {way}"
    );
    let read = |row: &AnyRow| {
        let texts = [row.try_get("problem_description")?, row.try_get("client")?, row.try_get("device")?];
        Ok(Texts { place: place_from(row)?, id: row.try_get("id")?, texts })
    };
    sql.rows(tx, text).await?.iter().map(read).collect()
}

/// How many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub number: usize,
    /// There are more: they were not counted to the end.
    pub at_least: bool,
}

/// Everyone's orders stand in the totals; someone's own ones are counted, up to `most`.
pub async fn count(tx: &mut Tx, ask: &Ask, most: usize) -> sqlx::Result<Count> {
    let mut sql = Sql::default();
    let statuses = only(&ask.statuses);
    let (text, most) = match sql.own(&ask.whose) {
        None => {
            let sum = "SELECT CAST(COALESCE(SUM(o.orders), 0) AS BIGINT) AS n FROM order_totals o";
            (format!("{sum} WHERE 1 = 1 {statuses}"), usize::MAX)
        }
        Some(own) => {
            let limit = sql.number(most + 1);
            let from = format!("({own}) own JOIN repair_orders o ON o.seq = own.seq WHERE 1 = 1 {statuses}");
            (format!("SELECT COUNT(*) AS n FROM (SELECT 1 FROM {from} LIMIT {limit}) counted"), most)
        }
    };
    let rows = sql.rows(tx, text).await?;
    let number = rows.first().map(|row| row.try_get::<i64, _>("n")).transpose()?.unwrap_or_default();
    let number = usize::try_from(number).unwrap_or_default();
    Ok(Count { number: number.min(most), at_least: number > most })
}

/// Those whose id begins so, which must be made of hex digits and dashes.
pub async fn numbered(tx: &mut Tx, ask: &Ask, prefix: &str, limit: usize) -> sqlx::Result<Vec<Place>> {
    let mut sql = Sql::default();
    let own = match sql.own(&ask.whose) {
        None => String::new(),
        Some(own) => format!("AND o.seq IN ({own})"),
    };
    // `g` comes after every hex digit.
    let (first, last) = (sql.text(prefix.to_owned()), sql.text(format!("{prefix}g")));
    let ((_, way), column) = (ask.sort.direction(), ask.sort.column());
    let limit = sql.number(limit);
    let text = format!(
        "SELECT o.seq, o.{column} AS value FROM repair_orders o WHERE o.id >= {first} AND o.id < {last} {own} {} \
         ORDER BY value {way}, seq {way} LIMIT {limit}",
        only(&ask.statuses)
    );
    sql.rows(tx, text).await?.iter().map(place_from).collect()
}

/// The numbers of all of someone's own orders, newest first.
pub async fn own(tx: &mut Tx, whose: &Whose) -> sqlx::Result<Vec<i64>> {
    let mut sql = Sql::default();
    let own = sql.own(whose).unwrap_or_else(|| "SELECT seq FROM repair_orders".to_owned());
    let text = format!(
        "SELECT o.seq FROM ({own}) own JOIN repair_orders o ON o.seq = own.seq \
         ORDER BY o.created_at DESC, o.seq DESC"
    );
    sql.rows(tx, text).await?.iter().map(|row| row.try_get("seq")).collect()
}

/// The numbers of all of a technician's pieces of work, newest first.
pub async fn own_work(tx: &mut Tx, technician: &str) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar(
        "SELECT seq FROM order_details WHERE technician_id = $1 ORDER BY created_at DESC, seq DESC",
    )
    .bind(technician.to_owned())
    .fetch_all(&mut **tx)
    .await
}

fn place_from(row: &AnyRow) -> sqlx::Result<Place> {
    Ok(Place { value: row.try_get("value")?, seq: row.try_get("seq")? })
}

/// The codes are a closed set, so they may stand in the text.
fn only(statuses: &[OrderStatus]) -> String {
    let codes: Vec<_> = statuses.iter().map(|status| format!("'{}'", status.code())).collect();
    if codes.is_empty() { String::new() } else { format!("AND o.status IN ({})", codes.join(", ")) }
}

/// A SELECT of `seq` and `value`.
fn places(sql: &mut Sql, ask: &Ask, after: Option<Place>, limit: usize) -> String {
    let ((later, way), column) = (ask.sort.direction(), ask.sort.column());
    let own = sql.own(&ask.whose);
    let after = after.map_or(String::new(), |place| {
        let (value, seq) = (sql.integer(place.value), sql.integer(place.seq));
        format!("AND (o.{column}, o.seq) {later} ({value}, {seq})")
    });
    let limit = sql.number(limit);
    let end = format!("{after} ORDER BY o.{column} {way}, o.seq {way} LIMIT {limit}");
    if let Some(own) = own {
        // Gathered first (SQLite keeps the order of a CROSS JOIN): walking through all orders in search of
        // someone's few would read the whole table.
        let statuses = only(&ask.statuses);
        return format!(
            "WITH own AS MATERIALIZED ({own}) SELECT o.seq, o.{column} AS value \
             FROM own CROSS JOIN repair_orders o WHERE o.seq = own.seq {statuses} {end}"
        );
    }
    let range = |filter: String| {
        format!("SELECT o.seq, o.{column} AS value FROM repair_orders o WHERE {filter} {end}")
    };
    let of_status = |status: &OrderStatus| range(format!("o.status = '{}'", status.code()));
    match ask.statuses.as_slice() {
        [] => range("1 = 1".to_owned()),
        [status] => of_status(status),
        several => {
            let ranges: Vec<_> =
                several.iter().map(|status| format!("SELECT * FROM ({}) r", of_status(status))).collect();
            format!(
                "SELECT m.seq, m.value FROM ({}) m ORDER BY m.value {way}, m.seq {way} LIMIT {limit}",
                ranges.join(" UNION ALL ")
            )
        }
    }
}

/// The values of a statement, in the order of their placeholders.
#[derive(Default)]
struct Sql {
    values: Vec<Value>,
}

enum Value {
    Text(String),
    Integer(i64),
}

impl Sql {
    fn place(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn text(&mut self, text: String) -> String {
        self.place(Value::Text(text))
    }

    fn integer(&mut self, integer: i64) -> String {
        self.place(Value::Integer(integer))
    }

    fn number(&mut self, number: usize) -> String {
        self.integer(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// A SELECT of the numbers of someone's own orders, without order.
    fn own(&mut self, whose: &Whose) -> Option<String> {
        Some(match whose {
            Whose::Everyone => return None,
            Whose::Owned(id) => format!(
                "SELECT a.seq FROM equipments b JOIN repair_orders a ON a.equipment_id = b.id WHERE b.user_id = {}",
                self.text(id.clone())
            ),
            Whose::Worked(id) => {
                let id = self.text(id.clone());
                format!(
                    "SELECT a.seq FROM repair_orders a WHERE a.evaluated_by = {id} UNION SELECT a.seq \
                     FROM order_details b JOIN repair_orders a ON a.id = b.order_id WHERE b.technician_id = {id}"
                )
            }
            Whose::Evaluated(id) => {
                format!("SELECT a.seq FROM repair_orders a WHERE a.evaluated_by = {}", self.text(id.clone()))
            }
        })
    }

    async fn rows(self, tx: &mut Tx, text: String) -> sqlx::Result<Vec<AnyRow>> {
        let mut query = sqlx::query(AssertSqlSafe(text));
        for value in self.values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Integer(integer) => query.bind(integer),
            };
        }
        query.fetch_all(&mut **tx).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing;

    async fn plan(tx: &mut Tx, ask: &Ask, after: Option<Place>) -> String {
        let mut sql = Sql::default();
        let text = places(&mut sql, ask, after, 50);
        let rows = sql.rows(tx, format!("EXPLAIN QUERY PLAN {text}")).await.expect("a plan");
        let steps: Vec<String> = rows.iter().map(|row| row.try_get("detail").expect("a step")).collect();
        steps.join("\n")
    }

    #[tokio::test]
    async fn a_page_reads_a_range_of_an_index_and_never_all_orders() {
        let (_folder, store) = testing::empty().await;
        let mut tx = store.read().await.expect("a transaction");
        let someone = "550e8400-e29b-41d4-a716-446655440000".to_owned();
        let everyone = [
            Whose::Everyone,
            Whose::Owned(someone.clone()),
            Whose::Worked(someone.clone()),
            Whose::Evaluated(someone),
        ];
        for whose in everyone {
            for statuses in [vec![], vec![OrderStatus::Ready], OrderStatus::ALL[1..4].to_vec()] {
                for sort in Sort::ALL {
                    for after in [None, Some(Place { value: 7, seq: 7 })] {
                        let ask = Ask { whose: whose.clone(), statuses: statuses.clone(), sort };
                        let plan = plan(&mut tx, &ask, after).await;
                        // Without a place the list is walked through in the index's order, and left after the page.
                        let walks = |table: &str| {
                            plan.lines().any(|step| step.split(' ').take(2).eq(["SCAN", table]))
                        };
                        let begins = after.is_none() && statuses.is_empty() && plan.contains("SCAN o USING ");
                        assert!(begins || !walks("o"), "{ask:?}:\n{plan}");
                        assert!(!walks("a") && !walks("b"), "{ask:?}:\n{plan}");
                        if matches!(whose, Whose::Everyone) && statuses.len() < 2 {
                            assert!(!plan.contains("TEMP B-TREE"), "{ask:?}:\n{plan}");
                        }
                    }
                }
            }
        }
    }
}
