//! All tests of the shop, on the database after which `main` names this module.

pub mod support;

mod sign_in;
mod sessions;
mod validation;
mod roles;
mod users;
mod equipments;
mod catalog;
mod orders;
mod contention;
mod alike;
mod status;
mod devices;
mod pages;
mod whole_lists;
mod reviews;
mod model;
mod faults;
mod recorded;
mod stats;
mod totals;
mod announcing;
mod demo;
mod starting;

/// Which database these tests run on.
const KIND: testing::Kind = match module_path!().as_bytes() {
    b"it::sqlite" => testing::Kind::Sqlite,
    b"it::postgres" => testing::Kind::Postgres,
    _ => panic!("the suite belongs to one of the two"),
};
