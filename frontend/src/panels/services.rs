//! The services that are asked for most.

use super::{Chrome, Content, Empty, PanelProps, Size, framed};
use crate::charts::{bar, share};
use crate::components::use_table_switch;
use crate::format::use_formats;
use crate::i18n::use_words;
use shared::OrdersTopServices;
use yew::{Html, component, html};

#[component]
pub fn TopServicesPanel(props: &PanelProps<OrdersTopServices>) -> Html {
    let (words, formats) = (use_words(), use_formats());
    let (as_table, action) = use_table_switch();
    let chrome = Chrome {
        id: "p-services",
        title: words.services,
        subtitle: words.services_subtitle,
        class: "",
        size: Size::Five,
    };
    framed(props, words, &formats, chrome, |value| {
        let services = &value.top_services;
        let Some(first) = services.first() else {
            return Content::Nothing(Empty { title: words.services_empty, why: words.services_empty_why });
        };
        let times = |count: u64| (words.service_count)(formats.plural(count), &formats.count(count));
        let body = if as_table {
            let rows = services.iter().map(|one| html! {
                <tr key={one.service_name.clone()}><th scope="row">{ &one.service_name }</th><td class="r">{ formats.count(one.count) }</td><td class="r">{ formats.money(one.revenue) }</td></tr>
            });
            html! {
                <table class="tbl lite wrap"><caption class="vh">{ words.services }</caption>
                    <thead><tr><th scope="col">{ words.service }</th><th scope="col" class="r">{ words.times }</th><th scope="col" class="r">{ words.revenue }</th></tr></thead>
                    <tbody>{ for rows }</tbody></table>
            }
        } else {
            let largest = services.iter().map(|one| one.count).max().unwrap_or(0);
            let rows = services.iter().map(|one| html! {
                <li key={one.service_name.clone()}><span class="cut" title={one.service_name.clone()}>{ &one.service_name }</span><b class="r">{ formats.money(one.revenue) }</b>{ bar(share(one.count, largest), None) }<small>{ times(one.count) }</small></li>
            });
            html! {
                <figure class="fig" aria-label={words.services}>
                    <figcaption class="vh">{ (words.services_summary)(&first.service_name, &times(first.count)) }</figcaption>
                    <ul class="bars">{ for rows }</ul>
                </figure>
            }
        };
        Content::Shown { body, action }
    })
}
