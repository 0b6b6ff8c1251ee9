//! The vocabulary of the page. Components know no metric: they get texts, numbers and callbacks.

mod icon;
mod ago;
mod badge;
mod figure;
mod card;
mod field;
mod dialog;
mod toasts;
mod pill;
mod header;

pub use ago::Ago;
pub use badge::Badge;
pub use card::{Card, Note, Skeleton, Void};
pub use dialog::Dialog;
pub use field::{Fault, Field};
pub use figure::Figure;
pub use header::{Banner, Header};
pub use icon::Icon;
pub use pill::{Link, Pill};
pub use toasts::{Toast, Toasts};
