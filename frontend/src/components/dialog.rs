//! The browser's own dialog: it keeps the focus inside, closes with Escape, and gives the focus back.

use super::icon;
use crate::i18n::use_words;
use yew::{
    AttrValue, Callback, Children, Event, Html, MouseEvent, NodeRef, Properties, component, html,
    use_effect_with, use_node_ref,
};

#[derive(PartialEq, Properties)]
pub struct DialogProps {
    pub id: AttrValue,
    pub title: AttrValue,
    /// Absent: it has to be answered.
    #[prop_or_default]
    pub on_close: Option<Callback<()>>,
    pub children: Children,
}

/// Open for as long as it is there.
#[component]
pub fn Dialog(props: &DialogProps) -> Html {
    let words = use_words();
    let node = use_node_ref();
    use_effect_with(node.clone(), |node: &NodeRef| {
        open(node);
        let dialog = node.cast::<web_sys::HtmlDialogElement>();
        move || {
            if let Some(dialog) = dialog {
                dialog.close();
            }
        }
    });
    let on_cancel = {
        let on_close = props.on_close.clone();
        Callback::from(move |event: Event| {
            // What is open follows the page's state, never the other way round.
            event.prevent_default();
            if let Some(on_close) = &on_close {
                on_close.emit(());
            }
        })
    };
    let on_closed = {
        let (on_close, node) = (props.on_close.clone(), node.clone());
        Callback::from(move |_: Event| match &on_close {
            Some(on_close) => on_close.emit(()),
            // Browsers let nobody refuse a second Escape.
            None => open(&node),
        })
    };
    let close = props.on_close.as_ref().map(|on_close| {
        let on_close = on_close.reform(|_: MouseEvent| ());
        html! { <button type="button" class="btn bare ib push" aria-label={words.close} onclick={on_close}>{ icon("x") }</button> }
    });
    html! {
        <dialog class="dlg" ref={node} aria-labelledby={&props.id} oncancel={on_cancel} onclose={on_closed}>
            <header><h2 id={&props.id}>{ &props.title }</h2>{ close }</header>
            { props.children.clone() }
        </dialog>
    }
}

fn open(node: &NodeRef) {
    if let Some(dialog) = node.cast::<web_sys::HtmlDialogElement>() {
        let _ = dialog.show_modal();
    }
}
