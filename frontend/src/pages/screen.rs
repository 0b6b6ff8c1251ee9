//! `/screen`: a wall where nobody signs in. It shows a code until an Admin enters it, and then the dashboard, to be
//! looked at only.

use super::said::{Said, said_page};
use crate::api::{self, Api, Refusal, window};
use crate::charts::bar;
use crate::clock;
use crate::components::icon;
use crate::i18n::Words;
use crate::pairing::{Answer, Ask, Pairing, Shown, time_left};
use crate::session;
use gloo_timers::future::TimeoutFuture;
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;
use yew::{Callback, Html, hook, html, use_effect_with, use_state};

/// Where the frontend has this page.
pub const SCREEN_PATH: &str = "/screen";

/// How the screen is at the moment, and whether the server cannot be reached.
pub type ScreenState = (Shown, bool);

/// Pairs until it is let in or taken away; a new `round` begins anew.
#[hook]
pub fn use_pairing(round: u32, offered: bool) -> ScreenState {
    let state = use_state(|| (Shown::Nothing, false));
    let show = state.setter();
    use_effect_with((round, offered), move |(_, offered)| {
        let over = Rc::new(Cell::new(!*offered));
        let ended = over.clone();
        spawn_local(async move {
            let mut pairing = Pairing::new(session::screen_secret());
            while !over.get() {
                let answer = asked(&pairing).await;
                if over.get() {
                    return;
                }
                let wait_ms = pairing.hear(answer, clock::now_ms());
                match &pairing.secret {
                    Some(secret) => session::keep_screen_secret(secret),
                    None => session::forget_screen(),
                }
                show.set((pairing.shown.clone(), pairing.trouble));
                let Some(wait_ms) = wait_ms else { return };
                TimeoutFuture::new(wait_ms).await;
            }
        });
        move || ended.set(true)
    });
    (*state).clone()
}

async fn asked(pairing: &Pairing) -> Answer {
    let answer = match (pairing.ask(clock::now_ms()), &pairing.secret) {
        (Ask::Token, Some(secret)) => Api::screen_token(secret).await.map(|answer| match answer {
            api::Pairing::Waiting => Answer::Waiting,
            api::Pairing::Token(token) => Answer::Token(token),
        }),
        (Ask::Code | Ask::Token, _) => Api::pair().await.map(|new| Answer::Code {
            code: new.code,
            secret: new.secret,
            expires_in_s: new.expires_in,
        }),
    };
    answer.unwrap_or_else(|refusal| match refusal {
        Refusal::Refused { status: 401, .. } => Answer::Revoked,
        Refusal::Refused { status: 410, .. } => Answer::Expired,
        Refusal::Refused { status: 429, wait_s, .. } => Answer::Later { wait_s },
        Refusal::Refused { .. } | Refusal::Unreachable => Answer::Trouble,
    })
}

/// The code, large enough to be read from the other end of the room, and what to do with it.
pub fn pairing_page(shown: &Shown, trouble: bool, words: &Words) -> Html {
    let (code, time) = match shown {
        Shown::Code { code, lasts_ms, until_ms } => {
            let left_ms = (until_ms - clock::now_ms()).clamp(0.0, *lasts_ms);
            let bar = bar(left_ms / lasts_ms * 100.0, Some("live".into()));
            let time = html! { <>{ bar }<p class="m">{ (words.pair_time)(&time_left(left_ms)) }</p></> };
            (code.as_str(), time)
        }
        Shown::Nothing | Shown::Paired { .. } | Shown::Revoked => {
            ("······", html! { <p class="m">{ words.pair_waiting }</p> })
        }
    };
    let middle = code.char_indices().nth(3).map_or(code.len(), |(at, _)| at);
    let (left, right) = code.split_at(middle);
    let step = |number: &'static str, text: Html| html! { <li><b>{ number }</b><span>{ text }</span></li> };
    let command = format!("pulso screen approve {code}");
    html! {
        <main class="solo wall pairing" id="main">
            <h1 class="logo">{ icon("pulse") }{ words.pair_screen }</h1>
            <p class="code"><span>{ left.to_owned() }</span>{ " " }<span>{ right.to_owned() }</span></p>
            <ol class="steps">
                { step("1", (words.pair_open)(&host()).into()) }
                { step("2", words.pair_menu.into()) }
                { step("3", words.pair_enter.into()) }
            </ol>
            <div class="ttl">{ time }<p class="m">{ words.pair_command }{ " " }<span class="id">{ command }</span></p><p class="note" role="status">if trouble { { icon("off") }<span>{ words.pair_trouble }</span> }</p></div>
        </main>
    }
}

/// The page is as large as the wall.
#[hook]
pub fn use_wall(fills: bool) {
    use_effect_with(fills, |fills| {
        if let Some(root) = window().document().and_then(|document| document.document_element()) {
            let _ = root.class_list().toggle_with_force("kiosk", *fills);
        }
    });
}

pub fn revoked_page(words: &Words, on_again: Callback<()>) -> Html {
    said_page(Said {
        icon: "lock",
        tone: Some("warn"),
        title: words.screen_revoked,
        why: words.screen_revoked_why,
        action: Some((words.new_code, on_again)),
    })
}

pub fn no_pairing_page(words: &Words) -> Html {
    said_page(Said {
        icon: "inbox",
        tone: None,
        title: words.no_pairing,
        why: words.no_pairing_why,
        action: None,
    })
}

/// Where this page came from, which is where the others find the dashboard.
fn host() -> String {
    #[cfg(target_arch = "wasm32")]
    return window().location().host().unwrap_or_default();
    #[cfg(not(target_arch = "wasm32"))]
    return "pulso.taller.ec".into();
}
