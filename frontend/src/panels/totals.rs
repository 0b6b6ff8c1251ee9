//! The four totals: the only large figures of the page.
//!
//! One component shows them all; the functions say what each is. It is skipped while what it shows is equal.

use super::failed_since;
use crate::components::{Figure, icon};
use crate::format::{Formats, use_formats};
use crate::i18n::Words;
use crate::store::{Cause, Condition, Panel};
use shared::{Money, OrdersOverview, OrdersRevenue, UsersOverview};
use std::rc::Rc;
use yew::{AttrValue, Html, Properties, component, html, use_callback};

#[derive(Clone, PartialEq, Properties)]
pub struct TotalProps {
    /// By which the tests find it.
    key_name: &'static str,
    title: &'static str,
    below: &'static str,
    state: State,
    cause: Option<Rc<Cause>>,
}

#[derive(Clone, PartialEq)]
enum State {
    Loading,
    /// No figure, and an icon or a dash in its place.
    Missing(Option<&'static str>),
    Shown {
        figure: Shown,
        failed: Option<AttrValue>,
    },
}

/// A figure as it is shown.
#[derive(Clone, PartialEq)]
struct Shown {
    value: i64,
    text: AttrValue,
    suffix: AttrValue,
    is_money: bool,
}

#[component]
pub fn Total(props: &TotalProps) -> Html {
    let formats = use_formats();
    let is_money = matches!(&props.state, State::Shown { figure, .. } if figure.is_money);
    let difference = use_callback((formats.clone(), is_money), |amount: u64, (formats, is_money)| {
        if *is_money { formats.money(Money::from_cents(amount as i64)) } else { formats.count(amount) }
    });
    let (figure, failed) = match &props.state {
        State::Loading => {
            (html! { <b class="num"><span class="skel">{ "\u{a0}\u{a0}\u{a0}\u{a0}" }</span></b> }, None)
        }
        State::Missing(Some(shape)) => (html! { <b class="num m">{ icon(shape) }</b> }, None),
        State::Missing(None) => (html! { <b class="num m">{ "—" }</b> }, None),
        State::Shown { figure: Shown { value, text, suffix, .. }, failed } => {
            let stale = failed.is_some();
            (
                html! { <Figure value={*value} text={text} suffix={suffix} {difference} {stale} /> },
                failed.clone(),
            )
        }
    };
    let note =
        failed.map(|text| html! { <span class="note" data-s="bad" title={text}>{ icon("alert") }</span> });
    let tip = props.cause.as_ref().map(|cause| {
        let id =
            cause.resource_id.as_deref().map(|id| format!(" · #{}", id.chars().take(8).collect::<String>()));
        format!("{}{}", formats.moment(cause.at_ms), id.unwrap_or_default())
    });
    html! {
        <div class="card kpi" data-testid={props.key_name} title={tip}>
            <h3>{ props.title }</h3><span class="r m">{ note }</span>{ figure }<span></span><p>{ props.below }</p>
        </div>
    }
}

fn total<T>(
    data: &Panel<T>,
    words: &Words,
    formats: &Formats,
    labels: [&'static str; 3],
    read: impl FnOnce(&T) -> Shown,
) -> TotalProps {
    let [key_name, title, below] = labels;
    let (below, state) = match (&data.condition, &data.value) {
        (Condition::Forbidden, _) => (words.forbidden, State::Missing(Some("lock"))),
        (Condition::Absent, _) => (words.absent, State::Missing(None)),
        (Condition::Failed { .. }, None) => (words.failed, State::Missing(None)),
        (Condition::Loading | Condition::Ready, None) => (below, State::Loading),
        (Condition::Failed { at }, Some(value)) => {
            let failed = Some(failed_since(words, formats, at).into());
            (words.not_updated, State::Shown { figure: read(value), failed })
        }
        (Condition::Loading | Condition::Ready, Some(value)) => {
            (below, State::Shown { figure: read(value), failed: None })
        }
    };
    TotalProps { key_name, title, below, state, cause: data.cause.clone() }
}

fn counted(count: u64, formats: &Formats) -> Shown {
    Shown {
        value: count as i64,
        text: formats.count(count).into(),
        suffix: AttrValue::default(),
        is_money: false,
    }
}

pub fn active_orders(data: &Panel<OrdersOverview>, words: &Words, formats: &Formats) -> TotalProps {
    let labels = ["active-orders", words.active_orders, words.in_process];
    total(data, words, formats, labels, |value| counted(value.active_orders, formats))
}

pub fn revenue(data: &Panel<OrdersRevenue>, words: &Words, formats: &Formats) -> TotalProps {
    let labels = ["revenue", words.revenue, words.completed_orders];
    total(data, words, formats, labels, |value| Shown {
        value: value.total_revenue.cents,
        text: formats.money(value.total_revenue).into(),
        suffix: AttrValue::default(),
        is_money: true,
    })
}

pub fn clients(data: &Panel<UsersOverview>, words: &Words, formats: &Formats) -> TotalProps {
    let labels = ["clients", words.active_clients, words.registered];
    total(data, words, formats, labels, |value| counted(value.total_clients, formats))
}

pub fn technicians(data: &Panel<UsersOverview>, words: &Words, formats: &Formats) -> TotalProps {
    let labels = ["technicians", words.technicians, words.available];
    total(data, words, formats, labels, |value| Shown {
        suffix: format!("/{}", formats.count(value.total_technicians)).into(),
        ..counted(value.active_technicians, formats)
    })
}
