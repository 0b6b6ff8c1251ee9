//! What lets a browser in: its token, and how that is renewed. Everything that asks the server anything shares one.

use crate::session::Session;
use std::cell::{Cell, RefCell};

/// How a token is renewed.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    /// Not at all: someone has to sign in.
    Never,
    /// By the cookie that came with it.
    Cookie,
    /// A paired screen: by its secret.
    Secret(String),
}

/// How asking for a new token ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Renewed {
    Yes,
    /// The server lets us in no more.
    Refused,
    NoAnswer,
}

pub struct Pass {
    session: RefCell<Option<Session>>,
    way: Way,
    /// Grows with every token.
    edition: Cell<u32>,
}

impl Pass {
    pub fn new(session: Option<Session>, way: Way) -> Pass {
        Pass { session: RefCell::new(session), way, edition: Cell::new(0) }
    }

    pub fn session(&self) -> Option<Session> {
        self.session.borrow().clone()
    }

    pub fn token(&self) -> Option<String> {
        self.session.borrow().as_ref().map(|session| session.token.clone())
    }

    pub fn way(&self) -> &Way {
        &self.way
    }

    pub fn edition(&self) -> u32 {
        self.edition.get()
    }

    /// By the server's clock. `None`: never.
    pub fn renew_at_ms(&self) -> Option<f64> {
        match self.way {
            Way::Never => None,
            Way::Cookie | Way::Secret(_) => self.session.borrow().as_ref()?.renew_at_ms(),
        }
    }

    /// From now on everyone who shares this asks with the new token.
    pub fn put(&self, session: Session) {
        self.session.replace(Some(session));
        self.edition.set(self.edition.get() + 1);
    }

    /// Puts a newer token of the same person, if there is one. `false`: it is the one that we have, or someone else's.
    pub fn take_over(&self, newer: Option<Session>) -> bool {
        let news = match (&*self.session.borrow(), newer) {
            (Some(ours), Some(newer)) if newer.is_of_the_same(ours) && newer.token != ours.token => newer,
            (_, Some(_) | None) => return false,
        };
        self.put(news);
        true
    }
}
