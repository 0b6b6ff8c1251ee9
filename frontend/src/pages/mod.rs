//! The pages, which alone know what belongs together.

mod dashboard;
mod login;
mod new_order;

pub use dashboard::DashboardPage;
pub use login::{LoginForm, LoginPage, NotAllowedPage};
pub use new_order::NewOrderDialog;
