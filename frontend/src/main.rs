//! The dashboard in the browser.
//!
//! Data travels: `api` and `live` bring it, `store` merges it, `pages` hand it to `panels`, which show it
//! with `components` and `charts`. Words are in `i18n`, numbers and dates in `format`.

mod clock;
mod listener;
mod session;
mod turn;
mod pass;
mod api;
mod pairing;
mod live;
mod store;
mod i18n;
mod format;
mod theme;
mod components;
mod notices;
mod charts;
mod panels;
mod pages;
mod app;
#[cfg(test)]
mod rendering;

fn main() {
    std::panic::set_hook(Box::new(|panic| {
        web_sys::console::error_1(&panic.to_string().into());
        broken();
    }));
    let root = api::window().document().and_then(|document| document.get_element_by_id("app"));
    match root {
        Some(root) => yew::Renderer::<app::App>::with_root(root).render(),
        None => yew::Renderer::<app::App>::new().render(),
    };
}

/// After a panic nothing on the page can be trusted: it says so, and offers to begin again.
fn broken() {
    let Some(document) = api::window().document() else { return };
    if let (Some(body), Some(fallback)) = (document.body(), document.get_element_by_id("broken")) {
        let _ = body.set_attribute("data-broken", "");
        let _ = fallback.remove_attribute("hidden");
    }
}
