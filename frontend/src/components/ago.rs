//! How long ago, kept true by a timer of its own, so that nothing around it is rendered for it.

use super::use_tick;
use crate::clock;
use crate::format::use_formats;
use yew::{Html, Properties, component, html};

#[derive(PartialEq, Properties)]
pub struct AgoProps {
    /// Milliseconds since 1970.
    pub at_ms: f64,
}

#[component]
pub fn Ago(props: &AgoProps) -> Html {
    let formats = use_formats();
    let age_ms = clock::now_ms() - props.at_ms;
    let every_ms: u32 = if age_ms < 60_000.0 { 1_000 } else { 20_000 };
    use_tick(every_ms);
    if props.at_ms.is_nan() {
        return html! {};
    }
    html! { <time datetime={clock::iso(props.at_ms)} title={formats.moment(props.at_ms)}>{ formats.ago(age_ms) }</time> }
}
