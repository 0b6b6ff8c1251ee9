//! The state of an order: colour, shape and word. A code that we have no word for stands as it is.

use super::icon;
use yew::{Html, html};

pub fn badge(code: &str, label: Option<&'static str>) -> Html {
    let code = code.to_owned();
    match label {
        None => html! { <span class="tag cut" title={code.clone()}>{ code }</span> },
        Some(label) => html! { <span class="badge" data-s={code.clone()}>{ icon(&code) }{ label }</span> },
    }
}
