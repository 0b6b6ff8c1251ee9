//! Dark, light, or as the system has it. All colours are CSS variables, so a switch renders nothing.

use crate::api::window;

const KEY: &str = "pulso.theme";

/// From what is seen now to its opposite, remembered. The page's first script applies it before anything is drawn.
pub fn toggle() {
    let Some(root) = window().document().and_then(|document| document.document_element()) else { return };
    let system_is_light = || {
        window()
            .match_media("(prefers-color-scheme: light)")
            .ok()
            .flatten()
            .is_some_and(|media| media.matches())
    };
    let is_light = match root.get_attribute("data-theme").as_deref() {
        Some("light") => true,
        Some("dark") => false,
        _ => system_is_light(),
    };
    let next = if is_light { "dark" } else { "light" };
    let _ = root.set_attribute("data-theme", next);
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(KEY, next);
    }
}
