//! Whole pages and what is in dialogs, rendered on the host and read.

use super::login::login_page;
use super::screen::{no_pairing_page, pairing_page, revoked_page};
use super::screens::{question, row};
use crate::api::Screen;
use crate::components::{Menu, MenuItem, menu};
use crate::i18n::{ENGLISH, SPANISH, Words};
use crate::pairing::Shown;
use crate::rendering::{rendered, text};
use yew::{Callback, Html, NodeRef, Properties, component};

fn code(code: &str) -> Shown {
    Shown::Code { code: code.into(), lasts_ms: 300_000.0, until_ms: crate::clock::now_ms() + 272_000.0 }
}

fn screen(name: &str, last_seen: Option<&str>, connected: u32) -> Screen {
    Screen {
        id: "7".into(),
        name: name.into(),
        created_at: "2025-11-16T10:30:40.567Z".into(),
        last_seen: last_seen.map(str::to_owned),
        connected,
    }
}

#[derive(PartialEq, Properties)]
struct SaidProps {
    html: Html,
}

#[component]
fn SaidPage(props: &SaidProps) -> Html {
    props.html.clone()
}

async fn marks(html: Html) -> String {
    rendered::<SaidPage>(SaidProps { html }).await
}

async fn said(html: Html) -> String {
    text(&marks(html).await)
}

#[tokio::test]
async fn a_screen_shows_its_code_in_two_groups_and_how_long_it_lasts() {
    let html = marks(pairing_page(&code("012345"), false, &SPANISH)).await;
    let read = text(&html);
    for part in [
        "Vincular esta pantalla 012 345 1",
        "abre pulso.taller.ec como administrador",
        "elige Pantallas y luego Agregar pantalla",
        "pulso screen approve 012345",
        "El código cambia en 4:32.",
    ] {
        assert!(read.contains(part), "{part}: {read}");
    }
    assert!(html.contains("width:90.6"), "a bar says it, too: {html}");
    assert!(!read.contains(SPANISH.pair_trouble));
}

#[tokio::test]
async fn a_screen_without_its_server_says_so_and_keeps_its_code() {
    let read = said(pairing_page(&code("012345"), true, &SPANISH)).await;
    assert!(read.contains("012 345") && read.contains(SPANISH.pair_trouble), "{read}");
    let read = said(pairing_page(&Shown::Nothing, true, &SPANISH)).await;
    assert!(read.contains(SPANISH.pair_waiting) && read.contains(SPANISH.pair_trouble), "{read}");
}

#[tokio::test]
async fn pages_that_show_nothing_say_why() {
    let revoked = said(revoked_page(&SPANISH, Callback::noop())).await;
    assert!(revoked.contains("Esta pantalla ya no está autorizada"), "{revoked}");
    assert!(revoked.ends_with("Pedir un código nuevo"), "{revoked}");
    assert!(said(no_pairing_page(&SPANISH)).await.contains("Este servidor no vincula pantallas"));
    let login = said(login_page(&SPANISH, Some(SPANISH.link_used), false, Callback::noop())).await;
    assert!(login.contains("Iniciar sesión Ese enlace ya se usó o venció."), "{login}");
    assert!(!login.contains(SPANISH.is_a_wall));
    let login = said(login_page(&SPANISH, None, true, Callback::noop())).await;
    assert!(login.ends_with("¿Es una pantalla de pared? Vincúlala con un código"), "{login}");
}

#[tokio::test]
async fn a_screen_of_the_list_says_whether_it_is_there() {
    async fn read(screen: Screen) -> String {
        said(row(&screen, Callback::noop(), &SPANISH)).await
    }
    let seen = "2025-11-16T10:30:00.000Z";
    let connected = read(screen("Recepción <b>", Some(seen), 1)).await;
    assert_eq!(connected, "Recepción &lt;b&gt; Revocar Conectada agregada hace 5 second");
    let away = read(screen("Bodega", Some(seen), 0)).await;
    assert_eq!(away, "Bodega Revocar vista hace 5 second agregada hace 5 second");
    let never = read(screen("Bodega", None, 0)).await;
    assert_eq!(never, "Bodega Revocar nunca vista agregada hace 5 second");
}

fn asked(words: &Words) -> Html {
    question("Bodega", &NodeRef::default(), Callback::noop(), Callback::noop(), words)
}

#[tokio::test]
async fn a_screen_is_not_taken_away_without_a_question() {
    let read = said(asked(&SPANISH)).await;
    assert_eq!(read, "¿Revocar «Bodega»? Dejará de mostrar el taller ahora mismo. Cancelar Revocar");
}

#[tokio::test]
async fn the_menu_is_a_button_with_a_name_and_its_items() {
    let item = |label| MenuItem { icon: "exit", label, act: Callback::noop() };
    let html = marks(menu(Menu {
        icon: "user",
        label: SPANISH.account,
        title: Some("ana@taller.ec".into()),
        items: vec![item(SPANISH.screens), item(SPANISH.sign_out)],
    }))
    .await;
    assert!(html.contains(r#"aria-label="Cuenta""#), "{html}");
    assert_eq!(text(&html), "ana@taller.ec Pantallas Cerrar sesión");
}

#[tokio::test]
async fn what_is_said_on_walls_and_of_them_speaks_one_language_at_a_time() {
    async fn all(words: &'static Words) -> Vec<String> {
        let parts = [
            pairing_page(&code("012345"), true, words),
            pairing_page(&Shown::Nothing, false, words),
            revoked_page(words, Callback::noop()),
            no_pairing_page(words),
            row(&screen("X", Some("2025-11-16T10:30:00.000Z"), 1), Callback::noop(), words),
            row(&screen("X", None, 0), Callback::noop(), words),
            asked(words),
        ];
        let mut read = Vec::new();
        for part in parts {
            read.extend(said(part).await.split_whitespace().map(str::to_owned));
        }
        read
    }
    let (spanish, english) = (all(&SPANISH).await, all(&ENGLISH).await);
    // Names, numbers, and the formats' plain forms.
    let both = "012 345 012345 ······ ··· 1 2 3 4:32. 5 Pulso pulso pulso.taller.ec screen approve X hace second no server Pulso.";
    let strange: Vec<_> = english
        .iter()
        .filter(|word| spanish.contains(word) && !both.split(' ').any(|known| known == *word))
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
}
