//! A panel's frame, and what stands in it when there is nothing to show.

use super::icon;
use crate::i18n::Words;
use gloo_timers::callback::Timeout;
use yew::{Callback, Html, MouseEvent, Properties, component, html, use_effect_with, use_state};

pub struct Card {
    /// Of the heading, by which the panel is named.
    pub id: &'static str,
    pub title: &'static str,
    pub class: &'static str,
    /// The line below the title: a subtitle, or a note in its place, so that no height changes.
    pub line: Html,
    pub action: Html,
    pub busy: bool,
    pub body: Html,
}

pub fn card(card: Card) -> Html {
    let Card { id, title, class, line, action, busy, body } = card;
    html! {
        <section class={yew::classes!("card", class)} aria-labelledby={id} aria-busy={busy.then_some("true")}>
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

/// What loads faster than this needs no skeleton, only its place.
const SKELETON_AFTER_MS: u32 = 200;

#[derive(PartialEq, Properties)]
pub struct SkeletonProps {
    pub rows: usize,
}

/// Rows of the final size.
#[component]
pub fn Skeleton(props: &SkeletonProps) -> Html {
    let late = use_state(|| false);
    {
        let late = late.clone();
        use_effect_with((), move |()| {
            let timer = Timeout::new(SKELETON_AFTER_MS, move || late.set(true));
            move || drop(timer)
        });
    }
    let class = if *late { "skel" } else { "" };
    let row = |_| html! { <li><span class={class}>{ "\u{a0}" }</span><span class={class}>{ "\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}" }</span><small class={class}>{ "\u{a0}" }</small></li> };
    html! { <ul class="rows" aria-hidden="true">{ for (0..props.rows).map(row) }</ul> }
}
