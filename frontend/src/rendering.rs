//! For tests: a component rendered on the host, and read.

use yew::{BaseComponent, LocalServerRenderer};

pub async fn rendered<C>(props: C::Properties) -> String
where
    C: BaseComponent,
    C::Properties: 'static,
{
    let html = LocalServerRenderer::<C>::with_props(props).hydratable(false).render().await;
    html.replace("&nbsp;", "\u{a0}")
}

/// What a person reads, without the marks.
pub fn text(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
