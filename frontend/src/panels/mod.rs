//! One file a panel. Each gets the value of its metric and shows it; all share one frame for their states.

mod attention;
pub mod totals;
mod recent;
mod by_status;
mod services;
mod technicians;
mod clients;
mod summaries;

pub use attention::AttentionPanel;
pub use by_status::ByStatusPanel;
pub use clients::TopClientsPanel;
pub use recent::RecentPanel;
pub use services::TopServicesPanel;
pub use summaries::{OrdersSummaryPanel, UsersSummaryPanel};
pub use technicians::TopTechniciansPanel;

use crate::clock;
use crate::components::{Card, Void, card, note, skeleton, void};
use crate::format::Formats;
use crate::i18n::Words;
use crate::store::{Condition, Panel};
use yew::{Callback, Html, Properties, html};

#[derive(Clone, Debug, Properties)]
pub struct PanelProps<T: 'static> {
    pub data: Panel<T>,
    pub on_retry: Callback<()>,
}

/// By the value's pointer, whatever it is.
impl<T> PartialEq for PanelProps<T> {
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data && self.on_retry == other.on_retry
    }
}

/// What is the same whatever the panel's state.
struct Chrome {
    id: &'static str,
    title: &'static str,
    subtitle: &'static str,
    class: &'static str,
    size: Size,
}

/// How much a panel shows; with or without its data it is as high.
#[derive(Clone, Copy)]
enum Size {
    /// A line of figures, which is a list on phones.
    ThreeFigures,
    FiveFigures,
    Five,
    /// The states of an order in two groups.
    States,
    Ten,
}

impl Size {
    fn rows(self) -> usize {
        match self {
            Size::ThreeFigures | Size::FiveFigures => 1,
            Size::Five => 5,
            Size::States => 6,
            Size::Ten => 10,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Size::ThreeFigures => "few3",
            Size::FiveFigures => "few5",
            Size::Five => "five",
            Size::States => "states",
            Size::Ten => "ten",
        }
    }
}

/// What would be seen if there were something.
struct Empty {
    title: &'static str,
    why: &'static str,
}

/// What fills a panel that has a value, with an action for its head.
enum Content {
    Nothing(Empty),
    Shown { body: Html, action: Html },
}

impl Content {
    fn shown(body: Html) -> Content {
        Content::Shown { body, action: html! {} }
    }
}

/// A panel in whatever state: loading, ready, empty, failed with or without data, forbidden, not offered.
fn framed<T>(
    props: &PanelProps<T>,
    words: &Words,
    formats: &Formats,
    chrome: Chrome,
    show: impl FnOnce(&T) -> Content,
) -> Html {
    let plain = || html! { <p class="m">{ chrome.subtitle }</p> };
    let empty = |icon, title, why, on_retry| void(Void { icon, title, why }, words, on_retry);
    let quiet = |line: Html, body: Html| (line, body, html! {}, false);
    let (line, body, action, busy) = match (&props.data.condition, &props.data.value) {
        (Condition::Forbidden, _) => {
            quiet(plain(), empty("lock", words.forbidden, words.forbidden_why, None))
        }
        (Condition::Absent, _) => quiet(plain(), empty("off", words.absent, words.absent_why, None)),
        (Condition::Failed { .. }, None) => {
            quiet(plain(), empty("alert", words.failed, words.failed_why, Some(&props.on_retry)))
        }
        (Condition::Loading | Condition::Ready, None) => {
            let line = html! { <p class="m">{ words.loading }</p> };
            (line, skeleton(chrome.size.rows()), html! {}, true)
        }
        (condition, Some(value)) => {
            let line = match condition {
                Condition::Failed { at } => note(failed_since(words, formats, at), words, &props.on_retry),
                Condition::Loading | Condition::Ready | Condition::Absent | Condition::Forbidden => plain(),
            };
            match show(value) {
                Content::Nothing(Empty { title, why }) => quiet(line, empty("inbox", title, why, None)),
                Content::Shown { body, action } => (line, body, action, false),
            }
        }
    };
    card(Card {
        id: chrome.id,
        title: chrome.title,
        class: chrome.class,
        line,
        action,
        busy,
        size: chrome.size.name(),
        body,
    })
}

/// A list that fills its panel, unless it is so short that its rows would drift apart.
fn list_class(rows: usize, usual: usize) -> &'static str {
    if rows < usual { "rows few" } else { "rows" }
}

/// "No se pudo actualizar · 10:42"
fn failed_since(words: &Words, formats: &Formats, at: &str) -> String {
    let time = formats.time(clock::parse_ms(at));
    if time.is_empty() { words.not_updated.to_owned() } else { format!("{} · {time}", words.not_updated) }
}

#[cfg(test)]
mod tests;
