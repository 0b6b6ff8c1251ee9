//! The plain figures of orders and people.

use super::{Chrome, Content, PanelProps, Size, framed};
use crate::format::use_formats;
use crate::i18n::use_words;
use crate::store::Panel;
use shared::{OrdersOverview, OrdersRevenue, UsersOverview};
use yew::{Callback, Html, Properties, component, html};

#[derive(PartialEq, Properties)]
pub struct OrdersSummaryProps {
    pub data: Panel<OrdersOverview>,
    /// The average stands here too.
    pub revenue: Panel<OrdersRevenue>,
    pub on_retry: Callback<()>,
}

#[component]
pub fn OrdersSummaryPanel(props: &OrdersSummaryProps) -> Html {
    let (words, formats) = (use_words(), use_formats());
    let chrome = Chrome {
        id: "p-orders",
        title: words.orders_summary,
        subtitle: words.orders_summary_subtitle,
        class: "",
        size: Size::FiveFigures,
    };
    let panel = PanelProps { data: props.data.clone(), on_retry: props.on_retry.clone() };
    framed(&panel, words, &formats, chrome, |value| {
        let average = props
            .revenue
            .value
            .as_ref()
            .map_or_else(|| "—".to_owned(), |revenue| formats.money(revenue.average_cost));
        let fact = |name: &'static str, text: String| html! { <div><dt>{ name }</dt><dd>{ text }</dd></div> };
        Content::shown(html! {
            <dl class="facts">
                { fact(words.total, formats.count(value.total_orders)) }
                { fact(words.completed, formats.count(value.completed_orders)) }
                { fact(words.in_process_count, formats.count(value.active_orders)) }
                { fact(words.rejected, formats.count(value.rejected_orders)) }
                { fact(words.average_cost, average) }
            </dl>
        })
    })
}

#[component]
pub fn UsersSummaryPanel(props: &PanelProps<UsersOverview>) -> Html {
    let (words, formats) = (use_words(), use_formats());
    let chrome = Chrome {
        id: "p-users",
        title: words.users_summary,
        subtitle: words.registered,
        class: "",
        size: Size::ThreeFigures,
    };
    framed(props, words, &formats, chrome, |value| {
        let fact = |name: &'static str, count: u64| html! { <div><dt>{ name }</dt><dd>{ formats.count(count) }</dd></div> };
        Content::shown(html! {
            <dl class="facts">
                { fact(words.clients, value.total_clients) }
                { fact(words.technicians, value.total_technicians) }
                { fact(words.active_technicians, value.active_technicians) }
            </dl>
        })
    })
}
