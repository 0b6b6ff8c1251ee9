//! One file a panel. Each gets the value of its metric and shows it; all share one frame for their states.

mod attention;
mod totals;
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
pub use totals::{ActiveOrdersTotal, ClientsTotal, RevenueTotal, TechniciansTotal};

use crate::clock;
use crate::components::{Card, Note, Skeleton, Void};
use crate::format::Formats;
use crate::i18n::Words;
use crate::store::{Condition, Panel};
use yew::{AttrValue, Callback, Classes, Html, Properties, html};

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
    /// Rows of the skeleton.
    rows: usize,
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
    let Chrome { id, title, subtitle, class, rows } = chrome;
    let retry = || Some(props.on_retry.clone());
    let plain = html! { <p class="m">{ subtitle }</p> };
    let void =
        |icon: &'static str, tone: Option<&'static str>, title: &'static str, why: &'static str, on_retry| {
            html! { <Void {icon} tone={tone.map(AttrValue::from)} {title} {why} {on_retry} /> }
        };
    let (line, body, action, busy) = match (&props.data.condition, &props.data.value) {
        (Condition::Forbidden, _) => {
            (plain, void("lock", None, words.forbidden, words.forbidden_why, None), html! {}, false)
        }
        (Condition::Absent, _) => {
            (plain, void("off", None, words.absent, words.absent_why, None), html! {}, false)
        }
        (Condition::Failed { .. }, None) => {
            (plain, void("alert", Some("bad"), words.failed, words.failed_why, retry()), html! {}, false)
        }
        (Condition::Loading, None) | (Condition::Ready, None) => {
            (html! { <p class="m">{ words.loading }</p> }, html! { <Skeleton {rows} /> }, html! {}, true)
        }
        (condition, Some(value)) => {
            let line = match condition {
                Condition::Failed { at } => {
                    let text = failed_since(words, formats, at);
                    html! { <Note {text} on_retry={props.on_retry.clone()} /> }
                }
                Condition::Loading | Condition::Ready | Condition::Absent | Condition::Forbidden => plain,
            };
            match show(value) {
                Content::Nothing(empty) => {
                    (line, void("inbox", None, empty.title, empty.why, None), html! {}, false)
                }
                Content::Shown { body, action } => (line, body, action, false),
            }
        }
    };
    html! { <Card {id} {title} {line} class={Classes::from(class)} {action} {busy}>{ body }</Card> }
}

/// "No se pudo actualizar · 10:42"
fn failed_since(words: &Words, formats: &Formats, at: &str) -> String {
    let time = formats.time(clock::parse_ms(at));
    if time.is_empty() { words.not_updated.to_owned() } else { format!("{} · {time}", words.not_updated) }
}

#[cfg(test)]
mod tests;
