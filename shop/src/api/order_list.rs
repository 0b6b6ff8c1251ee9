//! Lists of orders: whole, or in pages with `?status&q&sort&limit&cursor`.
//!
//! A page carries `X-Total-Count` and, if there is another one, a `Link` to it. The cursor in there is the place
//! after which that page begins, so it stays right when orders come in meanwhile; with a sort by `updatedAt` an
//! order that is changed meanwhile moves, of course. It also carries the total, which is found once, for the first
//! page. Of everyone's orders it is kept; what is searched for and own orders are counted, up to a bound:
//! `X-Total-Count-Is: at-least` says that it was reached.

use super::Error;
use super::caller::{Caller, Staff};
use super::document::{Token, TokenOfRole, WithParameters};
use super::order_query::{Cursor, MOST, PageQuery, Wanted};
use super::whole::{Whole, whole};
use crate::Shop;
use crate::auth::Role;
use crate::search::Search;
use crate::store::Tx;
use crate::store::orders::{self, Ask, Count, Order, Place, Whose};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// Own orders are counted up to here; a million would take a second to count for each first page.
const COUNTED: usize = 10_000;

/// A search looks at so many orders for one page. If it found too few among them, the page is short, and the next
/// one goes on from there.
const LOOKED_AT: usize = 10_000;

/// Of everyone's orders a search reads so many at a time, and stops when the page is full.
const STEP: usize = 1_000;

const TOTAL: HeaderName = HeaderName::from_static("x-total-count");
const TOTAL_IS: HeaderName = HeaderName::from_static("x-total-count-is");

/// A client's own orders, a technician's, or all for an administrator.
#[utoipa::path(
    get,
    path = "/repair-orders",
    tag = "repair-orders",
    params(PageQuery),
    responses(
        (status = 200, description = "Newest first; with any of the parameters in pages", body = Vec<Order>, headers(
            ("X-Total-Count" = usize, description = "In pages: how many there are in all of them"),
            ("X-Total-Count-Is" = String, description = "`at-least` where they were not counted to the end"),
            ("Link" = String, description = "The next page, `rel=\"next\"`, if there is one")
        )),
        Token, WithParameters
    ),
    security(("bearer" = []))
)]
pub async fn list(
    State(shop): State<Shop>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let whose = match caller.role {
        Role::Admin => Whose::Everyone,
        Role::Technician => Whose::Worked(caller.id.clone()),
        Role::User => Whose::Owned(caller.id.clone()),
    };
    match Wanted::read(&query.unwrap_or_default())? {
        None => whole(shop, Whole::Orders(whose), caller).await,
        Some(wanted) => page(shop, whose, caller.role, wanted).await,
    }
}

/// The orders that the caller evaluates.
#[utoipa::path(
    get,
    path = "/repair-orders/evaluator",
    tag = "repair-orders",
    responses((status = 200, description = "Newest first", body = Vec<Order>), TokenOfRole),
    security(("bearer" = ["Technician"]), ("bearer" = ["Admin"]))
)]
pub async fn evaluated(State(shop): State<Shop>, _: Staff, caller: Caller) -> Result<Response, Error> {
    whole(shop, Whole::Orders(Whose::Evaluated(caller.id.clone())), caller).await
}

/// The places of a page, where the next one begins, and how many there are in all pages.
struct Found {
    numbers: Vec<i64>,
    next: Option<Place>,
    total: usize,
    at_least: bool,
}

async fn page(shop: Shop, whose: Whose, role: Role, wanted: Wanted) -> Result<Response, Error> {
    let ask = Ask { whose, statuses: wanted.statuses.clone(), sort: wanted.sort };
    let mut tx = shop.store().read().await?;
    let found = match Search::new(&wanted.q) {
        None => everything(&mut tx, &ask, &wanted).await?,
        Some(search) => matching(&mut tx, &ask, &wanted, &search).await?,
    };
    let orders = orders::of(&mut tx, &found.numbers).await?;
    let orders: Vec<Order> = orders.into_iter().map(|order| order.seen_by(role)).collect();
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
            let Count { number, at_least } = orders::count(tx, ask, COUNTED).await?;
            (number, at_least)
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
