//! The real server on a free port, against a fake shop backend with settable answers, delays and faults.
//!
//! Tests wait for facts under one long timeout; none asserts a duration.

mod support;
mod live;
mod notify;
mod stats;
mod limits;
mod process;
mod database;
mod upstream;
mod access;
mod sign_in;
mod roles;
mod docs;
mod screens;
mod keys;
mod tokens;
mod origins;
mod bounds;
mod program;
mod proxy;
mod secrets;
mod layers;
