//! An icon of the sprite in `index.html`. Always beside a word, so readers skip it.

use yew::{AttrValue, Html, Properties, component, html};

#[derive(PartialEq, Properties)]
pub struct IconProps {
    pub name: AttrValue,
}

#[component]
pub fn Icon(props: &IconProps) -> Html {
    html! { <svg class="i" aria-hidden="true"><use href={format!("#{}", props.name)} /></svg> }
}
