//! Charts know no metric: they get labels and numbers.

mod scale;
mod bar;

pub use bar::Bar;
pub use scale::share;
