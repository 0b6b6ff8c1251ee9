//! A bar: neutral for amounts, in its status's colour for a status.

use yew::{Html, html};

/// `percent` from 0 to 100.
pub fn bar(percent: f64, status: Option<String>) -> Html {
    html! { <span class="bar" data-s={status}><i style={format!("width:{percent:.2}%")}></i></span> }
}
