//! How many orders are in each state. Those in the shop and those that are closed have scales of their own, since
//! delivered ones would flatten the rest; percentages are always of all.

use super::{Chrome, Content, Empty, PanelProps, Size, framed};
use crate::charts::{bar, share};
use crate::components::{badge, use_table_switch};
use crate::format::{Formats, use_formats};
use crate::i18n::{Words, use_words};
use shared::{OrdersByStatus, StatusCode, StatusCount};
use yew::{Html, component, html};

#[component]
pub fn ByStatusPanel(props: &PanelProps<OrdersByStatus>) -> Html {
    let (words, formats) = (use_words(), use_formats());
    let (as_table, action) = use_table_switch();
    let chrome = Chrome {
        id: "p-status",
        title: words.by_status,
        subtitle: words.by_status_subtitle,
        class: "",
        size: Size::States,
    };
    framed(props, words, &formats, chrome, |value| {
        let counts = &value.orders_by_status;
        let all = sum(counts.iter());
        if all == 0 {
            return Content::Nothing(Empty { title: words.recent_empty, why: words.by_status_empty });
        }
        let body =
            if as_table { table(counts, all, words, &formats) } else { chart(counts, all, words, &formats) };
        Content::Shown { body, action }
    })
}

fn sum<'a>(counts: impl Iterator<Item = &'a StatusCount>) -> u64 {
    counts.map(|one| one.count).sum()
}

/// A state that we do not know may still be in the shop.
fn is_open(count: &&StatusCount) -> bool {
    match &count.status {
        StatusCode::Known(status) => status.is_active(),
        StatusCode::Unknown(_) => true,
    }
}

fn named(count: &StatusCount, words: &Words) -> Html {
    let code = count.status.code().to_owned();
    let label = (words.status_label)(&code);
    badge(&code, label)
}

fn chart(counts: &[StatusCount], all: u64, words: &Words, formats: &Formats) -> Html {
    let group = |title: &'static str, members: Vec<&StatusCount>| {
        let largest = members.iter().map(|one| one.count).max().unwrap_or(0);
        let rows = members.iter().map(|one| {
            let code = one.status.code().to_owned();
            html! {
                <li key={code.clone()} data-status={code.clone()}>{ named(one, words) }{ bar(share(one.count, largest), Some(code)) }<b>{ formats.count(one.count) }</b><small>{ format!("({})", formats.percent(one.count, all)) }</small></li>
            }
        });
        let rows: Vec<Html> = rows.collect();
        html! { <><li class="sum"><span>{ title }</span><span>{ formats.count(sum(members.iter().copied())) }</span></li>{ for rows }</> }
    };
    let (open, closed): (Vec<_>, Vec<_>) = counts.iter().partition(is_open);
    let summary = (words.by_status_summary)(
        &formats.count(sum(open.iter().copied())),
        &formats.count(sum(closed.iter().copied())),
    );
    html! {
        <figure class="fig" aria-label={words.by_status}>
            <figcaption class="vh">{ summary }</figcaption>
            <ul class="dist two">{ group(words.in_shop, open) }{ group(words.closed, closed) }</ul>
        </figure>
    }
}

fn table(counts: &[StatusCount], all: u64, words: &Words, formats: &Formats) -> Html {
    let rows = counts.iter().map(|one| html! {
        <tr key={one.status.code().to_owned()}><th scope="row">{ named(one, words) }</th><td class="r">{ formats.count(one.count) }</td><td class="r">{ formats.percent(one.count, all) }</td></tr>
    });
    html! {
        <table class="tbl lite"><caption class="vh">{ words.by_status }</caption>
            <thead><tr><th scope="col">{ words.status }</th><th scope="col" class="r">{ words.orders }</th><th scope="col" class="r">{ words.share }</th></tr></thead>
            <tbody>{ for rows }</tbody></table>
    }
}
