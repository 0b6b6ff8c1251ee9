//! A panel's frame, and what stands in it when there is nothing to show.

use super::icon;
use crate::i18n::Words;
use yew::{Callback, Html, MouseEvent, html};

pub struct Card {
    /// Of the heading, by which the panel is named.
    pub id: &'static str,
    pub title: &'static str,
    pub class: &'static str,
    /// The line below the title: a subtitle, or a note in its place, so that no height changes.
    pub line: Html,
    pub action: Html,
    pub busy: bool,
    /// By which the stylesheet keeps its place, whatever is in it.
    pub size: &'static str,
    pub body: Html,
}

pub fn card(card: Card) -> Html {
    let Card { id, title, class, line, action, busy, size, body } = card;
    html! {
        <section class={yew::classes!("card", class)} data-size={size} aria-labelledby={id} aria-busy={busy.then_some("true")}>
            <header><h2 {id}>{ title }</h2>{ line }{ action }</header>
            { body }
        </section>
    }
}

/// In place of a subtitle: the newest value could not be had, an older one is shown.
pub fn note(text: String, words: &Words, on_retry: &Callback<()>) -> Html {
    let retry = on_retry.reform(|_: MouseEvent| ());
    html! {
        <p class="note" data-s="bad">{ icon("alert") }
            <span>{ text }{ " · " }<button class="lnk" onclick={retry}>{ words.retry }</button></span>
        </p>
    }
}

/// Says what is missing, why, and what one can do.
pub struct Void {
    pub icon: &'static str,
    pub title: &'static str,
    pub why: &'static str,
}

/// With `on_retry` it is a failure.
pub fn void(void: Void, words: &Words, on_retry: Option<&Callback<()>>) -> Html {
    let retry = on_retry.map(|on_retry| {
        let retry = on_retry.reform(|_: MouseEvent| ());
        html! { <button class="btn" onclick={retry}>{ words.retry }</button> }
    });
    html! {
        <div class="void" data-s={on_retry.map(|_| "bad")}>
            { icon(void.icon) }<b>{ void.title }</b><p>{ void.why }</p>{ retry }
        </div>
    }
}

/// Rows that fill the place of what comes.
pub fn skeleton(rows: usize) -> Html {
    let blank = |class| html! { <span {class}>{ "\u{a0}" }</span> };
    let row = |_| html! { <li>{ blank("skel") }{ blank("skel r") }<small class="skel">{ "\u{a0}" }</small><small class="skel">{ "\u{a0}" }</small></li> };
    html! { <ul class="rows ghost" aria-hidden="true">{ for (0..rows).map(row) }</ul> }
}
