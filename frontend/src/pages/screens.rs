//! "Pantallas": the screens on walls that may look, one more, one less.

use super::login::focus;
use super::said::said;
use crate::api::{Api, Refusal, Screen, window};
use crate::clock;
use crate::components::{Ago, Dialog, Field, Void, fault_of, icon, skeleton, void};
use crate::i18n::{Words, use_words};
use crate::pairing::code_of;
use gloo_timers::callback::Interval;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use yew::{
    AttrValue, Callback, Html, MouseEvent, NodeRef, Properties, SubmitEvent, component, html, use_callback,
    use_effect_with, use_mut_ref, use_node_ref, use_state,
};

/// Screens come and go while one looks.
const REFRESH_MS: u32 = 5_000;

#[derive(PartialEq, Properties)]
pub struct ScreensProps {
    pub api: Api,
    pub on_close: Callback<()>,
    /// The session is over.
    pub on_expired: Callback<()>,
    /// Something that happened, in words.
    pub on_said: Callback<String>,
}

/// What the dialog is about at the moment.
#[derive(Clone, Debug, PartialEq)]
enum Face {
    List,
    /// Whether this one is to be taken away.
    Doubt(String),
    Adding,
}

/// Of each field, and of the whole.
#[derive(Clone, Debug, Default, PartialEq)]
struct Faults {
    code: Option<AttrValue>,
    name: Option<AttrValue>,
    other: Option<String>,
}

#[component]
pub fn ScreensDialog(props: &ScreensProps) -> Html {
    let words = use_words();
    let screens = use_state(|| None::<Vec<Screen>>);
    let face = use_state(|| Face::List);
    let faults = use_state(Faults::default);
    let sending = use_state(|| false);
    let (code, name) = (use_state(String::new), use_state(String::new));
    // What the focus was on is gone with its face of the dialog.
    let (first, name_node) = (use_node_ref(), use_node_ref());
    let before = use_mut_ref(|| Face::List);
    {
        let first = first.clone();
        use_effect_with((*face).clone(), move |face| match (before.replace(face.clone()), face) {
            (Face::Doubt(id), Face::List) if focus_on(&button_id(&id)) => {}
            (Face::List | Face::Doubt(_) | Face::Adding, Face::List | Face::Doubt(_) | Face::Adding) => {
                focus(&first)
            }
        });
    }
    let refresh = {
        let (api, on_expired) = (props.api.clone(), props.on_expired.clone());
        let (screens, faults) = (screens.setter(), faults.setter());
        use_callback((), move |(), ()| {
            let (api, on_expired) = (api.clone(), on_expired.clone());
            let (screens, faults) = (screens.clone(), faults.clone());
            spawn_local(async move {
                match api.screens().await {
                    Ok(list) => screens.set(Some(list)),
                    Err(refusal) => faults.set(other(said(refusal, words, &on_expired))),
                }
            });
        })
    };
    {
        let refresh = refresh.clone();
        use_effect_with((), move |()| {
            refresh.emit(());
            let timer = Interval::new(REFRESH_MS, move || refresh.emit(()));
            move || drop(timer)
        });
    }
    let turn = |to: Face| {
        let (face, faults) = (face.setter(), faults.setter());
        Callback::from(move |_: MouseEvent| {
            faults.set(Faults::default());
            face.set(to.clone());
        })
    };
    let submit = {
        let (face, code, name) = (face.clone(), code.clone(), name.clone());
        let (sending, faults) = (sending.clone(), faults.clone());
        let (first, name_node, refresh) = (first.clone(), name_node.clone(), refresh.clone());
        let (api, on_said, on_expired) = (props.api.clone(), props.on_said.clone(), props.on_expired.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if *sending {
                return;
            }
            let (digits, called) = (code_of(&code), name.trim().to_owned());
            faults.set(Faults {
                code: digits.is_none().then(|| words.six_digits.into()),
                name: called.is_empty().then(|| words.needed.into()),
                other: None,
            });
            let Some(digits) = digits else { return focus(&first) };
            if called.is_empty() {
                return focus(&name_node);
            }
            sending.set(true);
            let (face, code, name) = (face.clone(), code.clone(), name.clone());
            let (sending, faults, first, refresh) =
                (sending.clone(), faults.clone(), first.clone(), refresh.clone());
            let (api, on_said, on_expired) = (api.clone(), on_said.clone(), on_expired.clone());
            spawn_local(async move {
                let answer = api.approve(&digits, &called).await;
                sending.set(false);
                match answer {
                    Ok(()) => {
                        code.set(String::new());
                        name.set(String::new());
                        face.set(Face::List);
                        refresh.emit(());
                        on_said.emit((words.paired)(&called));
                    }
                    Err(refusal) => {
                        faults.set(faults_of(refusal, words, &on_expired));
                        focus(&first);
                    }
                }
            });
        })
    };
    let revoke = {
        let (api, on_expired, refresh) = (props.api.clone(), props.on_expired.clone(), refresh.clone());
        let (face, faults, screens) = (face.clone(), faults.setter(), screens.clone());
        Callback::from(move |_: MouseEvent| {
            let Face::Doubt(id) = (*face).clone() else { return };
            let (api, on_expired, refresh) = (api.clone(), on_expired.clone(), refresh.clone());
            let (face, faults, screens) = (face.setter(), faults.clone(), screens.clone());
            spawn_local(async move {
                match api.revoke(&id).await {
                    // Somebody else was faster.
                    Ok(()) | Err(Refusal::Refused { status: 404, .. }) => {
                        let left = screens.iter().flatten().filter(|screen| screen.id != id);
                        screens.set(Some(left.cloned().collect()));
                        faults.set(Faults::default());
                    }
                    Err(refusal) => faults.set(other(said(refusal, words, &on_expired))),
                }
                face.set(Face::List);
                refresh.emit(());
            });
        })
    };
    let write = |state: &yew::UseStateHandle<String>| {
        let state = state.setter();
        Callback::from(move |text| state.set(text))
    };
    let (title, body) = match &*face {
        Face::Adding => (
            words.add_screen,
            html! {
                <form class="form" onsubmit={submit} novalidate=true>
                    <Field id="s-code" label={words.screen_code} hint={words.screen_code_hint} keys="numeric" autocomplete="one-time-code" placeholder="482 913"
                        value={(*code).clone()} on_input={write(&code)} fault={faults.code.clone()} node={first} />
                    <Field id="s-name" label={words.screen_name} placeholder={words.screen_name_example}
                        value={(*name).clone()} on_input={write(&name)} fault={faults.name.clone()} node={name_node} />
                    { fault_of("s-fault", faults.other.as_deref()) }
                    <div class="row end"><button type="button" class="btn bare" onclick={turn(Face::List)}>{ words.cancel }</button>
                        <button class="btn pri" disabled={*sending}>{ if *sending { words.pairing } else { words.pair } }</button></div>
                </form>
            },
        ),
        Face::List | Face::Doubt(_) => {
            let row = |screen: &Screen| {
                let doubt = turn(Face::Doubt(screen.id.clone()));
                let doubted = *face == Face::Doubt(screen.id.clone());
                let doubted =
                    doubted.then(|| question(&screen.name, &first, turn(Face::List), revoke.clone(), words));
                doubted.unwrap_or_else(|| row(screen, doubt, words))
            };
            let list = match &*screens {
                None if faults.other.is_some() => html! {},
                None => skeleton(3),
                Some(list) if list.is_empty() => void(
                    Void { icon: "screen", title: words.no_screens, why: words.no_screens_why },
                    words,
                    None,
                ),
                Some(list) => html! { <ul class="rows screens">{ for list.iter().map(row) }</ul> },
            };
            (
                words.screens,
                html! {
                    <div>
                        <p class="m">{ words.screens_why }</p>
                        { list }
                        { fault_of("screens-fault", faults.other.as_deref()) }
                        // One question at a time.
                        if *face == Face::List {
                            <div class="row end"><button class="btn pri" ref={first} onclick={turn(Face::Adding)}>{ icon("plus") }{ words.add_screen }</button></div>
                        }
                    </div>
                },
            )
        }
    };
    html! { <Dialog id="screens" {title} on_close={props.on_close.clone()}>{ body }</Dialog> }
}

/// One screen of the list, with whether it is there.
pub(super) fn row(screen: &Screen, on_revoke: Callback<MouseEvent>, words: &Words) -> Html {
    let Screen { id, name, created_at, last_seen, connected } = screen;
    let ago = |at: &str| html! { <Ago at_ms={clock::parse_ms(at)} /> };
    let seen = match last_seen {
        _ if *connected > 0 => {
            html! { <span class="badge" data-s="good">{ icon("pulse") }{ words.connected }</span> }
        }
        Some(at) => html! { <span>{ words.seen }{ " " }{ ago(at) }</span> },
        None => html! { <span>{ words.never_seen }</span> },
    };
    html! {
        <li key={id.clone()}><b class="cut" title={name.clone()}>{ name }</b>
            <button class="btn sm" id={button_id(id)} aria-label={(words.revoke_which)(name)} onclick={on_revoke}>{ words.revoke }</button>
            <small class="row">{ seen }<span>{ words.added }{ " " }{ ago(created_at) }</span></small></li>
    }
}

/// In the place of a screen that is about to be taken away.
pub(super) fn question(
    name: &str,
    first: &NodeRef,
    on_cancel: Callback<MouseEvent>,
    on_revoke: Callback<MouseEvent>,
    words: &Words,
) -> Html {
    html! {
        <li class="doubt" key="doubt"><p>{ (words.revoke_sure)(name) }</p>
            <div class="row end"><button class="btn bare" ref={first} onclick={on_cancel}>{ words.cancel }</button>
                <button class="btn pri" onclick={on_revoke}>{ words.revoke }</button></div></li>
    }
}

fn button_id(screen_id: &str) -> String {
    format!("revoke-{screen_id}")
}

/// `false`: it is not there any more.
fn focus_on(id: &str) -> bool {
    let element = window().document().and_then(|document| document.get_element_by_id(id));
    let element = element.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok());
    element.is_some_and(|element| element.focus().is_ok())
}

fn other(other: Option<String>) -> Faults {
    Faults { other, ..Faults::default() }
}

/// Where it is said: at the code, where the code is what is wrong.
fn faults_of(refusal: Refusal, words: &Words, on_expired: &Callback<()>) -> Faults {
    let at_code = |text: String| Faults { code: Some(text.into()), ..Faults::default() };
    match refusal {
        Refusal::Refused { status: 404 | 410, .. } => at_code(words.unknown_code.to_owned()),
        Refusal::Refused { status: 429, wait_s: Some(wait_s), .. } => at_code((words.try_later)(wait_s)),
        Refusal::Refused { .. } | Refusal::Unreachable => other(said(refusal, words, on_expired)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::SPANISH;

    #[test]
    fn what_is_wrong_is_said_where_it_is_wrong() {
        let check = |status: u16, wait_s: Option<u32>| {
            let refusal = Refusal::Refused { status, messages: vec!["Texto".into()], wait_s };
            faults_of(refusal, &SPANISH, &Callback::noop())
        };
        let code = |text: &str| Faults { code: Some(text.to_owned().into()), ..Faults::default() };
        assert_eq!(check(404, None), code(SPANISH.unknown_code));
        assert_eq!(check(429, Some(30)), code("Demasiados intentos. Prueba otra vez en 30 s."));
        assert_eq!(check(400, None), Faults { other: Some("Texto".into()), ..Faults::default() });
        assert_eq!(check(401, None), Faults::default(), "signing in again comes first");
    }
}
