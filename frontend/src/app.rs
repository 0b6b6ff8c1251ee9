//! Who is here and what they see: the configuration, the session, and the dashboard with what lies above it.

use crate::api::{Api, Config, window};
use crate::clock;
use crate::components::{Banner, Dialog, Header, Link, header, toasts};
use crate::format::{Formats, Locale};
use crate::i18n::{SPANISH, Words, use_words};
use crate::listener::Listener;
use crate::live::{Happened, Live, View};
use crate::notices::{Notice, Notices};
use crate::pages::{DashboardPage, Draft, LoginForm, NewOrderDialog, login_page, not_allowed_page};
use crate::session::Session;
use crate::store::{Connection, Store};
use crate::theme;
use gloo_timers::callback::Timeout;
use gloo_timers::future::TimeoutFuture;
use shared::Metric;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;
use yew::{
    AttrValue, Callback, ContextProvider, Html, Properties, UseStateHandle, component, html, use_callback,
    use_effect_with, use_memo, use_mut_ref, use_reducer, use_state,
};

/// How often a server that does not answer is asked again before anything can be shown.
const CONFIG_RETRY_MS: u32 = 2_000;

#[component]
pub fn App() -> Html {
    let config = use_state(|| None::<Config>);
    let unreachable = use_state(|| false);
    {
        let (config, unreachable) = (config.clone(), unreachable.clone());
        use_effect_with((), move |()| {
            spawn_local(async move {
                loop {
                    match Api::config().await {
                        Ok(read) => return config.set(Some(read)),
                        Err(_) => {
                            unreachable.set(true);
                            TimeoutFuture::new(CONFIG_RETRY_MS).await;
                        }
                    }
                }
            });
        });
    }
    let locale = config.as_ref().map_or_else(Locale::default, |config| Locale {
        locale: config.locale.clone(),
        currency: config.currency.clone(),
        time_zone: config.time_zone.clone(),
    });
    let formats = use_memo(locale, |locale| Formats::new(locale.clone()));
    let words: &'static Words = &SPANISH;
    let Some(config) = (*config).clone() else {
        let said =
            if *unreachable { words.unreachable.to_owned() } else { format!("{}…", words.connecting) };
        return html! { <main class="solo" id="main"><p class="m" role="status">{ said }</p></main> };
    };
    html! {
        <ContextProvider<&'static Words> context={words}>
            <ContextProvider<Rc<Formats>> context={formats}><Entrance {config} /></ContextProvider<Rc<Formats>>>
        </ContextProvider<&'static Words>>
    }
}

#[derive(PartialEq, Properties)]
struct EntranceProps {
    config: Config,
}

/// Lets in whoever may look.
#[component]
fn Entrance(props: &EntranceProps) -> Html {
    let words = use_words();
    let session = use_state(Session::kept);
    let on_session = {
        let session = session.clone();
        use_callback((), move |new: Session, ()| {
            new.keep();
            session.set(Some(new));
        })
    };
    let on_sign_out = {
        let session = session.clone();
        use_callback((), move |(), ()| {
            Session::forget();
            session.set(None);
        })
    };
    {
        let session = session.clone();
        use_effect_with(session.is_some(), move |signed_in| {
            let forgotten = move || {
                if Session::was_forgotten() {
                    session.set(None);
                }
            };
            let listener = signed_in.then(|| Listener::new(&window(), "storage", forgotten));
            move || drop(listener)
        });
    }
    match &*session {
        None if props.config.needs_sign_in() => login_page(words, on_session),
        Some(session) if !session.is_admin => not_allowed_page(words, &on_sign_out),
        session => {
            html! { <Board config={props.config.clone()} session={session.clone()} {on_session} {on_sign_out} /> }
        }
    }
}

#[derive(PartialEq, Properties)]
struct BoardProps {
    config: Config,
    session: Option<Session>,
    on_session: Callback<Session>,
    on_sign_out: Callback<()>,
}

#[component]
fn Board(props: &BoardProps) -> Html {
    let words = use_words();
    let store = use_mut_ref(Store::default);
    let view = use_state(|| View {
        panels: Store::default().panels(),
        connection: Connection::Connecting,
        checked_ms: None,
        upstream_is_down: false,
    });
    // What lies above the page. A session that ends while an order is written covers the form and keeps it.
    let ordering = use_state(|| false);
    let expired = use_state(|| false);
    let draft = use_mut_ref(|| None::<Draft>);
    let allowed = use_state(|| true);
    let notices = use_reducer(Notices::default);
    let live = use_mut_ref(|| None::<Live>);
    // A renewed session starts the connection anew, even with a token that happens to be the same.
    let renewals = use_state(|| 0_u32);
    {
        let (view, expired, allowed, notices, live) =
            (view.clone(), expired.clone(), allowed.clone(), notices.dispatcher(), live.clone());
        let token = props.session.as_ref().map(|session| session.token.clone());
        let store: Rc<RefCell<Store>> = store.clone();
        use_effect_with((token, *renewals), move |(token, _)| {
            let show = Callback::from(move |next| view.set(next));
            let happened = Callback::from(move |what| match what {
                Happened::Events { count, news } => {
                    let (hidden, now_ms) = (is_hidden(), clock::now_ms());
                    notices.dispatch(Notice::Happened { count, news, hidden, now_ms, words });
                }
                Happened::SignIn => expired.set(true),
                Happened::NotAllowed => allowed.set(false),
            });
            // The data stays when the session is renewed: only the connection starts anew.
            *live.borrow_mut() = Some(Live::start(Api::new(token.clone()), store, show, happened));
            move || drop(live.borrow_mut().take())
        });
    }
    use_title(notices.unseen, words);
    {
        let notices = notices.dispatcher();
        use_effect_with((), move |()| {
            let seen = move || {
                if !is_hidden() {
                    notices.dispatch(Notice::Seen);
                }
            };
            let listener =
                window().document().map(|document| Listener::new(&document, "visibilitychange", seen));
            move || drop(listener)
        });
    }
    let on_reload = {
        let live = live.clone();
        use_callback((), move |metric: Metric, ()| {
            if let Some(live) = &*live.borrow() {
                live.reload(metric);
            }
        })
    };
    let on_hurry = {
        let live = live.clone();
        use_callback((), move |(), ()| {
            if let Some(live) = &*live.borrow() {
                live.hurry();
            }
        })
    };
    let on_theme = use_callback((), |(), ()| theme::toggle());
    let (on_new_order, on_close) = (use_set(&ordering, true), use_set(&ordering, false));
    let on_expired = use_set(&expired, true);
    let on_session = {
        let (expired, on_session) = (expired.clone(), props.on_session.clone());
        Callback::from(move |session| {
            expired.set(false);
            renewals.set(*renewals + 1);
            on_session.emit(session);
        })
    };
    let on_created = {
        let (ordering, notices) = (ordering.setter(), notices.dispatcher());
        use_callback((), move |(), ()| {
            ordering.set(false);
            notices.dispatch(Notice::Say { title: words.order_created.into() });
        })
    };
    let on_toast_close = {
        let notices = notices.dispatcher();
        use_callback((), move |id, ()| notices.dispatch(Notice::Close(id)))
    };
    if !*allowed {
        return not_allowed_page(words, &props.on_sign_out);
    }
    let link = match &view.connection {
        Connection::Connecting => Link::Connecting,
        Connection::Live if view.upstream_is_down => Link::Outdated,
        Connection::Live => Link::Live,
        Connection::Waiting { attempt, retry_at_ms } => {
            Link::Waiting { attempt: *attempt, retry_at_ms: *retry_at_ms }
        }
        Connection::Polling => Link::Polling,
        Connection::Offline => Link::Offline,
    };
    let checked_ms = view.checked_ms.unwrap_or(f64::NAN);
    // In open mode nobody has a token, and only who has one may create.
    let creates =
        props.config.offers("create") && props.config.offers("equipmentFor") && props.session.is_some();
    let api = Api::new(props.session.as_ref().map(|session| session.token.clone()));
    // Where plain requests get through, the server is there and the data is not old.
    let lost = link != Link::Polling;
    let head = Header {
        user: props.session.as_ref().map(|session| AttrValue::from(session.email.clone())),
        link: link.clone(),
        checked_ms,
        on_retry: on_hurry,
        on_theme,
        on_sign_out: props.session.is_some().then(|| props.on_sign_out.clone()),
        on_new_order: creates.then_some(on_new_order),
    };
    let active = view.panels.orders_overview.value.as_ref().map(|value| value.active_orders);
    html! {
        <>
            { header(head, words) }
            // Each `if` keeps its place: a list that grew would be built anew, and the focus would be gone.
            if lost {
                <Banner {link} {checked_ms} />
            }
            <DashboardPage panels={view.panels.clone()} on_retry={on_reload} />
            { toasts(&notices.toasts, words, &on_toast_close) }
            <Speech news={notices.newest.clone()} {active} />
            if *ordering {
                <NewOrderDialog {api} {draft} {on_close} {on_created} {on_expired} />
            }
            if *expired {
                <Dialog id="sign-in-again" title={words.sign_in}><div><p class="m">{ words.session_over }</p><LoginForm {on_session} /></div></Dialog>
            }
        </>
    }
}

/// Sets a flag, and is the same callback at every render.
#[yew::hook]
fn use_set(flag: &UseStateHandle<bool>, to: bool) -> Callback<()> {
    let flag = flag.setter();
    use_callback((), move |(), ()| flag.set(to))
}

fn is_hidden() -> bool {
    window().document().is_some_and(|document| document.hidden())
}

/// The tab's title counts what happened while nobody looked.
#[yew::hook]
fn use_title(unseen: u64, words: &'static Words) {
    use_effect_with(unseen, move |unseen| {
        if let Some(document) = window().document() {
            let count = if *unseen > 0 { format!("({unseen}) ") } else { String::new() };
            document.set_title(&format!("{count}{} · Pulso", words.dashboard));
        }
    });
}

#[derive(PartialEq, Properties)]
struct SpeechProps {
    news: Option<(u32, AttrValue)>,
    active: Option<u64>,
}

/// At most this often is anything read out.
const SPEAK_EVERY_MS: f64 = 5_000.0;
/// So long the figures have to arrive with their news.
const SPEAK_AFTER_MS: f64 = 300.0;

/// The one polite live region: sums up what came.
#[component]
fn Speech(props: &SpeechProps) -> Html {
    let words = use_words();
    let spoken = use_state(AttrValue::default);
    // What is said is decided when it is said.
    let newest = use_mut_ref(|| (None, None));
    *newest.borrow_mut() = (props.news.clone(), props.active);
    let last_ms = use_mut_ref(|| f64::NEG_INFINITY);
    let timer = use_mut_ref(|| None::<Timeout>);
    {
        let spoken = spoken.setter();
        use_effect_with(props.news.clone(), move |news| {
            if news.is_none() || timer.borrow().is_some() {
                return;
            }
            let wait_ms = (*last_ms.borrow() + SPEAK_EVERY_MS - clock::now_ms()).max(SPEAK_AFTER_MS);
            let done = timer.clone();
            *timer.borrow_mut() = Some(Timeout::new(wait_ms as u32, move || {
                *done.borrow_mut() = None;
                *last_ms.borrow_mut() = clock::now_ms();
                let (news, active) = newest.borrow().clone();
                let Some((_, news)) = news else { return };
                spoken.set(
                    active.map_or(news.clone(), |active| (words.spoken)(&news, &active.to_string()).into()),
                );
            }));
        });
    }
    html! { <p class="vh" role="status">{ &*spoken }</p> }
}
