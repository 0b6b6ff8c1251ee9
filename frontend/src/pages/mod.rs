//! The pages, which alone know what belongs together.

mod dashboard;
mod login;
mod new_order;

pub use dashboard::DashboardPage;
pub use login::{LoginForm, login_page, not_allowed_page};
pub use new_order::{Draft, NewOrderDialog};
