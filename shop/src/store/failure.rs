//! What it means when the database fails: whether the caller is at fault, or waiting or trying again helps.

use crate::api::Error;

/// Of those that are nobody's fault, the ones that pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection was free, or others worked on the same rows, for longer than anyone waits; or the database is not
    /// there, or not yet.
    Busy,
    /// Two transactions stood in each other's way and this one was undone: it goes through when it is repeated.
    Undone,
    Lasting,
}

impl Failure {
    pub fn of(error: &sqlx::Error) -> Failure {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => Failure::Busy,
            sqlx::Error::Database(cause) => of_code(&cause.code().unwrap_or_default()),
            _ => Failure::Lasting,
        }
    }
}

/// SQLite's codes are numbers of up to four digits, PostgreSQL's are five characters.
fn of_code(code: &str) -> Failure {
    // SQLITE_BUSY; what stands above its lowest byte says more precisely why.
    const SQLITE_BUSY: u32 = 5;
    match code {
        // serialization_failure, deadlock_detected
        "40001" | "40P01" => Failure::Undone,
        // lock_not_available, query_canceled (it took too long), idle_in_transaction_session_timeout,
        // too_many_connections, and a database that goes down or comes up
        "55P03" | "57014" | "25P03" | "53300" | "57P01" | "57P02" | "57P03" => Failure::Busy,
        code if code.len() < 5 && code.parse().is_ok_and(|code: u32| code & 0xFF == SQLITE_BUSY) => {
            Failure::Busy
        }
        _ => Failure::Lasting,
    }
}

pub fn busy() -> Error {
    Error::unavailable("The shop is busy, please try again")
}

/// A row that breaks a UNIQUE rule is the caller's fault, not ours.
pub fn unless_taken(error: sqlx::Error, message: impl FnOnce() -> Error) -> Error {
    match error.as_database_error() {
        Some(cause) if cause.is_unique_violation() => message(),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_lasts() {
        let check = |code: &str, expected: Failure| assert_eq!(of_code(code), expected, "{code}");
        // SQLITE_BUSY, _BUSY_RECOVERY, _BUSY_SNAPSHOT
        for code in ["5", "261", "517"] {
            check(code, Failure::Busy);
        }
        check("40P01", Failure::Undone);
        check("55P03", Failure::Busy);
        // SQLITE_CONSTRAINT_UNIQUE, unique_violation, undefined_table, and a PostgreSQL code that is a number
        for code in ["2067", "23505", "42P01", "22005", ""] {
            check(code, Failure::Lasting);
        }
        assert_eq!(Failure::of(&sqlx::Error::PoolTimedOut), Failure::Busy);
        assert_eq!(Failure::of(&sqlx::Error::RowNotFound), Failure::Lasting);
    }
}
