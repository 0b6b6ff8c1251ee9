//! Charts know no metric: they get labels and numbers.

mod scale;
mod bar;

pub use bar::bar;
pub use scale::share;
