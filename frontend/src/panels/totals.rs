//! The four totals: the only large figures of the page.
//!
//! One component shows them all; the functions say what each is. It is skipped while what it shows is equal.

use crate::clock;
use crate::components::{Ago, Figure, icon};
use crate::format::{Formats, use_formats};
use crate::i18n::{Words, use_words};
use crate::store::{Cause, Condition, Panel};
use shared::{Event, Money, OrdersOverview, OrdersRevenue, UsersOverview};
use std::rc::Rc;
use yew::{AttrValue, Html, Properties, classes, component, hook, html, use_callback, use_mut_ref};

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
    let (words, formats) = (use_words(), use_formats());
    let is_money = matches!(&props.state, State::Shown { figure, .. } if figure.is_money);
    let difference = use_callback((formats.clone(), is_money), |amount: u64, (formats, is_money)| {
        if *is_money { formats.money(Money::from_cents(amount as i64)) } else { formats.count(amount) }
    });
    let (figure, failed) = match &props.state {
        State::Loading => (html! { <b class="num"><span class="skel">{ "\u{a0}" }</span></b> }, None),
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
    let note = failed
        .map(|text| html! { <span class="note" data-s="bad">{ icon("alert") }<span>{ text }</span></span> });
    let (title_id, tip_id) = (format!("k-{}", props.key_name), format!("k-{}-why", props.key_name));
    let cause = use_cause(props);
    let tip = cause.as_ref().map(|cause| why(cause, tip_id.clone(), words));
    html! {
        <div class={classes!("card", "kpi", is_money.then_some("sum"))} data-testid={props.key_name} role="group" aria-labelledby={title_id.clone()}
            aria-describedby={tip.is_some().then(|| tip_id.clone())} tabindex={tip.is_some().then_some("0")}>
            <h3 id={title_id}>{ props.title }</h3><span class="r m">{ note }</span>{ figure }<span></span><p>{ props.below }</p>
            // A node in any case: one more would make the others new, and the figure forget what it was.
            { tip.unwrap_or_default() }
        </div>
    }
}

/// What changed this figure: its metric may move and leave it as it was.
#[hook]
fn use_cause(props: &TotalProps) -> Option<Rc<Cause>> {
    let last = use_mut_ref(|| None::<(i64, Option<Rc<Cause>>)>);
    let State::Shown { figure, .. } = &props.state else { return None };
    let mut last = last.borrow_mut();
    let cause = match &*last {
        Some((value, cause)) if *value == figure.value => cause.clone(),
        Some(_) => props.cause.clone(),
        None => None,
    };
    *last = Some((figure.value, cause.clone()));
    cause
}

/// What changed a figure since the page was opened, and when; seen on hover and on focus.
fn why(cause: &Cause, id: String, words: &Words) -> Html {
    let number: String = cause.resource_id.iter().flat_map(|id| id.chars().take(8)).collect();
    let happened = (words.happened)(&Event::parse(&cause.kind), &number);
    html! { <span class="tip" role="tooltip" {id}><Ago at_ms={cause.at_ms} />{ " · " }{ happened }</span> }
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
            let time = formats.time(clock::parse_ms(at));
            let failed =
                Some(if time.is_empty() { AttrValue::default() } else { (words.as_of)(&time).into() });
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
    let nobody = data.value.as_ref().is_some_and(|value| value.total_technicians == 0);
    let below = if nobody { words.top_technicians_empty } else { words.available };
    let labels = ["technicians", words.technicians, below];
    total(data, words, formats, labels, |value| Shown {
        suffix: format!("/{}", formats.count(value.total_technicians)).into(),
        ..counted(value.active_technicians, formats)
    })
}
