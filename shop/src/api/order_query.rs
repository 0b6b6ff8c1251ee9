//! What `?status&q&sort&limit&cursor` ask for: read at the edge, with every fault named.

use super::Error;
use crate::store::orders::Sort;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use form_urlencoded::Serializer;
use serde::{Deserialize, Serialize};
use shared::OrderStatus;
use utoipa::IntoParams;

const DEFAULT_LIMIT: usize = 50;
/// Orders of one page.
pub const MOST: usize = 100;

/// Characters of a search.
const SEARCH_CHARS: usize = 100;

/// The parameters as they are described; they are read one by one, so that every fault is named.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is only described")]
pub struct PageQuery {
    /// One status or several with commas
    #[param(example = "READY,DELIVERED")]
    status: Option<String>,
    /// Words to be found in the problem, the client's name or the device's, or the beginning of the order's id
    #[param(max_length = 100)]
    q: Option<String>,
    /// `createdAt`, `updatedAt` or `finalCost`, with a `-` the other way round
    #[param(example = "-createdAt")]
    sort: Option<String>,
    /// Orders of a page
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// Where a page begins: from the `Link` of the one before
    cursor: Option<String>,
}

/// What a query asks for.
#[derive(Debug, PartialEq)]
pub struct Wanted {
    pub statuses: Vec<OrderStatus>,
    pub q: String,
    pub sort: Sort,
    pub limit: usize,
    pub cursor: Option<Cursor>,
}

/// Where the next page begins; opaque to clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    pub value: i64,
    pub seq: i64,
    pub total: usize,
    pub at_least: bool,
    /// What else was asked for: a place in one list means nothing in another.
    pub list: String,
}

impl Cursor {
    fn text(&self) -> String {
        let json = serde_json::to_vec(self).expect("numbers and a text can be written");
        BASE64_URL_SAFE_NO_PAD.encode(json)
    }

    fn parse(text: &str) -> Option<Cursor> {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

impl Wanted {
    /// `None`: none of the five is there, so the whole list is meant.
    pub fn read(query: &str) -> Result<Option<Wanted>, Error> {
        let mut wanted = Wanted {
            statuses: Vec::new(),
            q: String::new(),
            sort: Sort::Newest,
            limit: DEFAULT_LIMIT,
            cursor: None,
        };
        let (mut any, mut faults) = (false, Vec::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim();
            let fault = match name.as_ref() {
                "status" => wanted.add_statuses(value),
                "q" => wanted.set_search(value),
                "sort" => wanted.set_sort(value),
                "limit" => wanted.set_limit(value),
                "cursor" => wanted.set_cursor(value),
                _ => continue,
            };
            any = true;
            faults.extend(fault.err());
        }
        wanted.statuses.sort_unstable();
        wanted.statuses.dedup();
        if wanted.cursor.as_ref().is_some_and(|cursor| cursor.list != wanted.list()) {
            faults
                .push("cursor belongs to a list with another status, q or sort: begin without it".to_owned());
        }
        if !faults.is_empty() {
            return Err(Error::invalid(faults));
        }
        Ok(any.then_some(wanted))
    }

    /// One, or several with commas; the parameter may be repeated, too.
    fn add_statuses(&mut self, text: &str) -> Result<(), String> {
        for code in text.split(',').map(str::trim).filter(|code| !code.is_empty()) {
            let known = OrderStatus::ALL.map(OrderStatus::code).join(", ");
            let status = OrderStatus::parse(code)
                .ok_or_else(|| format!("status must be one or more of the following values: {known}"))?;
            self.statuses.push(status);
        }
        Ok(())
    }

    fn set_search(&mut self, text: &str) -> Result<(), String> {
        if text.chars().count() > SEARCH_CHARS {
            return Err(format!("q must be shorter than or equal to {SEARCH_CHARS} characters"));
        }
        self.q = text.to_owned();
        Ok(())
    }

    fn set_sort(&mut self, text: &str) -> Result<(), String> {
        let known = Sort::ALL.map(Sort::code).join(", ");
        self.sort =
            Sort::parse(text).ok_or_else(|| format!("sort must be one of the following values: {known}"))?;
        Ok(())
    }

    fn set_limit(&mut self, text: &str) -> Result<(), String> {
        let limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
        self.limit = limit.ok_or_else(|| format!("limit must be an integer number from 1 to {MOST}"))?;
        Ok(())
    }

    fn set_cursor(&mut self, text: &str) -> Result<(), String> {
        let cursor =
            Cursor::parse(text).ok_or("cursor must be one from a Link of this list: begin without it")?;
        self.cursor = Some(cursor);
        Ok(())
    }

    /// What all pages of one list have in common, as a query.
    pub fn list(&self) -> String {
        let mut query = Serializer::new(String::new());
        if !self.statuses.is_empty() {
            let codes: Vec<_> = self.statuses.iter().map(|status| status.code()).collect();
            query.append_pair("status", &codes.join(","));
        }
        if !self.q.is_empty() {
            query.append_pair("q", &self.q);
        }
        query.append_pair("sort", self.sort.code());
        query.finish()
    }

    pub fn link(&self, cursor: &Cursor) -> String {
        let list = &cursor.list;
        format!("</repair-orders?{list}&limit={}&cursor={}>; rel=\"next\"", self.limit, cursor.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is_one() {
        let cursor = Cursor { value: -5, seq: 7, total: 12, at_least: true, list: "sort=-createdAt".into() };
        assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        for text in ["", "x", "e30", "!!!", "eyJ2YWx1ZSI6MX0"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_fault_of_a_query_is_named_with_what_was_expected() {
        let check = |query: &str, expected: &[&str]| {
            let error = Wanted::read(query).expect_err(query).to_string();
            assert_eq!(
                expected.len(),
                error.matches(" must ").count() + error.matches("belongs").count(),
                "{error}"
            );
            for part in expected {
                assert!(error.contains(part), "{query}: {error}");
            }
        };
        check(
            "status=READY,OPEN",
            &["status must be one or more of the following values: IN_REVIEW, WAITING_APPROVAL"],
        );
        check(
            "limit=0&sort=name",
            &[
                "limit must be an integer number from 1 to 100",
                "sort must be one of the following values: -createdAt, createdAt",
            ],
        );
        check("limit=101", &["from 1 to 100"]);
        check("limit=ten", &["from 1 to 100"]);
        check("cursor=xyz", &["cursor must be one from a Link of this list"]);
        check(&format!("q={}", "a".repeat(101)), &["q must be shorter than or equal to 100 characters"]);
        let other = Cursor { value: 1, seq: 1, total: 1, at_least: false, list: "sort=finalCost".into() };
        check(
            &format!("cursor={}", other.text()),
            &["cursor belongs to a list with another status, q or sort"],
        );
    }

    #[test]
    fn a_query_with_none_of_the_five_means_the_whole_list() {
        assert_eq!(Wanted::read("").expect("fine"), None);
        assert_eq!(Wanted::read("page=2&_=17").expect("fine"), None);
        let wanted = Wanted::read("status=READY&status=IN_REPAIR,READY&q=").expect("fine").expect("a page");
        assert_eq!(wanted.statuses, [OrderStatus::InRepair, OrderStatus::Ready]);
        assert_eq!((wanted.limit, wanted.sort, wanted.q.as_str()), (DEFAULT_LIMIT, Sort::Newest, ""));
    }
}
