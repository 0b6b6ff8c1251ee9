//! What needs a person now. The only tinted block of the page; nothing due is one quiet line.

use super::PanelProps;
use crate::components::icon;
use crate::format::use_formats;
use crate::i18n::use_words;
use shared::{OrderStatus, OrdersByStatus, StatusCode};
use yew::{Html, component, html};

#[component]
pub fn AttentionPanel(props: &PanelProps<OrdersByStatus>) -> Html {
    let (words, formats) = (use_words(), use_formats());
    // While nothing is known, "all is well" would be a lie.
    let Some(value) = &props.data.value else {
        return html! { <div class="strip calm" aria-busy="true"><header><h2 class="row m">{ words.alerts }</h2></header></div> };
    };
    let of = |status: OrderStatus| {
        let counted = value.orders_by_status.iter().find(|one| one.status == StatusCode::Known(status));
        counted.map_or(0, |one| one.count)
    };
    let (approval, parts) = (of(OrderStatus::WaitingApproval), of(OrderStatus::WaitingParts));
    if approval + parts == 0 {
        return html! {
            <section class="strip calm" aria-labelledby="p-attention">
                <header><h2 id="p-attention" class="row">{ icon("READY") }{ words.all_well }</h2><p>{ words.all_well_why }</p></header>
            </section>
        };
    }
    let ask = |count: u64, text: &'static str| {
        let note = if count == 0 {
            html! { <small>{ words.nothing_pending }</small> }
        } else {
            html! {}
        };
        html! { <div class={yew::classes!("ask", (count == 0).then_some("zero"))}><b>{ formats.count(count) }</b><span>{ text }</span>{ note }</div> }
    };
    html! {
        <section class="strip pair" aria-labelledby="p-attention">
            <header><h2 id="p-attention" class="row">{ icon("alert") }{ words.alerts }</h2><p>{ words.alerts_subtitle }</p></header>
            { ask(approval, (words.waiting_approval)(approval)) }
            { ask(parts, (words.waiting_parts)(parts)) }
        </section>
    }
}
