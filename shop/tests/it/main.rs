//! The shop by its routes, on a real SQLite file and on a real PostgreSQL: `suite` is compiled twice, once for each, so
//! that every test runs on both and its name says on which.
#![expect(clippy::duplicate_mod, reason = "it is the point of it")]

#[path = "suite.rs"]
mod sqlite;
#[path = "suite.rs"]
mod postgres;
mod postgres_alone;
