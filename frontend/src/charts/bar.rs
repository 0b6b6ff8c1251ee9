//! A bar: neutral for amounts, in its status's colour for a status.

use yew::{AttrValue, Html, Properties, component, html};

#[derive(PartialEq, Properties)]
pub struct BarProps {
    /// 0 to 100.
    pub percent: f64,
    #[prop_or_default]
    pub status: Option<AttrValue>,
}

#[component]
pub fn Bar(props: &BarProps) -> Html {
    html! { <span class="bar" data-s={props.status.clone()}><i style={format!("width:{:.2}%", props.percent)}></i></span> }
}
