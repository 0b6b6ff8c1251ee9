//! The shop by its routes, on a real SQLite file.

mod support;

mod sign_in;
mod validation;
mod roles;
mod users;
mod equipments;
mod catalog;
mod orders;
mod status;
mod stats;
mod totals;
mod announcing;
mod demo;
