//! What is said when something cannot be: a whole page, or a line.

use crate::api::Refusal;
use crate::components::icon;
use crate::i18n::Words;
use yew::{Callback, Html, MouseEvent, html};

/// One thing to say and, if something can be done, a button.
pub struct Said {
    pub icon: &'static str,
    pub tone: Option<&'static str>,
    pub title: &'static str,
    pub why: &'static str,
    pub action: Option<(&'static str, Callback<()>)>,
}

pub fn said_page(said: Said) -> Html {
    let button = said.action.map(|(label, act)| {
        let act = act.reform(|_: MouseEvent| ());
        html! { <button class="btn" onclick={act}>{ label }</button> }
    });
    html! {
        <main class="solo" id="main">
            <h1 class="logo">{ icon("pulse") }{ "Pulso" }</h1>
            <section class="card sign"><div class="void" data-s={said.tone}>{ icon(said.icon) }<b>{ said.title }</b><p>{ said.why }</p>{ button }</div></section>
        </main>
    }
}

/// The server's words at the form; an ended session is another matter.
pub fn said(refusal: Refusal, words: &Words, on_expired: &Callback<()>) -> Option<String> {
    match refusal {
        Refusal::Unreachable => Some(words.unreachable.to_owned()),
        Refusal::Refused { status: 401, .. } => {
            on_expired.emit(());
            None
        }
        Refusal::Refused { messages, .. } => Some(messages.join(". ")),
    }
}
