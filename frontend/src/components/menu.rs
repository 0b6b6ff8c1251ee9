//! A few things behind one button. A `details` of the browser's own: it needs no script to open and works everywhere.

use super::icon;
use wasm_bindgen::JsCast;
use yew::{AttrValue, Callback, FocusEvent, Html, KeyboardEvent, MouseEvent, TargetCast, html};

pub struct MenuItem {
    pub icon: &'static str,
    pub label: &'static str,
    pub act: Callback<()>,
}

pub struct Menu {
    pub icon: &'static str,
    pub label: &'static str,
    /// Above the items.
    pub title: Option<AttrValue>,
    pub items: Vec<MenuItem>,
}

pub fn menu(menu: Menu) -> Html {
    let on_key = Callback::from(|event: KeyboardEvent| {
        if event.key() == "Escape" {
            close(&event);
        }
    });
    let on_blur = Callback::from(|event: FocusEvent| {
        let next = event.related_target().and_then(|target| target.dyn_into::<web_sys::Node>().ok());
        if let (Some(next), Some(menu)) = (next, around(&event))
            && !menu.contains(Some(&next))
        {
            let _ = menu.remove_attribute("open");
        }
    });
    let item = |item: MenuItem| {
        // Closed first: what opens next gives the focus back to the button, which is still there then.
        let act = item.act.reform(|event: MouseEvent| close(&event));
        html! { <li><button class="btn bare" onclick={act}>{ icon(item.icon) }{ item.label }</button></li> }
    };
    let title = menu.title.map(|title| html! { <p class="m cut" title={title.clone()}>{ title }</p> });
    html! {
        <details class="menu" onkeydown={on_key} onfocusout={on_blur}>
            <summary class="btn ib" aria-label={menu.label} title={menu.label}>{ icon(menu.icon) }</summary>
            <div class="card">{ title }<ul>{ for menu.items.into_iter().map(item) }</ul></div>
        </details>
    }
}

/// The menu that something happened in.
fn around(event: &web_sys::Event) -> Option<web_sys::Element> {
    event.target_dyn_into::<web_sys::Element>()?.closest("details").ok()?
}

/// The focus goes back to the button.
fn close(event: &web_sys::Event) {
    let Some(menu) = around(event) else { return };
    let _ = menu.remove_attribute("open");
    if let Ok(Some(button)) = menu.query_selector("summary")
        && let Ok(button) = button.dyn_into::<web_sys::HtmlElement>()
    {
        let _ = button.focus();
    }
}
