//! Who is here and what they see: the configuration, the session, and the dashboard with what lies above it.

use crate::api::{Api, Config, Refusal, window};
use crate::clock;
use crate::components::{Banner, Dialog, Header, Link, Menu, MenuItem, header, menu, toasts, use_tick};
use crate::format::{Formats, Locale};
use crate::i18n::{SPANISH, Words, use_words};
use crate::listener::Listener;
use crate::live::{Happened, Live, View};
use crate::notices::{Notice, Notices};
use crate::pages::{
    DashboardPage, Draft, LoginForm, NewOrderDialog, SCREEN_PATH, ScreensDialog, login_page, no_pairing_page,
    not_allowed_page, pairing_page, revoked_page, use_pairing, use_wall,
};
use crate::pairing::Shown;
use crate::pass::{Pass, Renewed, Way};
use crate::session::{self, Session};
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
        return if *unreachable { plain_page(words.unreachable) } else { connecting_page(words) };
    };
    let is_screen = window().location().pathname().is_ok_and(|path| path == SCREEN_PATH);
    let page = if is_screen {
        html! { <Wall {config} /> }
    } else {
        html! { <Entrance {config} /> }
    };
    html! {
        <ContextProvider<&'static Words> context={words}>
            <ContextProvider<Rc<Formats>> context={formats}>{ page }</ContextProvider<Rc<Formats>>>
        </ContextProvider<&'static Words>>
    }
}

fn plain_page(said: &str) -> Html {
    html! { <main class="solo" id="main"><p class="m" role="status">{ said.to_owned() }</p></main> }
}

fn connecting_page(words: &Words) -> Html {
    plain_page(&format!("{}…", words.connecting))
}

#[derive(PartialEq, Properties)]
struct EntranceProps {
    config: Config,
}

/// Who is at the door.
#[derive(Clone, PartialEq)]
enum Visitor {
    /// Not known yet: an earlier visit's cookie is tried, or a link.
    Arriving,
    /// Nobody is signed in; maybe there is something to be said about it.
    Stranger(Option<&'static str>),
    Known(Api),
}

/// Lets in whoever may look.
#[component]
fn Entrance(props: &EntranceProps) -> Html {
    let words = use_words();
    let renews = props.config.offers("refresh");
    let link = use_memo((), |()| session::take_link());
    let visitor = use_state(|| match (&*link, Session::kept()) {
        (None, Some(session)) => Visitor::Known(signed_in(session, renews)),
        (None, None) if !renews => Visitor::Stranger(None),
        (Some(_), _) | (None, None) => Visitor::Arriving,
    });
    {
        let visitor = visitor.clone();
        use_effect_with((), move |()| {
            if *visitor == Visitor::Arriving {
                spawn_local(async move { visitor.set(arrive(link.as_deref(), renews, words).await) });
            }
        });
    }
    // Those of before are asked, not those that this render shows.
    let known = use_mut_ref(|| None::<Api>);
    *known.borrow_mut() = match &*visitor {
        Visitor::Known(api) => Some(api.clone()),
        Visitor::Arriving | Visitor::Stranger(_) => None,
    };
    let on_session = {
        let (visitor, known) = (visitor.setter(), known.clone());
        use_callback((), move |new: Session, ()| {
            new.keep();
            // The same person goes on where they were.
            let same = known.borrow().clone().filter(|api| api.pass().take_over(Some(new.clone())));
            if same.is_none() {
                visitor.set(Visitor::Known(signed_in(new, renews)));
            }
        })
    };
    let on_sign_out = {
        let visitor = visitor.setter();
        use_callback((), move |(), ()| {
            Session::forget();
            visitor.set(Visitor::Stranger(None));
            if renews {
                spawn_local(tell_sign_out());
            }
        })
    };
    {
        let visitor = visitor.setter();
        use_effect_with((), move |()| {
            // What one tab does, all do: signing in, signing out, and a new token.
            let changed = move || {
                let api = known.borrow().clone();
                match (Session::stored(), api) {
                    (Some(session), Some(api)) if api.is_of(&session) => {
                        api.pass().take_over(Some(session));
                    }
                    (Some(session), _) => visitor.set(Visitor::Known(signed_in(session, renews))),
                    (None, Some(_)) if Session::was_forgotten() => visitor.set(Visitor::Stranger(None)),
                    (None, _) => {}
                }
            };
            let listener = Listener::new(&window(), "storage", changed);
            move || drop(listener)
        });
    }
    let nobody = use_memo((), |()| Api::new(Pass::new(None, Way::Never)));
    let api = match &*visitor {
        Visitor::Arriving => return connecting_page(words),
        Visitor::Stranger(notice) if props.config.needs_sign_in() => {
            return login_page(words, *notice, props.config.offers("screens"), on_session);
        }
        Visitor::Stranger(_) => (*nobody).clone(),
        Visitor::Known(api) if !api.pass().session().is_some_and(|session| session.is_admin) => {
            return not_allowed_page(words, &on_sign_out);
        }
        Visitor::Known(api) => api.clone(),
    };
    html! { <Board config={props.config.clone()} {api} {on_session} {on_sign_out} /> }
}

fn signed_in(session: Session, renews: bool) -> Api {
    Api::new(Pass::new(Some(session), if renews { Way::Cookie } else { Way::Never }))
}

/// By a link that works once, by the token of the last visit, or by its cookie.
async fn arrive(link: Option<&str>, renews: bool, words: &'static Words) -> Visitor {
    let mut notice = None;
    if let Some(code) = link {
        match Api::link(code).await.map(Session::of) {
            Ok(Some(session)) => {
                session.keep();
                return Visitor::Known(signed_in(session, renews));
            }
            Ok(None) | Err(Refusal::Refused { .. }) => notice = Some(words.link_used),
            Err(Refusal::Unreachable) => notice = Some(words.unreachable),
        }
    }
    if let Some(session) = Session::kept() {
        return Visitor::Known(signed_in(session, renews));
    }
    if !renews {
        return Visitor::Stranger(notice);
    }
    if Session::awaits_sign_out() {
        tell_sign_out().await;
        return Visitor::Stranger(notice);
    }
    let api = Api::new(Pass::new(None, Way::Cookie));
    match api.renew().await {
        Renewed::Yes => Visitor::Known(api),
        Renewed::Refused | Renewed::NoAnswer => {
            Session::forget();
            Visitor::Stranger(notice)
        }
    }
}

/// A server that cannot be told now is told at the next visit: until then its cookie would sign in again.
async fn tell_sign_out() {
    match Api::logout().await {
        Err(Refusal::Unreachable) if Session::stored().is_none() => Session::owe_sign_out(),
        Ok(()) | Err(Refusal::Refused { .. }) if Session::awaits_sign_out() => Session::forget(),
        Ok(()) | Err(_) => {}
    }
}

/// A server that gives tokens and then refuses them is not asked without end.
const ASK_AGAIN_MS: u32 = 2_000;

/// A screen on a wall: it shows a code until it is let in, and the dashboard from then on.
#[component]
fn Wall(props: &EntranceProps) -> Html {
    let words = use_words();
    let offered = props.config.offers("screens");
    let round = use_state(|| 0_u32);
    let (shown, trouble) = use_pairing(*round, offered);
    // Its clock ticks only while there is a code to be seen.
    let has_code = matches!(shown, Shown::Code { .. });
    use_tick(if has_code { 1_000 } else { 3_600_000 });
    use_wall(!matches!(shown, Shown::Paired { .. }));
    let api = use_memo(shown.clone(), |shown| match shown {
        Shown::Paired { token } => {
            let way = Way::Secret(session::screen_secret().unwrap_or_default());
            Some(Api::new(Pass::new(Session::of(token.clone()), way)))
        }
        Shown::Nothing | Shown::Code { .. } | Shown::Revoked => None,
    });
    // Refused for whatever reason: only the answer to its own secret says whether it was taken away.
    let on_over = use_callback(*round, {
        let round = round.setter();
        move |(), last: &u32| {
            let (round, next) = (round.clone(), last + 1);
            spawn_local(async move {
                TimeoutFuture::new(ASK_AGAIN_MS).await;
                round.set(next);
            });
        }
    });
    if !offered {
        return no_pairing_page(words);
    }
    if shown == Shown::Revoked {
        let again = Callback::from(move |()| round.set(*round + 1));
        return revoked_page(words, again);
    }
    match &*api {
        // Paired before: there is no code to be shown.
        None if shown == Shown::Nothing && session::screen_secret().is_some() => {
            if trouble {
                plain_page(words.pair_trouble)
            } else {
                connecting_page(words)
            }
        }
        None => pairing_page(&shown, trouble, words),
        Some(api) => {
            html! { <Board config={props.config.clone()} api={api.clone()} on_session={Callback::noop()} on_sign_out={on_over} /> }
        }
    }
}

#[derive(PartialEq, Properties)]
struct BoardProps {
    config: Config,
    api: Api,
    on_session: Callback<Session>,
    /// Of a screen on a wall: it was refused.
    on_sign_out: Callback<()>,
}

#[component]
fn Board(props: &BoardProps) -> Html {
    let words = use_words();
    let session = props.api.pass().session();
    let is_screen = matches!(props.api.pass().way(), Way::Secret(_));
    let store = use_mut_ref(Store::default);
    let view = use_state(|| View {
        panels: Store::default().panels(),
        connection: Connection::Connecting,
        checked_ms: None,
        upstream_is_down: false,
    });
    // What lies above the page. A session that ends while an order is written covers the form and keeps it.
    let ordering = use_state(|| false);
    let pairing = use_state(|| false);
    let signing_in = use_state(|| false);
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
        let on_over = is_screen.then(|| props.on_sign_out.clone());
        let store: Rc<RefCell<Store>> = store.clone();
        use_effect_with((props.api.clone(), *renewals), move |(api, _)| {
            let show = Callback::from(move |next| view.set(next));
            let happened = Callback::from(move |what| match what {
                Happened::Events { count, news } => {
                    let (hidden, now_ms) = (is_hidden(), clock::now_ms());
                    notices.dispatch(Notice::Happened { count, news, hidden, now_ms, words });
                }
                Happened::SignIn | Happened::NotAllowed if on_over.is_some() => {
                    if let Some(on_over) = &on_over {
                        on_over.emit(());
                    }
                }
                Happened::SignIn => expired.set(true),
                Happened::NotAllowed => allowed.set(false),
            });
            // The data stays when the session is renewed: only the connection starts anew.
            *live.borrow_mut() = Some(Live::start(api.clone(), store, show, happened));
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
    let (on_screens, on_screens_close) = (use_set(&pairing, true), use_set(&pairing, false));
    let (on_sign_in, on_sign_in_close) = (use_set(&signing_in, true), use_set(&signing_in, false));
    let on_expired = use_set(&expired, true);
    let on_session = {
        let (expired, signing_in, on_session) =
            (expired.clone(), signing_in.clone(), props.on_session.clone());
        Callback::from(move |session| {
            expired.set(false);
            signing_in.set(false);
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
    let on_said = {
        let notices = notices.dispatcher();
        use_callback((), move |title: String, ()| notices.dispatch(Notice::Say { title: title.into() }))
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
    let signs_in = !is_screen && session.is_some();
    let creates = props.config.offers("create") && props.config.offers("equipmentFor") && signs_in;
    let api = props.api.clone();
    let item = |icon, label, act: &Callback<()>| MenuItem { icon, label, act: act.clone() };
    let items = [
        props.config.offers("screens").then(|| item("screen", words.screens, &on_screens)),
        Some(match &session {
            Some(_) => item("exit", words.sign_out, &props.on_sign_out),
            None => item("user", words.sign_in, &on_sign_in),
        }),
    ];
    let account = (!is_screen).then(|| {
        let title = session.map(|session| AttrValue::from(session.email));
        let items = items.into_iter().flatten().collect();
        menu(Menu { icon: "user", label: words.account, title, items })
    });
    // Where plain requests get through, the server is there and the data is not old.
    let lost = link != Link::Polling;
    let head = Header {
        link: link.clone(),
        checked_ms,
        on_retry: on_hurry,
        on_theme,
        account: account.unwrap_or_default(),
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
                <NewOrderDialog api={api.clone()} {draft} {on_close} {on_created} on_expired={on_expired.clone()} />
            }
            if *pairing {
                <ScreensDialog {api} on_close={on_screens_close} {on_expired} {on_said} />
            }
            if *signing_in {
                <Dialog id="sign-in" title={words.sign_in} on_close={on_sign_in_close}><div><LoginForm on_session={on_session.clone()} /></div></Dialog>
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
