//! The pages, which alone know what belongs together.

mod said;
mod dashboard;
mod login;
mod new_order;
mod screen;
mod screens;
#[cfg(test)]
mod tests;

pub use dashboard::DashboardPage;
pub use login::{LoginForm, login_page, not_allowed_page};
pub use new_order::{Draft, NewOrderDialog};
pub use screen::{SCREEN_PATH, no_pairing_page, pairing_page, revoked_page, use_pairing, use_wall};
pub use screens::ScreensDialog;
