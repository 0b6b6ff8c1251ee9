//! A whole list, however long: read in pieces and written as they come, so that it needs no more memory than one
//! piece, and all of it in one transaction, so that it shows one state of the shop.
//!
//! While it is written it holds a connection to the database, and its transaction keeps old rows alive. So only a few lists
//! are written at once, one for each caller, and none for ever; whoever hangs up, or takes nothing for so long that the
//! server hangs up, ends it at once. What is cut short is no JSON, and the connection ends with an error.

use super::caller::Caller;
use super::{Error, equipments, users};
use crate::Shop;
use crate::auth::Role;
use crate::store::orders::{self, Ask, Place, Sort, Whose};
use crate::store::{self, BUSY, Tx, equipments as devices, reviews, users as people};
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde::Serialize;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Whole lists that are written at once; the next one waits for its turn, and the connections that remain serve
/// everything else.
const WHOLE_LISTS: usize = 3;

/// Rows of one piece.
const PIECE: usize = 200;

/// A list that is not taken to its end by then is cut short, however steadily it is read.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5 * 60);

/// Whose turn it is.
pub struct Turns {
    places: Arc<Semaphore>,
    /// Of those who write a list, or wait to. A caller's own lists come one after another, so that nobody takes the
    /// places of all the others.
    callers: Mutex<HashMap<String, Weak<Own>>>,
}

type Own = tokio::sync::Mutex<()>;

struct Turn {
    _place: OwnedSemaphorePermit,
    _own: OwnedMutexGuard<()>,
}

impl Default for Turns {
    fn default() -> Turns {
        Turns { places: Arc::new(Semaphore::new(WHOLE_LISTS)), callers: Mutex::default() }
    }
}

impl Turns {
    /// Without waiting.
    fn try_take(&self, caller: &str) -> Option<Turn> {
        let own = self.of(caller).try_lock_owned().ok()?;
        Some(Turn { _place: self.places.clone().try_acquire_owned().ok()?, _own: own })
    }

    async fn take(&self, caller: &str) -> Turn {
        // First the own one: who waits for oneself keeps no place from others.
        let own = self.of(caller).lock_owned().await;
        let place = self.places.clone().acquire_owned().await;
        Turn { _place: place.expect("the places are never closed"), _own: own }
    }

    fn of(&self, caller: &str) -> Arc<Own> {
        let mut callers = self.callers.lock().expect("nothing panics while it holds the callers");
        callers.retain(|_, own| own.strong_count() > 0);
        if let Some(own) = callers.get(caller).and_then(Weak::upgrade) {
            return own;
        }
        let own = Arc::default();
        callers.insert(caller.to_owned(), Arc::downgrade(&own));
        own
    }
}

/// What is listed, newest first unless it says otherwise.
pub enum Whole {
    Orders(Whose),
    /// Of the technician.
    Work(String),
    /// Of the author, or everyone's.
    Reviews(Option<String>),
    /// Of the owner, or everyone's, with their orders.
    Devices(Option<String>),
    /// With their devices; oldest first.
    Clients,
}

/// As this caller sees it.
pub async fn whole(shop: Shop, list: Whole, caller: Caller) -> Result<Response, Error> {
    let turns = &shop.0.whole_lists;
    let mut turn = None;
    loop {
        let mut tx = shop.store().read_for(WRITTEN_WITHIN).await?;
        let mut rest = Rest { rows: Rows::of(&mut tx, &list).await?, role: caller.role };
        let mut first = vec![b'['];
        // Read before anything is answered, so that a failure still has its own status.
        let more = rest.write_piece(&mut tx, &mut first).await?;
        if !more {
            first.push(b']');
            return Ok((JSON, first).into_response());
        }
        turn = turn.or_else(|| turns.try_take(&caller.id));
        if let Some(turn) = turn {
            let (pieces, taken) = mpsc::channel(1);
            tokio::spawn(async move {
                if timeout(WRITTEN_WITHIN, write_rest(turn, tx, rest, first, pieces)).await.is_err() {
                    tracing::warn!("a list that was not taken to its end in time was cut short");
                }
            });
            return Ok((JSON, Body::from_stream(read_out(taken))).into_response());
        }
        // Who waits holds no connection, and reads anew when it is their turn.
        drop(tx);
        turn = Some(timeout(BUSY, turns.take(&caller.id)).await.map_err(|_| store::busy())?);
    }
}

const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

struct Piece {
    json: Bytes,
    last: bool,
}

#[derive(Debug)]
struct CutShort;

impl std::fmt::Display for CutShort {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        out.write_str("the list was not written to its end")
    }
}

impl std::error::Error for CutShort {}

/// Ends with the list, or when nobody takes it any more.
async fn write_rest(_turn: Turn, mut tx: Tx, mut rest: Rest, first: Vec<u8>, pieces: Sender<Piece>) {
    let mut json = first;
    let mut more = true;
    while more {
        if !send(&pieces, json, false).await {
            return;
        }
        json = vec![b','];
        more = match rest.write_piece(&mut tx, &mut json).await {
            Ok(more) => more,
            Err(error) => {
                tracing::error!(%error, "a list was cut short");
                return;
            }
        };
    }
    json.push(b']');
    send(&pieces, json, true).await;
}

/// Whether somebody took it.
async fn send(pieces: &Sender<Piece>, json: Vec<u8>, last: bool) -> bool {
    let piece = Piece { json: json.into(), last };
    pieces.send(piece).await.is_ok()
}

/// Only the last piece ends the list: if none comes, the connection must not look as if it had ended well.
fn read_out(pieces: Receiver<Piece>) -> impl Stream<Item = Result<Bytes, CutShort>> {
    stream::unfold(Some(pieces), async |pieces| {
        let mut pieces = pieces?;
        match pieces.recv().await {
            Some(Piece { json, last }) => Some((Ok(json), (!last).then_some(pieces))),
            None => Some((Err(CutShort), None)),
        }
    })
}

/// What is still to be read, and who will see it.
struct Rest {
    rows: Rows,
    role: Role,
}

/// Of everyone's orders only the place is known; of the rest the numbers.
enum Rows {
    Everyones(Ask, Option<Place>),
    Orders(VecDeque<i64>),
    Work(VecDeque<i64>),
    Reviews(VecDeque<i64>),
    Devices(VecDeque<i64>),
    Clients(VecDeque<i64>),
}

impl Rows {
    async fn of(tx: &mut Tx, list: &Whole) -> sqlx::Result<Rows> {
        Ok(match list {
            Whole::Orders(Whose::Everyone) => {
                let ask = Ask { whose: Whose::Everyone, statuses: Vec::new(), sort: Sort::Newest };
                Rows::Everyones(ask, None)
            }
            Whole::Orders(whose) => Rows::Orders(orders::own(tx, whose).await?.into()),
            Whole::Work(technician) => Rows::Work(orders::own_work(tx, technician).await?.into()),
            Whole::Reviews(author) => Rows::Reviews(reviews::numbers(tx, author.as_deref()).await?.into()),
            Whole::Devices(owner) => Rows::Devices(devices::numbers(tx, owner.as_deref()).await?.into()),
            Whole::Clients => Rows::Clients(people::numbers(tx, Role::User).await?.into()),
        })
    }
}

impl Rest {
    /// Appends the next rows, with commas between them. Whether there are more.
    async fn write_piece(&mut self, tx: &mut Tx, out: &mut Vec<u8>) -> Result<bool, Error> {
        let role = self.role;
        match &mut self.rows {
            Rows::Everyones(ask, after) => {
                // One more than is written tells whether there are more.
                let mut places = orders::page(tx, ask, *after, PIECE + 1).await?;
                let more = places.len() > PIECE;
                places.truncate(PIECE);
                *after = places.last().copied();
                let numbers: Vec<_> = places.iter().map(|place| place.seq).collect();
                append(out, orders::of(tx, &numbers).await?.into_iter().map(|order| order.seen_by(role)))?;
                Ok(more)
            }
            Rows::Orders(numbers) => {
                let orders = orders::of(tx, &next(numbers)).await?;
                append(out, orders.into_iter().map(|order| order.seen_by(role)))?;
                Ok(!numbers.is_empty())
            }
            Rows::Work(numbers) => {
                append(out, orders::work(tx, &next(numbers)).await?)?;
                Ok(!numbers.is_empty())
            }
            Rows::Reviews(numbers) => {
                let reviews = reviews::of(tx, &next(numbers)).await?;
                append(out, reviews.into_iter().map(|review| review.seen_by(role)))?;
                Ok(!numbers.is_empty())
            }
            Rows::Devices(numbers) => {
                append(out, equipments::with_orders(tx, &next(numbers)).await?)?;
                Ok(!numbers.is_empty())
            }
            Rows::Clients(numbers) => {
                append(out, users::with_devices(tx, &next(numbers)).await?)?;
                Ok(!numbers.is_empty())
            }
        }
    }
}

fn next(numbers: &mut VecDeque<i64>) -> Vec<i64> {
    numbers.drain(..PIECE.min(numbers.len())).collect()
}

fn append(out: &mut Vec<u8>, rows: impl IntoIterator<Item = impl Serialize>) -> Result<(), Error> {
    for (at, row) in rows.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        serde_json::to_writer(&mut *out, &row).map_err(|error| Error::internal(error.into()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pause_between_two_pieces_ends_nothing() {
        let (pieces, mut taken) = mpsc::channel(1);
        assert!(send(&pieces, b"[1".to_vec(), false).await, "there is room for one");
        let second = tokio::spawn(async move { send(&pieces, b"]".to_vec(), true).await });
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(taken.recv().await.map(|piece| piece.last), Some(false));
        assert_eq!(taken.recv().await.map(|piece| piece.last), Some(true));
        assert!(second.await.expect("no panic"));
    }
}
