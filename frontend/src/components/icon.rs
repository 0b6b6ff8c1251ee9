//! An icon of the sprite in `index.html`. Always beside a word, so readers skip it.

use yew::{Html, html};

/// A function and not a component: it has no state, and each component costs the bundle some kilobytes.
pub fn icon(name: &str) -> Html {
    html! { <svg class="i" aria-hidden="true"><use href={format!("#{name}")} /></svg> }
}
