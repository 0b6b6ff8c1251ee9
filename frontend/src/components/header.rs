//! The page's head: where one is, how fresh it is, and what one can do.

use super::{Ago, Link, Pill, icon};
use crate::clock;
use crate::i18n::{Words, use_words};
use gloo_timers::callback::Interval;
use yew::{Callback, Html, MouseEvent, Properties, component, html, use_effect_with, use_state};

pub struct Header {
    pub link: Link,
    pub checked_ms: f64,
    pub on_retry: Callback<()>,
    pub on_theme: Callback<()>,
    /// Who one is and what one may do about it; nothing on a wall.
    pub account: Html,
    /// Absent where nothing can be created.
    pub on_new_order: Option<Callback<()>>,
}

pub fn header(props: Header, words: &Words) -> Html {
    let click = |callback: &Callback<()>| callback.reform(|_: MouseEvent| ());
    let updated = (!props.checked_ms.is_nan())
        .then(|| html! { <span class="m">{ words.updated }{ " " }<Ago at_ms={props.checked_ms} /></span> });
    let new_order = props.on_new_order.as_ref().map(|on_new_order| {
        html! { <button class="btn pri" aria-label={words.new_order} onclick={click(on_new_order)}>{ icon("plus") }<span class="lg">{ words.new_order }</span></button> }
    });
    html! {
        <>
            <a class="skip btn" href="#main">{ words.skip }</a>
            <header class="top">
                <a class="logo" href="/" aria-label={words.home}>{ icon("pulse") }<span class="lg">{ "Pulso" }</span></a>
                <span class="push"></span>
                <div class="state">{ updated }<Pill link={props.link.clone()} checked_ms={props.checked_ms} on_retry={props.on_retry.clone()} /></div>
                <button class="btn ib" aria-label={words.change_theme} title={words.change_theme} onclick={click(&props.on_theme)}>{ icon("theme") }</button>
                { props.account }
                { new_order }
            </header>
        </>
    }
}

/// So long may the server be away before the page says from when its data is.
const LOST_AFTER_MS: f64 = 15_000.0;

#[derive(PartialEq, Properties)]
pub struct BannerProps {
    pub link: Link,
    pub checked_ms: f64,
}

/// Once the server has been away for a while: from when the data is.
#[component]
pub fn Banner(props: &BannerProps) -> Html {
    let words = use_words();
    let live = matches!(props.link, Link::Live | Link::Outdated);
    let lost = use_state(|| false);
    {
        let lost = lost.clone();
        use_effect_with(live, move |live| {
            lost.set(false);
            let since = clock::now_ms();
            let timer = (!live).then(|| {
                Interval::new(1_000, move || {
                    if clock::now_ms() - since >= LOST_AFTER_MS {
                        lost.set(true);
                    }
                })
            });
            move || drop(timer)
        });
    }
    if live || !*lost {
        return html! {};
    }
    let since = if props.checked_ms.is_nan() {
        html! { "—" }
    } else {
        html! { <Ago at_ms={props.checked_ms} /> }
    };
    // The age goes on outside of what is announced, else it would be announced every second.
    html! { <div class="banner" data-s="bad">{ icon("off") }<span><span role="alert">{ words.lost }</span>{ words.lost_data }{ " " }{ since }</span></div> }
}
