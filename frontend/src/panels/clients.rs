//! Who spent most.

use super::{Chrome, Content, Empty, PanelProps, Size, framed, list_class};
use crate::format::use_formats;
use crate::i18n::use_words;
use shared::UsersTopClients;
use yew::{Html, component, html};

#[component]
pub fn TopClientsPanel(props: &PanelProps<UsersTopClients>) -> Html {
    let (words, formats) = (use_words(), use_formats());
    let chrome = Chrome {
        id: "p-clients",
        title: words.top_clients,
        subtitle: words.top_clients_subtitle,
        class: "",
        size: Size::Five,
    };
    framed(props, words, &formats, chrome, |value| {
        if value.top_clients.is_empty() {
            return Content::Nothing(Empty {
                title: words.top_clients_empty,
                why: words.top_clients_empty_why,
            });
        }
        let rows = value.top_clients.iter().map(|one| html! {
            <li key={one.id.clone()}><span class="cut" title={one.name.clone()}>{ &one.name }</span>
                <b class="r">{ formats.money(one.total_spent) }</b><small>{ (words.order_count)(formats.plural(one.total_orders), &formats.count(one.total_orders)) }</small></li>
        });
        Content::shown(html! { <ol class={list_class(value.top_clients.len(), 5)}>{ for rows }</ol> })
    })
}
