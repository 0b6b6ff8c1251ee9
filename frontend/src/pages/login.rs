//! Signing in, as a page of its own or in a dialog over the page when a session ended.

use super::said::{Said, said_page};
use super::screen::SCREEN_PATH;
use crate::api::{Api, Refusal};
use crate::components::{Field, fault_of, icon};
use crate::i18n::{Words, use_words};
use crate::session::Session;
use wasm_bindgen_futures::spawn_local;
use yew::{
    Callback, Html, MouseEvent, NodeRef, Properties, SubmitEvent, component, html, use_effect_with,
    use_node_ref, use_state,
};

#[derive(PartialEq, Properties)]
pub struct LoginProps {
    pub on_session: Callback<Session>,
}

/// `notice`: why one has to sign in. `pairs`: a wall, where nobody signs in, has a page of its own.
pub fn login_page(
    words: &Words,
    notice: Option<&'static str>,
    pairs: bool,
    on_session: Callback<Session>,
) -> Html {
    html! {
        <main class="solo" id="main">
            <svg class="beat" viewBox="0 0 1200 200" preserveAspectRatio="none" aria-hidden="true"><path vector-effect="non-scaling-stroke" d="M0 110H300l14-14 14 14h26l16 18 26-112 30 150 20-56h30l20-24 22 24H900l14-14 14 14h26l16 18 26-112 30 150 20-56H1200" /></svg>
            <h1 class="logo">{ icon("pulse") }{ "Pulso" }</h1>
            <section class="card sign"><h2>{ words.sign_in }</h2>{ fault_of("sign-in-notice", notice) }<LoginForm {on_session} /></section>
            if pairs {
                <p class="m">{ words.is_a_wall }{ " " }<a class="lnk" href={SCREEN_PATH}>{ words.pair_it }</a></p>
            }
        </main>
    }
}

#[component]
pub fn LoginForm(props: &LoginProps) -> Html {
    let words = use_words();
    let (email, password) = (use_state(String::new), use_state(String::new));
    let (email_node, password_node) = (use_node_ref(), use_node_ref());
    let shown = use_state(|| false);
    let sending = use_state(|| false);
    // Of each field, and of the whole.
    let faults = use_state(|| (None, None, None));
    use_effect_with(email_node.clone(), |node: &NodeRef| focus(node));

    let submit = {
        let (email, password, sending, faults) =
            (email.clone(), password.clone(), sending.clone(), faults.clone());
        let (email_node, password_node) = (email_node.clone(), password_node.clone());
        let on_session = props.on_session.clone();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if *sending {
                return;
            }
            let email_fault = (!email.contains('@')).then_some(words.email_needed);
            let password_fault = (password.trim().chars().count() < 6).then_some(words.password_needed);
            faults.set((email_fault, password_fault, None));
            if email_fault.is_some() || password_fault.is_some() {
                return focus(if email_fault.is_some() { &email_node } else { &password_node });
            }
            sending.set(true);
            let (email, password) = ((*email).clone(), (*password).clone());
            let (sending, faults, password_node, on_session) =
                (sending.clone(), faults.clone(), password_node.clone(), on_session.clone());
            spawn_local(async move {
                let fault = match Api::login(email.trim(), &password).await {
                    Ok(token) => match Session::of(token) {
                        Some(session) => return on_session.emit(session),
                        None => words.unreachable.to_owned(),
                    },
                    // One text, whichever of the two is wrong.
                    Err(Refusal::Refused { status: 400 | 401, .. }) => words.wrong_credentials.to_owned(),
                    Err(Refusal::Refused { messages, .. }) => messages.join(". "),
                    Err(Refusal::Unreachable) => words.unreachable.to_owned(),
                };
                sending.set(false);
                faults.set((None, None, Some(fault)));
                focus(&password_node);
            });
        })
    };
    let write = |state: &yew::UseStateHandle<String>| {
        let state = state.clone();
        Callback::from(move |text| state.set(text))
    };
    let reveal = {
        let shown = shown.clone();
        Callback::from(move |_: MouseEvent| shown.set(!*shown))
    };
    let eye = html! {
        <button type="button" class="btn bare sm" aria-label={words.show_password} aria-pressed={if *shown { "true" } else { "false" }} onclick={reveal}>
            { icon("eye") }{ if *shown { words.hide } else { words.show } }
        </button>
    };
    let (email_fault, password_fault, fault) = (*faults).clone();
    html! {
        <form class="form" onsubmit={submit} novalidate=true>
            <Field id="email" label={words.email} kind="email" autocomplete="username" value={(*email).clone()} on_input={write(&email)} fault={email_fault} node={email_node} />
            <Field id="password" label={words.password} kind={if *shown { "text" } else { "password" }} autocomplete="current-password" value={(*password).clone()} on_input={write(&password)} fault={password_fault} node={password_node} inside={eye} />
            { fault_of("login-fault", fault.as_deref()) }
            <button class="btn pri" disabled={*sending}>{ if *sending { words.signing_in } else { words.sign_in } }</button>
        </form>
    }
}

pub(super) fn focus(node: &NodeRef) {
    if let Some(element) = node.cast::<web_sys::HtmlElement>() {
        let _ = element.focus();
    }
}

/// Signed in, but not as someone who runs the shop.
pub fn not_allowed_page(words: &Words, on_sign_out: &Callback<()>) -> Html {
    said_page(Said {
        icon: "lock",
        tone: None,
        title: words.not_allowed,
        why: words.not_allowed_why,
        action: Some((words.other_account, on_sign_out.clone())),
    })
}
