//! Who is here and what they see: the configuration, the session, and the dashboard with what lies above it.

use crate::api::{Api, Config, window};
use crate::clock;
use crate::components::{Banner, Dialog, Header, Link, Toast, header, toasts};
use crate::format::{Formats, Locale};
use crate::i18n::{SPANISH, Words, use_words};
use crate::listener::Listener;
use crate::live::{Happened, Live, View};
use crate::pages::{DashboardPage, LoginForm, NewOrderDialog, login_page, not_allowed_page};
use crate::session::Session;
use crate::store::{Connection, News, Store};
use crate::theme;
use gloo_timers::callback::Timeout;
use gloo_timers::future::TimeoutFuture;
use shared::{Metric, Subject};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;
use yew::{
    AttrValue, Callback, ContextProvider, Html, Properties, Reducible, component, html, use_callback,
    use_effect_with, use_memo, use_mut_ref, use_reducer, use_state,
};

/// How often a server that does not answer is asked again before anything can be shown.
const CONFIG_RETRY_MS: u32 = 2_000;

#[component]
pub fn App() -> Html {
    let config = use_state(|| None::<Config>);
    {
        let config = config.clone();
        use_effect_with((), move |()| {
            spawn_local(async move {
                loop {
                    match Api::config().await {
                        Ok(read) => return config.set(Some(read)),
                        Err(_) => TimeoutFuture::new(CONFIG_RETRY_MS).await,
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
        return html! { <main class="solo" id="main"><p class="m" role="status">{ words.connecting }{ "…" }</p></main> };
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

/// What lies above the page; only one thing at a time.
#[derive(Clone, Copy, PartialEq)]
enum Above {
    Nothing,
    NewOrder,
    SignIn,
}

#[component]
fn Board(props: &BoardProps) -> Html {
    let words = use_words();
    let store = use_mut_ref(Store::default);
    let view = use_state(|| View {
        panels: Store::default().panels(),
        connection: Connection::Connecting,
        checked: None,
        upstream_is_down: false,
    });
    let above = use_state(|| Above::Nothing);
    let allowed = use_state(|| true);
    let notices = use_reducer(Notices::default);
    let live = use_mut_ref(|| None::<Live>);
    // A renewed session starts the connection anew, even with a token that happens to be the same.
    let renewals = use_state(|| 0_u32);
    {
        let (view, above, allowed, notices, live) =
            (view.clone(), above.clone(), allowed.clone(), notices.dispatcher(), live.clone());
        let token = props.session.as_ref().map(|session| session.token.clone());
        let store: Rc<RefCell<Store>> = store.clone();
        use_effect_with((token, *renewals), move |(token, _)| {
            let show = Callback::from(move |next| view.set(next));
            let happened = Callback::from(move |what| match what {
                Happened::Events { count, news } => notices.dispatch(Notice::Happened { count, news, words }),
                Happened::SignIn => above.set(Above::SignIn),
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
    let open = |what: Above| {
        let above = above.clone();
        Callback::from(move |()| above.set(what))
    };
    let (on_new_order, on_close, on_expired) =
        (open(Above::NewOrder), open(Above::Nothing), open(Above::SignIn));
    let on_session = {
        let (above, on_session) = (above.clone(), props.on_session.clone());
        Callback::from(move |session| {
            above.set(Above::Nothing);
            renewals.set(*renewals + 1);
            on_session.emit(session);
        })
    };
    let on_created = {
        let (above, notices) = (above.clone(), notices.dispatcher());
        Callback::from(move |()| {
            above.set(Above::Nothing);
            notices.dispatch(Notice::Say { title: words.order_created.into(), text: AttrValue::default() });
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
        Connection::Live => Link::Live,
        Connection::Waiting { attempt, retry_at_ms } => {
            Link::Waiting { attempt: *attempt, retry_at_ms: *retry_at_ms }
        }
        Connection::Polling => Link::Polling,
        Connection::Offline => Link::Offline,
    };
    let checked_ms = view.checked.as_deref().map_or(f64::NAN, clock::parse_ms);
    // In open mode nobody has a token, and only who has one may create.
    let creates =
        props.config.offers("create") && props.config.offers("equipmentFor") && props.session.is_some();
    let api = Api::new(props.session.as_ref().map(|session| session.token.clone()));
    let dialog = match *above {
        Above::Nothing => html! {},
        Above::NewOrder => html! { <NewOrderDialog {api} {on_close} {on_created} {on_expired} /> },
        Above::SignIn => {
            html! { <Dialog id="sign-in-again" title={words.sign_in}><div><p class="m">{ words.session_over }</p><LoginForm {on_session} /></div></Dialog> }
        }
    };
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
            <Banner {link} {checked_ms} />
            <DashboardPage panels={view.panels.clone()} on_retry={on_reload} />
            { toasts(&notices.toasts, words, &on_toast_close) }
            <Speech news={notices.newest.clone()} {active} />
            { dialog }
        </>
    }
}

/// Toasts, and what was missed while the tab was hidden.
#[derive(Clone, Default, PartialEq)]
struct Notices {
    toasts: Vec<Toast>,
    last_id: u32,
    unseen: u64,
    newest: Option<AttrValue>,
}

/// Toasts kept; older ones fall off before they are shown.
const KEPT: usize = 12;

enum Notice {
    Happened { count: u64, news: Vec<News>, words: &'static Words },
    Say { title: AttrValue, text: AttrValue },
    Close(u32),
    Seen,
}

impl Reducible for Notices {
    type Action = Notice;

    fn reduce(self: Rc<Self>, notice: Notice) -> Rc<Self> {
        let mut next = (*self).clone();
        match notice {
            Notice::Happened { count, news, words } => {
                if is_hidden() {
                    next.unseen += count;
                }
                for one in news {
                    let (title, text) = worded(&one, words);
                    next.newest = Some(title.clone());
                    next.add(title, text);
                }
            }
            Notice::Say { title, text } => next.add(title, text),
            Notice::Close(id) => next.toasts.retain(|toast| toast.id != id),
            Notice::Seen => next.unseen = 0,
        }
        if next == *self { self } else { next.into() }
    }
}

impl Notices {
    fn add(&mut self, title: AttrValue, text: AttrValue) {
        self.last_id += 1;
        self.toasts.push(Toast { id: self.last_id, title, text });
        let over = self.toasts.len().saturating_sub(KEPT);
        self.toasts.drain(..over);
    }
}

fn worded(news: &News, words: &Words) -> (AttrValue, AttrValue) {
    let many = news.count.to_string();
    let title = match (news.subject, news.count) {
        (Subject::RepairOrder, 1) => words.order_received.to_owned(),
        (Subject::RepairOrder, _) => (words.orders_received)(&many),
        (Subject::Technician, 1) => words.technician_added.to_owned(),
        (Subject::Technician, _) => (words.technicians_added)(&many),
        (Subject::User | Subject::Equipment | Subject::Service | Subject::SparePart, 1) => {
            words.client_added.to_owned()
        }
        (Subject::User | Subject::Equipment | Subject::Service | Subject::SparePart, _) => {
            (words.clients_added)(&many)
        }
    };
    let number = match (&news.id, news.subject) {
        (Some(id), Subject::RepairOrder) => format!("#{}", id.chars().take(8).collect::<String>()),
        _ => String::new(),
    };
    let text = match &news.about {
        Some(about) => format!("{number} · {about}"),
        None => number,
    };
    (title.into(), text.into())
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
    news: Option<AttrValue>,
    active: Option<u64>,
}

/// At most this often is anything read out.
const SPEAK_EVERY_MS: u32 = 5_000;

/// The one polite live region: sums up what came.
#[component]
fn Speech(props: &SpeechProps) -> Html {
    let words = use_words();
    let spoken = use_state(AttrValue::default);
    let next = use_mut_ref(|| None::<AttrValue>);
    let waits = use_mut_ref(|| None::<Timeout>);
    {
        let spoken = spoken.clone();
        use_effect_with((props.news.clone(), props.active), move |(news, active)| {
            let Some(news) = news else { return };
            let text = (words.spoken)(news, &active.unwrap_or_default().to_string());
            *next.borrow_mut() = Some(text.into());
            let free = waits.borrow().is_none();
            if free {
                let later = waits.clone();
                *waits.borrow_mut() = Some(Timeout::new(SPEAK_EVERY_MS, move || {
                    *later.borrow_mut() = None;
                    if let Some(text) = next.borrow_mut().take() {
                        spoken.set(text);
                    }
                }));
            }
        });
    }
    html! { <p class="vh" role="status">{ &*spoken }</p> }
}
