//! The vocabulary of the page. Components know no metric: they get texts, numbers and callbacks.

mod icon;
mod tick;
mod table_switch;
mod ago;
mod badge;
mod figure;
mod card;
mod field;
mod dialog;
mod menu;
mod toasts;
mod pill;
mod header;

pub use ago::Ago;
pub use badge::badge;
pub use card::{Card, Void, card, note, skeleton, void};
pub use dialog::Dialog;
pub use field::{Field, fault_of};
pub use figure::Figure;
pub use header::{Banner, Header, header};
pub use icon::icon;
pub use menu::{Menu, MenuItem, menu};
pub use pill::{Link, Pill};
pub use table_switch::use_table_switch;
pub use tick::use_tick;
pub use toasts::{Toast, toasts};
