//! What needs a person now. The only tinted block of the page; nothing due is one quiet line.

use super::{PanelProps, failed_since};
use crate::components::{icon, note};
use crate::format::{Formats, use_formats};
use crate::i18n::{Words, use_words};
use crate::store::Condition;
use shared::{OrderStatus, OrdersByStatus, StatusCode};
use yew::{Html, classes, component, html};

#[component]
pub fn AttentionPanel(props: &PanelProps<OrdersByStatus>) -> Html {
    let (words, formats) = (use_words(), use_formats());
    let quiet = |text: &'static str| html! { <p class="m">{ text }</p> };
    match (&props.data.condition, &props.data.value) {
        (Condition::Forbidden, _) => unknown(words, "lock", quiet(words.forbidden_why)),
        (Condition::Absent, _) => unknown(words, "off", quiet(words.absent_why)),
        (Condition::Failed { .. }, None) => {
            unknown(words, "alert", note(words.failed.to_owned(), words, &props.on_retry))
        }
        (Condition::Loading | Condition::Ready, None) => unknown(words, "clock", quiet(words.loading)),
        (Condition::Failed { at }, Some(value)) => {
            let note = note(failed_since(words, &formats, at), words, &props.on_retry);
            known(value, words, &formats, Some(note))
        }
        (Condition::Loading | Condition::Ready, Some(value)) => known(value, words, &formats, None),
    }
}

/// While nothing is known, "all is well" would be a lie.
fn unknown(words: &Words, shape: &str, why: Html) -> Html {
    html! {
        <section class="strip calm" aria-labelledby="p-attention">
            <header class="m"><h2 id="p-attention" class="row">{ icon(shape) }{ words.alerts }</h2>{ why }</header>
        </section>
    }
}

/// `note`: these are the last counts that could be had.
fn known(value: &OrdersByStatus, words: &Words, formats: &Formats, note: Option<Html>) -> Html {
    let of = |status: OrderStatus| {
        let counted = value.orders_by_status.iter().find(|one| one.status == StatusCode::Known(status));
        counted.map_or(0, |one| one.count)
    };
    let line = |text: &'static str| note.clone().unwrap_or_else(|| html! { <p>{ text }</p> });
    let (approval, parts) = (of(OrderStatus::WaitingApproval), of(OrderStatus::WaitingParts));
    if approval + parts == 0 {
        return html! {
            <section class="strip calm" aria-labelledby="p-attention">
                <header><h2 id="p-attention" class="row">{ icon("READY") }{ words.all_well }</h2>{ line(words.all_well_why) }</header>
            </section>
        };
    }
    let ask = |count: u64, text: &'static str| {
        let nothing = (count == 0).then(|| html! { <small>{ words.nothing_pending }</small> });
        html! { <div class={classes!("ask", (count == 0).then_some("zero"))}><b>{ formats.count(count) }</b><span>{ text }</span>{ nothing }</div> }
    };
    html! {
        <section class={classes!("strip", "pair", note.is_some().then_some("aged"))} aria-labelledby="p-attention">
            <header><h2 id="p-attention" class="row">{ icon("alert") }{ words.alerts }</h2>{ line(words.alerts_subtitle) }</header>
            { ask(approval, (words.waiting_approval)(formats.plural(approval))) }
            { ask(parts, (words.waiting_parts)(formats.plural(parts))) }
        </section>
    }
}
