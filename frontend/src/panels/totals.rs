//! The four totals: the only large figures of the page.

use super::{PanelProps, failed_since};
use crate::components::{Figure, icon};
use crate::format::{Formats, use_formats};
use crate::i18n::{Words, use_words};
use crate::store::Condition;
use shared::{Money, OrdersOverview, OrdersRevenue, UsersOverview};
use std::rc::Rc;
use yew::{AttrValue, Callback, Html, component, html, use_callback};

/// A figure as it is shown.
struct Total {
    value: i64,
    text: String,
    suffix: String,
}

fn total<T>(
    props: &PanelProps<T>,
    words: &Words,
    formats: &Formats,
    labels: (&'static str, &'static str),
    key: &'static str,
    difference: &Callback<u64, String>,
    read: impl FnOnce(&T) -> Total,
) -> Html {
    let (title, below) = labels;
    let (figure, note, below) = match (&props.data.condition, &props.data.value) {
        (Condition::Forbidden, _) => {
            (html! { <b class="num m">{ icon("lock") }</b> }, html! {}, words.forbidden)
        }
        (Condition::Absent, _) => (html! { <b class="num m">{ "—" }</b> }, html! {}, words.absent),
        (Condition::Failed { .. }, None) => (html! { <b class="num m">{ "—" }</b> }, html! {}, words.failed),
        (Condition::Loading | Condition::Ready, None) => (
            html! { <b class="num"><span class="skel">{ "\u{a0}\u{a0}\u{a0}\u{a0}" }</span></b> },
            html! {},
            below,
        ),
        (condition, Some(value)) => {
            let Total { value, text, suffix } = read(value);
            let failed = match condition {
                Condition::Failed { at } => Some(failed_since(words, formats, at)),
                Condition::Loading | Condition::Ready | Condition::Absent | Condition::Forbidden => None,
            };
            let figure = html! { <Figure {value} text={AttrValue::from(text)} suffix={AttrValue::from(suffix)} difference={difference.clone()} stale={failed.is_some()} /> };
            let note = failed
                .map(|text| html! { <span class="note" data-s="bad" title={text}>{ icon("alert") }</span> });
            let below = if note.is_some() { words.not_updated } else { below };
            (figure, note.unwrap_or_default(), below)
        }
    };
    let tip = props.data.cause.as_ref().map(|cause| {
        let id =
            cause.resource_id.as_deref().map(|id| format!(" · #{}", id.chars().take(8).collect::<String>()));
        format!("{}{}", formats.moment(cause.at_ms), id.unwrap_or_default())
    });
    html! {
        <div class="card kpi" data-testid={key} title={tip}>
            <h3>{ title }</h3><span class="r m">{ note }</span>{ figure }<span></span><p>{ below }</p>
        </div>
    }
}

#[component]
pub fn ActiveOrdersTotal(props: &PanelProps<OrdersOverview>) -> Html {
    let (words, formats) = (use_words(), use_formats());
    let difference = use_callback(formats.clone(), |count, formats: &Rc<Formats>| formats.count(count));
    total(
        props,
        words,
        &formats,
        (words.active_orders, words.in_process),
        "active-orders",
        &difference,
        |value| Total {
            value: value.active_orders as i64,
            text: formats.count(value.active_orders),
            suffix: String::new(),
        },
    )
}

#[component]
pub fn RevenueTotal(props: &PanelProps<OrdersRevenue>) -> Html {
    let (words, formats) = (use_words(), use_formats());
    let difference = use_callback(formats.clone(), |cents: u64, formats: &Rc<Formats>| {
        formats.money(Money::from_cents(cents as i64))
    });
    total(props, words, &formats, (words.revenue, words.completed_orders), "revenue", &difference, |value| {
        Total {
            value: value.total_revenue.cents,
            text: formats.money(value.total_revenue),
            suffix: String::new(),
        }
    })
}

#[component]
pub fn ClientsTotal(props: &PanelProps<UsersOverview>) -> Html {
    let (words, formats) = (use_words(), use_formats());
    let difference = use_callback(formats.clone(), |count, formats: &Rc<Formats>| formats.count(count));
    total(props, words, &formats, (words.active_clients, words.registered), "clients", &difference, |value| {
        Total {
            value: value.total_clients as i64,
            text: formats.count(value.total_clients),
            suffix: String::new(),
        }
    })
}

#[component]
pub fn TechniciansTotal(props: &PanelProps<UsersOverview>) -> Html {
    let (words, formats) = (use_words(), use_formats());
    let difference = use_callback(formats.clone(), |count, formats: &Rc<Formats>| formats.count(count));
    total(props, words, &formats, (words.technicians, words.available), "technicians", &difference, |value| {
        Total {
            value: value.active_technicians as i64,
            text: formats.count(value.active_technicians),
            suffix: format!("/{}", formats.count(value.total_technicians)),
        }
    })
}
