//! "Ver como tabla", and back: a chart's twin for those who read numbers better than lengths.

use super::icon;
use crate::i18n::use_words;
use yew::{Callback, Html, MouseEvent, hook, html, use_state};

/// Whether the table is shown, and the button that changes it.
#[hook]
pub fn use_table_switch() -> (bool, Html) {
    let words = use_words();
    let as_table = use_state(|| false);
    let shown = *as_table;
    let onclick = Callback::from(move |_: MouseEvent| as_table.set(!shown));
    let text = if shown { words.as_chart } else { words.as_table };
    let button = html! {
        <button class="btn bare sm" {onclick} aria-pressed={if shown { "true" } else { "false" }}>{ icon("table") }<span>{ text }</span></button>
    };
    (shown, button)
}
