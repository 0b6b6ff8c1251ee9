//! The state of an order: colour, shape and word. A code that we have no word for stands as it is.

use super::Icon;
use yew::{AttrValue, Html, Properties, component, html};

#[derive(PartialEq, Properties)]
pub struct BadgeProps {
    pub code: AttrValue,
    pub label: Option<AttrValue>,
}

#[component]
pub fn Badge(props: &BadgeProps) -> Html {
    let Some(label) = &props.label else { return html! { <span class="tag">{ &props.code }</span> } };
    html! { <span class="badge" data-s={&props.code}><Icon name={&props.code} />{ label }</span> }
}
