//! A panel's frame, and what stands in it when there is nothing to show.

use super::Icon;
use crate::i18n::use_words;
use gloo_timers::callback::Timeout;
use yew::{
    AttrValue, Callback, Children, Classes, Html, MouseEvent, Properties, component, html, use_effect_with,
    use_state,
};

#[derive(PartialEq, Properties)]
pub struct CardProps {
    /// Of the heading, by which the panel is named.
    pub id: AttrValue,
    pub title: AttrValue,
    /// The line below the title: a subtitle, or a note in its place, so that no height changes.
    pub line: Html,
    #[prop_or_default]
    pub class: Classes,
    #[prop_or_default]
    pub action: Html,
    #[prop_or_default]
    pub busy: bool,
    pub children: Children,
}

#[component]
pub fn Card(props: &CardProps) -> Html {
    html! {
        <section class={yew::classes!("card", props.class.clone())} aria-labelledby={&props.id} aria-busy={props.busy.then_some("true")}>
            <header><h2 id={&props.id}>{ &props.title }</h2>{ props.line.clone() }{ props.action.clone() }</header>
            { props.children.clone() }
        </section>
    }
}

#[derive(PartialEq, Properties)]
pub struct NoteProps {
    pub text: AttrValue,
    pub on_retry: Callback<()>,
}

/// In place of a subtitle: the newest value could not be had, an older one is shown.
#[component]
pub fn Note(props: &NoteProps) -> Html {
    let words = use_words();
    let retry = props.on_retry.reform(|_: MouseEvent| ());
    html! {
        <p class="note" data-s="bad"><Icon name="alert" />
            <span>{ &props.text }{ " · " }<button class="lnk" onclick={retry}>{ words.retry }</button></span>
        </p>
    }
}

#[derive(PartialEq, Properties)]
pub struct VoidProps {
    pub icon: AttrValue,
    pub title: AttrValue,
    pub why: AttrValue,
    /// `bad` for a failure.
    #[prop_or_default]
    pub tone: Option<AttrValue>,
    #[prop_or_default]
    pub on_retry: Option<Callback<()>>,
}

/// Says what is missing, why, and what one can do.
#[component]
pub fn Void(props: &VoidProps) -> Html {
    let words = use_words();
    let retry = props.on_retry.as_ref().map(|on_retry| {
        let retry = on_retry.reform(|_: MouseEvent| ());
        html! { <button class="btn" onclick={retry}>{ words.retry }</button> }
    });
    html! {
        <div class="void" data-s={props.tone.clone()}>
            <Icon name={&props.icon} /><b>{ &props.title }</b><p>{ &props.why }</p>{ retry }
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
