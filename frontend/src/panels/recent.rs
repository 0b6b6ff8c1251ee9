//! The last ten orders. One that came while the page was open is tagged for a while.

use super::{Chrome, Content, Empty, PanelProps, Size, framed, list_class};
use crate::clock;
use crate::components::{Ago, badge};
use crate::format::use_formats;
use crate::i18n::use_words;
use gloo_timers::callback::Timeout;
use shared::{Money, OrdersRecent, RecentOrder};
use std::collections::HashMap;
use yew::{Html, component, html, use_effect_with, use_force_update, use_mut_ref};

/// How long an order is called new.
const NEW_MS: f64 = 60_000.0;

/// When each order was first seen here; those of the first load were always there.
#[derive(Default)]
struct Seen(Option<HashMap<String, f64>>);

impl Seen {
    fn look(&mut self, orders: &[RecentOrder], now: f64) {
        let first = self.0.is_none();
        let known = self.0.get_or_insert_default();
        for order in orders {
            known.entry(order.id.clone()).or_insert(if first { f64::NEG_INFINITY } else { now });
        }
    }

    fn is_new(&self, id: &str, now: f64) -> bool {
        self.0.as_ref().and_then(|known| known.get(id)).is_some_and(|at| now - at < NEW_MS)
    }
}

#[component]
pub fn RecentPanel(props: &PanelProps<OrdersRecent>) -> Html {
    let (words, formats) = (use_words(), use_formats());
    let seen = use_mut_ref(Seen::default);
    let update = use_force_update();
    let now = clock::now_ms();
    if let Some(value) = &props.data.value {
        seen.borrow_mut().look(&value.recent_orders, now);
    }
    let any_new = props
        .data
        .value
        .iter()
        .any(|value| value.recent_orders.iter().any(|order| seen.borrow().is_new(&order.id, now)));
    use_effect_with((any_new, props.data.clone()), move |(any_new, _)| {
        let timer = any_new.then(|| Timeout::new(NEW_MS as u32, move || update.force_update()));
        move || drop(timer)
    });
    let chrome = Chrome {
        id: "p-recent",
        title: words.recent,
        subtitle: words.recent_subtitle,
        class: "w2 tall",
        size: Size::Ten,
    };
    framed(props, words, &formats, chrome, |value| {
        if value.recent_orders.is_empty() {
            return Content::Nothing(Empty { title: words.recent_empty, why: words.recent_empty_why });
        }
        // Two rows of one key would confuse the diff.
        let mut ids = std::collections::HashSet::new();
        let rows = value.recent_orders.iter().filter(|order| ids.insert(&order.id)).map(|order| {
            let code = order.status.code().to_owned();
            let label = (words.status_label)(&code);
            let client = order.client_name.as_deref().unwrap_or(words.no_client);
            let cost = order.final_cost.unwrap_or(Money::ZERO);
            let about = format!("{client} · {}", order.problem_description);
            let equipment = order.equipment_name.clone().unwrap_or_else(|| words.no_equipment.to_owned());
            html! {
                <li key={order.id.clone()} data-order={order.id.clone()}>
                    <span class="row"><span class="cut" title={equipment.clone()}><span class="id">{ format!("#{}", order.id.chars().take(8).collect::<String>()) }</span>{ " " }<b>{ equipment }</b></span>
                        if seen.borrow().is_new(&order.id, now) { <span class="tag" data-s="live">{ words.new }</span> }
                    </span>
                    <b class={yew::classes!("r", (cost == Money::ZERO).then_some("m"))}>{ formats.money(cost) }</b>
                    <span class="row">{ badge(&code, label) }<small class="cut" title={about.clone()}>{ about.clone() }</small></span>
                    <small class="r"><Ago at_ms={clock::parse_ms(&order.created_at)} /></small>
                </li>
            }
        });
        Content::shown(html! { <ul class={list_class(value.recent_orders.len(), 8)}>{ for rows }</ul> })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::{OrderStatus, StatusCode};

    fn order(id: &str) -> RecentOrder {
        RecentOrder {
            id: id.into(),
            problem_description: String::new(),
            status: StatusCode::Known(OrderStatus::InReview),
            client_name: None,
            equipment_name: None,
            created_at: String::new(),
            final_cost: None,
        }
    }

    #[test]
    fn an_order_is_new_for_a_minute_if_it_came_while_the_page_was_open() {
        let mut seen = Seen::default();
        seen.look(&[order("old")], 0.0);
        seen.look(&[order("late"), order("old")], 5_000.0);
        assert!(seen.is_new("late", 5_000.0) && !seen.is_new("old", 5_000.0));
        seen.look(&[order("late")], 64_999.0);
        assert!(seen.is_new("late", 64_999.0));
        assert!(!seen.is_new("late", 65_000.0));
    }

    #[test]
    fn nothing_is_new_before_anything_was_seen() {
        assert!(!Seen::default().is_new("1", 0.0));
    }
}
