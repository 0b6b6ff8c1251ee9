//! An invented shop, so that there is something to look at.

use crate::auth::Passwords;
use crate::store::Store;
use crate::{Options, Shop};

/// How to sign in to the demo.
#[derive(Clone, Debug)]
pub struct DemoSignIn {
    pub email: String,
    pub password: String,
}

pub(crate) async fn prepare(_: &Store, _: &Passwords, _: &Options) -> anyhow::Result<Option<DemoSignIn>> {
    Ok(None)
}

pub(crate) async fn traffic(_: Shop) {}
