//! The dashboard in the browser.
//!
//! Data travels: `api` and `live` bring it, `store` merges it, `pages` hand it to `panels`, which show it
//! with `components` and `charts`. Words are in `i18n`, numbers and dates in `format`.

mod store;

fn main() {}
