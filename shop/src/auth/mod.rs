//! Who someone is: passwords on the way in, tokens from then on, and a sign-in that outlives its tokens.

mod throttle;
mod tries;
mod passwords;
mod tokens;
mod refresh;
mod link;

pub(crate) use link::OneTimeLink;
pub(crate) use passwords::{MOST_CHARS as PASSWORD_CHARS, Passwords, is_weak};
pub(crate) use refresh::{Kept, RefreshToken, Succession, Verdict, expiry, judge, mark};
pub use throttle::{Network, Rule, Throttle, Wait};
pub use tokens::{Claims, TokenError, Tokens};
pub(crate) use tries::{Tries, Try};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Role {
    User,
    Technician,
    Admin,
}

impl Role {
    pub const fn name(self) -> &'static str {
        match self {
            Role::User => "User",
            Role::Technician => "Technician",
            Role::Admin => "Admin",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Role> {
        [Role::User, Role::Technician, Role::Admin].into_iter().find(|role| role.name() == name)
    }
}
