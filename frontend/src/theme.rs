//! Dark, light, or as the system has it. All colours are CSS variables, so a switch renders nothing.

use crate::api::window;

const KEY: &str = "pulso.theme";
const SYSTEM: &str = "system";

/// From what is seen now to its opposite, remembered. The page's first script applies it before anything is drawn.
pub fn toggle() {
    let Some(root) = window().document().and_then(|document| document.document_element()) else { return };
    let chosen = root.get_attribute("data-theme");
    let next = next(chosen.as_deref().unwrap_or(SYSTEM), system_theme());
    let _ = root.set_attribute("data-theme", next);
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(KEY, next);
    }
}

fn system_theme() -> &'static str {
    let media = window().match_media("(prefers-color-scheme: light)").ok().flatten();
    if media.is_some_and(|media| media.matches()) { "light" } else { "dark" }
}

/// The opposite of what is seen. Whoever comes back to what the system has follows the system again.
fn next(chosen: &str, system: &'static str) -> &'static str {
    let seen = if chosen == SYSTEM { system } else { chosen };
    let opposite = if seen == "light" { "dark" } else { "light" };
    if opposite == system { SYSTEM } else { opposite }
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn each_switch_is_seen_and_the_way_back_follows_the_system() {
        let check = |chosen, system, expected| assert_eq!(next(chosen, system), expected);
        check("system", "dark", "light");
        check("light", "dark", "system");
        check("system", "light", "dark");
        check("dark", "light", "system");
        // The system changed since it was chosen.
        check("dark", "dark", "light");
        check("light", "light", "dark");
    }
}
