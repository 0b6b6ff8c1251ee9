//! Rows of one table, written many at a time with one set of SQL for both databases.

use crate::store::Tx;
use sqlx::AssertSqlSafe;
use std::fmt::Write;

/// Values in a statement. To find one by its number, SQLite goes through them all: with ten thousand of them that is what
/// it would spend its time with.
const VALUES: usize = 600;

pub enum Cell {
    Text(Option<String>),
    Number(Option<i64>),
}

impl From<i64> for Cell {
    fn from(number: i64) -> Cell {
        Cell::Number(Some(number))
    }
}

impl From<Option<i64>> for Cell {
    fn from(number: Option<i64>) -> Cell {
        Cell::Number(number)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::Text(Some(text))
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(Some(text.to_owned()))
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Cell {
        Cell::Text(text)
    }
}

pub struct Rows {
    /// Up to the names of the columns.
    insert: &'static str,
    columns: usize,
    cells: Vec<Cell>,
}

impl Rows {
    pub fn new(insert: &'static str, columns: usize) -> Rows {
        Rows { insert, columns, cells: Vec::new() }
    }

    pub fn push<const N: usize>(&mut self, cells: [Cell; N]) {
        assert_eq!(N, self.columns, "a row has a cell for each column");
        self.cells.extend(cells);
    }

    pub async fn write(self, tx: &mut Tx) -> sqlx::Result<()> {
        let most = VALUES / self.columns;
        let mut left = self.cells.len() / self.columns;
        let (full, rest) = (self.sql(most), self.sql(left % most));
        let mut cells = self.cells.into_iter();
        while left > 0 {
            let rows = most.min(left);
            let sql = if rows == most { &full } else { &rest };
            // Only full statements come again and are worth keeping prepared.
            let mut query = sqlx::query(AssertSqlSafe(sql.clone())).persistent(rows == most);
            for cell in cells.by_ref().take(rows * self.columns) {
                query = match cell {
                    Cell::Text(text) => query.bind(text),
                    Cell::Number(number) => query.bind(number),
                };
            }
            query.execute(&mut **tx).await?;
            left -= rows;
        }
        Ok(())
    }

    pub(super) fn sql(&self, rows: usize) -> String {
        let mut sql = format!("{} VALUES ", self.insert);
        for row in 0..rows {
            sql.push_str(if row == 0 { "(" } else { ",(" });
            for column in 1..=self.columns {
                let separator = if column == 1 { "" } else { "," };
                write!(sql, "{separator}${}", row * self.columns + column).expect("a String takes all text");
            }
            sql.push(')');
        }
        sql
    }
}
