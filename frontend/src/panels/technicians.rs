//! Who completed most.

use super::{Chrome, Content, Empty, PanelProps, Size, framed, list_class};
use crate::format::use_formats;
use crate::i18n::use_words;
use shared::UsersTopTechnicians;
use yew::{Html, component, html};

#[component]
pub fn TopTechniciansPanel(props: &PanelProps<UsersTopTechnicians>) -> Html {
    let (words, formats) = (use_words(), use_formats());
    let chrome = Chrome {
        id: "p-technicians",
        title: words.top_technicians,
        subtitle: words.top_technicians_subtitle,
        class: "",
        size: Size::Five,
    };
    framed(props, words, &formats, chrome, |value| {
        if value.top_technicians.is_empty() {
            return Content::Nothing(Empty {
                title: words.top_technicians_empty,
                why: words.top_technicians_empty_why,
            });
        }
        let rows = value.top_technicians.iter().map(|one| {
            let initial: String = one.name.chars().take(1).flat_map(char::to_uppercase).collect();
            html! {
                <li key={one.id.clone()} class="av"><i aria-hidden="true">{ initial }</i>
                    <span class="row"><span class="cut" title={one.name.clone()}>{ &one.name }</span>if !one.active { <span class="tag">{ words.inactive }</span> }</span>
                    <b class="r">{ formats.count(one.completed_orders) }</b>
                    <small class="cut">{ one.specialty.clone().unwrap_or_default() }</small><small class="r">{ formats.money(one.revenue) }</small></li>
            }
        });
        Content::shown(html! { <ol class={list_class(value.top_technicians.len(), 5)}>{ for rows }</ol> })
    })
}
