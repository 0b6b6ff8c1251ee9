//! Short notices above the page: at most three, each for as long as it takes to read, longer while looked at.

use super::icon;
use crate::i18n::{Words, use_words};
use gloo_timers::callback::Timeout;
use yew::{AttrValue, Callback, Html, MouseEvent, Properties, component, html, use_effect_with, use_state};

const MOST: usize = 3;
const BASE_MS: u32 = 5_000;
const CHARACTER_MS: u32 = 50;

#[derive(Clone, Debug, PartialEq)]
pub struct Toast {
    pub id: u32,
    pub title: AttrValue,
    pub text: AttrValue,
}

/// The newest last.
pub fn toasts(toasts: &[Toast], words: &Words, on_close: &Callback<u32>) -> Html {
    let shown = toasts.iter().rev().take(MOST).rev();
    html! {
        <div class="toasts" role="region" aria-label={words.notices}>
            { for shown.map(|toast| html! { <OneToast key={toast.id} toast={toast.clone()} on_close={on_close.clone()} /> }) }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct OneToastProps {
    toast: Toast,
    on_close: Callback<u32>,
}

#[component]
fn OneToast(props: &OneToastProps) -> Html {
    let words = use_words();
    let held = use_state(|| false);
    let id = props.toast.id;
    let stay_ms = BASE_MS
        + CHARACTER_MS * (props.toast.title.chars().count() + props.toast.text.chars().count()) as u32;
    {
        let on_close = props.on_close.clone();
        use_effect_with(*held, move |held| {
            let timer = (!held).then(|| Timeout::new(stay_ms, move || on_close.emit(id)));
            move || drop(timer)
        });
    }
    let hold = |to: bool| {
        let held = held.clone();
        move || held.set(to)
    };
    let (enter, leave, focus, blur) = (hold(true), hold(false), hold(true), hold(false));
    let close = props.on_close.reform(move |_: MouseEvent| id);
    html! {
        <div class="toast" data-s="live" onmouseenter={move |_| enter()} onmouseleave={move |_| leave()}
            onfocusin={move |_| focus()} onfocusout={move |_| blur()}>
            { icon("inbox") }
            <div><b>{ &props.toast.title }</b>if !props.toast.text.is_empty() { <p>{ &props.toast.text }</p> }</div>
            <button class="btn bare ib" aria-label={words.close_notice} onclick={close}>{ icon("x") }</button>
        </div>
    }
}
