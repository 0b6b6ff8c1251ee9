//! Lists of orders: whole, or in pages with `?status&q&sort&limit&cursor`.
//!
//! A page carries `X-Total-Count` and, if there is another one, a `Link` to it. The cursor in there is the place
//! after which that page begins, so it stays right when orders come in meanwhile; with a sort by `updatedAt` an
//! order that is changed meanwhile moves, of course. It also carries the total, which is counted once, for the first
//! page, and up to a bound: `X-Total-Count-Is: at-least` says that it was reached.

use super::Error;
use super::caller::{Caller, Staff};
use super::whole::{Whole, whole};
use crate::Shop;
use crate::auth::Role;
use crate::search::Search;
use crate::store::Tx;
use crate::store::orders::{self, Ask, Order, Place, Sort, Whose};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use form_urlencoded::Serializer;
use serde::{Deserialize, Serialize};
use shared::OrderStatus;

const DEFAULT_LIMIT: usize = 50;
const MOST: usize = 100;

/// Orders are counted up to here; a million would take a second to count for each first page.
const COUNTED: usize = 10_000;

/// A search looks at so many orders for one page. If it found too few among them, the page is short, and the next
/// one goes on from there.
const LOOKED_AT: usize = 10_000;

/// Of everyone's orders a search reads so many at a time, and stops when the page is full.
const STEP: usize = 1_000;

/// Characters of a search.
const SEARCH_CHARS: usize = 100;

const TOTAL: HeaderName = HeaderName::from_static("x-total-count");
const TOTAL_IS: HeaderName = HeaderName::from_static("x-total-count-is");

pub async fn list(
    State(shop): State<Shop>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let whose = match caller.role {
        Role::Admin => Whose::Everyone,
        Role::Technician => Whose::Worked(caller.id),
        Role::User => Whose::Owned(caller.id),
    };
    match Wanted::read(&query.unwrap_or_default())? {
        None => whole(shop, Whole::Orders(whose)).await,
        Some(wanted) => page(shop, whose, wanted).await,
    }
}

pub async fn evaluated(State(shop): State<Shop>, _: Staff, caller: Caller) -> Result<Response, Error> {
    whole(shop, Whole::Orders(Whose::Evaluated(caller.id))).await
}

/// What a query asks for.
#[derive(Debug, PartialEq)]
struct Wanted {
    statuses: Vec<OrderStatus>,
    q: String,
    sort: Sort,
    limit: usize,
    cursor: Option<Cursor>,
}

/// Where the next page begins; opaque to clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cursor {
    value: i64,
    seq: i64,
    total: usize,
    at_least: bool,
    /// What else was asked for: a place in one list means nothing in another.
    list: String,
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
    fn read(query: &str) -> Result<Option<Wanted>, Error> {
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
    fn list(&self) -> String {
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

    fn link(&self, cursor: &Cursor) -> String {
        let list = &cursor.list;
        format!("</repair-orders?{list}&limit={}&cursor={}>; rel=\"next\"", self.limit, cursor.text())
    }
}

/// The places of a page, where the next one begins, and how many there are in all pages.
struct Found {
    numbers: Vec<i64>,
    next: Option<Place>,
    total: usize,
    at_least: bool,
}

async fn page(shop: Shop, whose: Whose, wanted: Wanted) -> Result<Response, Error> {
    let ask = Ask { whose, statuses: wanted.statuses.clone(), sort: wanted.sort };
    let mut tx = shop.store().read().await?;
    let found = match Search::new(&wanted.q) {
        None => everything(&mut tx, &ask, &wanted).await?,
        Some(search) => matching(&mut tx, &ask, &wanted, &search).await?,
    };
    let orders: Vec<Order> = orders::of(&mut tx, &found.numbers).await?;
    Ok((headers(&found, &wanted), Json(orders)).into_response())
}

fn headers(found: &Found, wanted: &Wanted) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(TOTAL, HeaderValue::from(found.total));
    if found.at_least {
        headers.insert(TOTAL_IS, HeaderValue::from_static("at-least"));
    }
    if let Some(Place { value, seq }) = found.next {
        let Found { total, at_least, .. } = *found;
        let cursor = Cursor { value, seq, total, at_least, list: wanted.list() };
        let link = HeaderValue::from_str(&wanted.link(&cursor));
        headers.insert(header::LINK, link.expect("an encoded query is ASCII"));
    }
    headers
}

fn begin(wanted: &Wanted) -> Option<Place> {
    wanted.cursor.as_ref().map(|cursor| Place { value: cursor.value, seq: cursor.seq })
}

/// Without a search.
async fn everything(tx: &mut Tx, ask: &Ask, wanted: &Wanted) -> Result<Found, Error> {
    // One more tells whether there is a next page.
    let mut places = orders::page(tx, ask, begin(wanted), wanted.limit + 1).await?;
    let more = places.len() > wanted.limit;
    places.truncate(wanted.limit);
    let (total, at_least) = match &wanted.cursor {
        Some(cursor) => (cursor.total, cursor.at_least),
        None => {
            let counted = orders::count(tx, ask, COUNTED + 1).await?;
            (counted.min(COUNTED), counted > COUNTED)
        }
    };
    let next = places.last().copied().filter(|_| more);
    Ok(Found { numbers: places.iter().map(|place| place.seq).collect(), next, total, at_least })
}

/// With a search: orders are looked at in the list's order until the page is full; for the first page on to the
/// bound, so that they are counted.
async fn matching(tx: &mut Tx, ask: &Ask, wanted: &Wanted, search: &Search) -> Result<Found, Error> {
    if let Some(number) = search.number() {
        let places = orders::numbered(tx, ask, number, MOST).await?;
        if !places.is_empty() {
            let numbers: Vec<_> = places.iter().map(|place| place.seq).take(wanted.limit).collect();
            let total = numbers.len();
            return Ok(Found { numbers, next: None, total, at_least: false });
        }
    }
    // Someone's own orders are gathered for each look, so there is one look at all of them.
    let step = if matches!(ask.whose, Whose::Everyone) { STEP } else { LOOKED_AT };
    let mut after = begin(wanted);
    let (mut found, mut looked_at, mut ended) = (Vec::new(), 0, false);
    let enough = if wanted.cursor.is_some() { wanted.limit + 1 } else { usize::MAX };
    while looked_at < LOOKED_AT && !ended && found.len() < enough {
        let texts = orders::texts(tx, ask, after, step).await?;
        ended = texts.len() < step;
        looked_at += texts.len();
        after = texts.last().map(|texts| texts.place).or(after);
        found.extend(
            texts.iter().filter(|texts| search.finds(&texts.id, &texts.texts)).map(|texts| texts.place),
        );
    }
    let (total, at_least) = match &wanted.cursor {
        Some(cursor) => (cursor.total, cursor.at_least),
        None => (found.len(), !ended),
    };
    let full = found.len() > wanted.limit;
    found.truncate(wanted.limit);
    let next = if full { found.last().copied() } else { after.filter(|_| !ended) };
    Ok(Found { numbers: found.iter().map(|place| place.seq).collect(), next, total, at_least })
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
