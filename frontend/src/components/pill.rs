//! How the live connection is: always visible, by colour, shape and word.

use super::{Ago, icon, use_tick};
use crate::clock;
use crate::i18n::use_words;
use yew::{Callback, Html, MouseEvent, Properties, component, html};

/// Data this old is no longer called live, whatever the socket says: three reconciles were missed.
const OLD_MS: f64 = 90_000.0;

#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    Connecting,
    Live,
    /// The server is there, but its source is not: what is shown is as old as it says.
    Outdated,
    Waiting {
        attempt: u32,
        retry_at_ms: f64,
    },
    Polling,
    Offline,
}

#[derive(PartialEq, Properties)]
pub struct PillProps {
    pub link: Link,
    /// When the data was last confirmed.
    pub checked_ms: f64,
    pub on_retry: Callback<()>,
}

#[component]
pub fn Pill(props: &PillProps) -> Html {
    let words = use_words();
    // Its clock is its own: a second that passes renders nothing else.
    use_tick(if matches!(props.link, Link::Waiting { .. }) { 1_000 } else { 10_000 });
    let pill = |tone: &'static str, shape: &'static str, text: Html| {
        html! { <span class="pill" data-s={tone} data-testid="connection">{ icon(shape) }<span>{ text }</span></span> }
    };
    match &props.link {
        Link::Connecting => pill("calm", "refresh", words.connecting.into()),
        Link::Live if clock::now_ms() - props.checked_ms <= OLD_MS || props.checked_ms.is_nan() => {
            pill("good", "pulse", words.live.into())
        }
        Link::Live | Link::Outdated => {
            let age = if props.checked_ms.is_nan() {
                "—".into()
            } else {
                html! { <Ago at_ms={props.checked_ms} /> }
            };
            pill("warn", "clock", html! { <>{ words.data_from }{ " " }{ age }</> })
        }
        Link::Polling => pill("warn", "refresh", words.polling.into()),
        Link::Offline => pill("bad", "off", words.offline.into()),
        Link::Waiting { attempt, retry_at_ms } => {
            let seconds = ((retry_at_ms - clock::now_ms()) / 1000.0).ceil().max(0.0) as u32;
            let retry = props.on_retry.reform(|_: MouseEvent| ());
            pill(
                "warn",
                "refresh",
                html! { <>{ (words.reconnecting)(*attempt, seconds) }{ " · " }<button class="lnk" onclick={retry}>{ words.retry }</button></> },
            )
        }
    }
}
