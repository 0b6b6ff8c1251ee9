//! A bar: neutral for amounts, in its status's colour for a status.

use yew::{Html, html};

/// `percent` from 0 to 100.
pub fn bar(percent: f64, status: Option<String>) -> Html {
    // Whole hundredths: formatting a float would cost every visitor some kilobytes.
    let hundredths = (percent * 100.0).round() as u32;
    let width = format!("width:{}.{:02}%", hundredths / 100, hundredths % 100);
    html! { <span class="bar" data-s={status}><i style={width}></i></span> }
}
