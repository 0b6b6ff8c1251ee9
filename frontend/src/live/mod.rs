//! The live connection: one owner for the socket, the machine and the store, outside of all components.
//!
//! Frames are merged as they come; what is shown follows at most once per animation frame.

mod machine;
mod renewal;
mod skew;

pub use machine::NOBODY;

use crate::api::{self, Api};
use crate::clock;
use crate::listener::Listener;
use crate::pass::{Renewed, Way};
use crate::store::{Answer, Applied, Connection, News, Panels, Store};
use futures_util::StreamExt;
use futures_util::future::{AbortHandle, abortable};
use gloo_net::websocket::futures::WebSocket;
use gloo_net::websocket::{Message, WebSocketError};
use gloo_timers::callback::Interval;
use machine::{Command, Event, Machine};
use renewal::Renewal;
use shared::{Metric, PerMetric};
use skew::Skew;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use yew::Callback;

/// How often the wall clock is looked at.
const TICK_MS: u32 = 1_000;

/// What is shown of the live state.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub panels: Panels,
    pub connection: Connection,
    /// When everything shown was last confirmed, by this machine's clock.
    pub checked_ms: Option<f64>,
    pub upstream_is_down: bool,
}

/// What happens beside the figures.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// Announced events, for the title of a hidden tab, and what of them people want to be told.
    Events {
        count: u64,
        news: Vec<News>,
    },
    SignIn,
    NotAllowed,
}

/// A running connection; it ends when this is dropped.
pub struct Live {
    inner: Rc<RefCell<Inner>>,
    _ticker: Interval,
    _listeners: Vec<Listener>,
}

struct Inner {
    api: Api,
    store: Rc<RefCell<Store>>,
    machine: Machine,
    renewal: Renewal,
    socket: Option<Socket>,
    /// Which socket is ours; words of an earlier one are not heard.
    generation: u32,
    show: Callback<View>,
    happened: Callback<Happened>,
    skew: Skew,
    /// When a whole round of plain requests was last answered.
    polled_ms: Option<f64>,
    /// Metrics that are being asked for.
    asking: PerMetric<bool>,
    /// A frame of animation is asked for already.
    drawing: bool,
    shown: Option<View>,
    over: bool,
}

/// The socket that is ours, and what it was opened or renewed with.
struct Socket {
    task: AbortHandle,
    handle: web_sys::WebSocket,
    /// Of the pass.
    edition: u32,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Live {
    /// Starts the first load and the socket at once.
    pub fn start(
        api: Api,
        store: Rc<RefCell<Store>>,
        show: Callback<View>,
        happened: Callback<Happened>,
    ) -> Live {
        let inner = Inner {
            api,
            store,
            machine: Machine::default(),
            renewal: Renewal::default(),
            socket: None,
            generation: 0,
            show,
            happened,
            skew: Skew::default(),
            polled_ms: None,
            asking: PerMetric::default(),
            drawing: false,
            shown: None,
            over: false,
        };
        let inner = Rc::new(RefCell::new(inner));
        handle(&inner, Event::Start);
        load(&inner, &Metric::FIRST);
        let ticker = Interval::new(TICK_MS, {
            let inner = inner.clone();
            move || handle(&inner, Event::Tick)
        });
        let listeners = listen(&inner);
        Live { inner, _ticker: ticker, _listeners: listeners }
    }

    /// Someone does not want to wait.
    pub fn hurry(&self) {
        handle(&self.inner, Event::Hurry);
    }

    pub fn reload(&self, metric: Metric) {
        load(&self.inner, &[metric]);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let mut inner = self.inner.borrow_mut();
        inner.over = true;
        inner.socket = None;
    }
}

impl Inner {
    fn view(&self) -> View {
        let now_ms = clock::now_ms();
        let store = self.store.borrow();
        let told_ms = store.checked().map(|checked| self.skew.here(clock::parse_ms(&checked), now_ms));
        let checked_ms = [told_ms, self.polled_ms].into_iter().flatten().reduce(f64::max);
        View {
            panels: store.panels(),
            connection: self.machine.connection(),
            checked_ms: checked_ms.filter(|at_ms| !at_ms.is_nan()),
            upstream_is_down: store.upstream_is_down(),
        }
    }
}

fn handle(inner: &Rc<RefCell<Inner>>, event: Event) {
    let commands = {
        let mut inner = inner.borrow_mut();
        if inner.over {
            return;
        }
        inner.machine.step(event, clock::now_ms(), js_sys::Math::random())
    };
    for command in commands {
        obey(inner, command);
    }
    keep_the_pass(inner);
    draw(inner);
}

/// Whatever happens is an occasion: timers of a hidden tab come once a minute, its frames when they come.
fn keep_the_pass(inner: &Rc<RefCell<Inner>>) {
    hand_over(&mut inner.borrow_mut());
    let due_ms = {
        let inner = inner.borrow();
        inner.api.pass().renew_at_ms().map(|at_ms| inner.skew.by_our_clock(at_ms))
    };
    renew(inner, renewal::Event::Tick { due_ms });
}

/// A newer token goes to the server on the open socket, which then lives as long as that.
fn hand_over(inner: &mut Inner) {
    let pass = inner.api.pass();
    let Some(socket) = &mut inner.socket else { return };
    if socket.edition == pass.edition() || socket.handle.ready_state() != web_sys::WebSocket::OPEN {
        return;
    }
    if let Some(token) = pass.token() {
        socket.edition = pass.edition();
        // A token is letters, digits, dots, dashes and underscores.
        let _ = socket.handle.send_with_str(&format!("{{\"type\":\"auth\",\"token\":\"{token}\"}}"));
    }
}

fn renew(inner: &Rc<RefCell<Inner>>, event: renewal::Event) {
    let command = {
        let mut inner = inner.borrow_mut();
        inner.renewal.step(event, clock::now_ms())
    };
    match command {
        None => {}
        Some(renewal::Command::Renew) => {
            let inner = inner.clone();
            spawn_local(async move {
                let api = inner.borrow().api.clone();
                let event = match api.renew().await {
                    Renewed::Yes => renewal::Event::Renewed,
                    Renewed::Refused => renewal::Event::Refused,
                    Renewed::NoAnswer => renewal::Event::NoAnswer,
                };
                if inner.borrow().over {
                    return;
                }
                renew(&inner, event);
                hand_over(&mut inner.borrow_mut());
            });
        }
        Some(renewal::Command::Resume) => {
            inner.borrow_mut().machine = Machine::default();
            handle(inner, Event::Start);
            load(inner, &Metric::FIRST);
        }
        Some(renewal::Command::SignIn) => tell(inner, Happened::SignIn),
    }
}

fn obey(inner: &Rc<RefCell<Inner>>, command: Command) {
    match command {
        Command::Connect => connect(inner),
        Command::Disconnect => {
            let mut inner = inner.borrow_mut();
            inner.generation += 1;
            inner.socket = None;
        }
        Command::Probe => probe(inner.clone()),
        Command::Poll => load(inner, &Metric::FIRST),
        Command::SignIn if *inner.borrow().api.pass().way() == Way::Never => tell(inner, Happened::SignIn),
        Command::SignIn => renew(inner, renewal::Event::Rejected),
        Command::NotAllowed => tell(inner, Happened::NotAllowed),
    }
}

fn tell(inner: &Rc<RefCell<Inner>>, what: Happened) {
    let happened = inner.borrow().happened.clone();
    happened.emit(what);
}

fn connect(inner: &Rc<RefCell<Inner>>) {
    let (opened, generation, edition) = {
        let mut inner = inner.borrow_mut();
        inner.generation += 1;
        inner.skew.start_over();
        let store = inner.store.borrow();
        let (version, epoch) = store.position();
        let opened = inner.api.open_socket(version, epoch);
        drop(store);
        (opened, inner.generation, inner.api.pass().edition())
    };
    let opened = opened.ok().and_then(|socket| Some((WebSocket::try_from(socket.clone()).ok()?, socket)));
    let Some((frames, socket)) = opened else {
        warn("no WebSocket");
        return handle(inner, Event::Closed { code: 1006 });
    };
    let (task, abort) = abortable(hear(inner.clone(), frames, generation));
    inner.borrow_mut().socket = Some(Socket { task: abort, handle: socket, edition });
    spawn_local(async move {
        // Aborted means that somebody else decided; dropping the socket closes it.
        let _ = task.await;
    });
}

/// One socket, from its first frame to its end.
async fn hear(inner: Rc<RefCell<Inner>>, mut socket: WebSocket, generation: u32) {
    let mut code = 1006;
    let mut first = true;
    while let Some(message) = socket.next().await {
        if inner.borrow().generation != generation {
            return;
        }
        match message {
            Ok(Message::Text(text)) => {
                if std::mem::take(&mut first) {
                    web_sys::console::log_1(&"WebSocket connected".into());
                }
                handle(&inner, Event::Heard);
                merge(&inner, &text);
            }
            Ok(Message::Bytes(_)) => {}
            Err(WebSocketError::ConnectionClose(close)) => code = close.code,
            Err(_) => {}
        }
    }
    if inner.borrow().generation == generation {
        handle(&inner, Event::Closed { code });
    }
}

fn merge(inner: &Rc<RefCell<Inner>>, text: &str) {
    let Applied { resume, warnings, news, events, .. } = {
        let now_ms = clock::now_ms();
        let mut inner = inner.borrow_mut();
        let applied = inner.store.borrow_mut().apply(text, now_ms);
        inner.skew.learn(applied.made.as_deref().map_or(f64::NAN, clock::parse_ms), now_ms);
        applied
    };
    warnings.iter().for_each(|warning| warn(warning));
    if resume {
        handle(inner, Event::Missed);
    }
    if events > 0 {
        tell(inner, Happened::Events { count: events, news });
    }
    draw(inner);
}

/// Asks for these metrics in parallel; each is merged as it comes, and one that fails spoils no other. One that is
/// being asked for already is not asked for twice.
fn load(inner: &Rc<RefCell<Inner>>, metrics: &[Metric]) {
    let round =
        Rc::new(Round { began_ms: clock::now_ms(), left: Cell::new(metrics.len()), good: Cell::new(true) });
    for metric in metrics.iter().copied() {
        if std::mem::replace(&mut inner.borrow_mut().asking[metric], true) {
            round.good.set(false);
            round.left.set(round.left.get() - 1);
            continue;
        }
        spawn_local(ask(inner.clone(), metric, round.clone()));
    }
}

/// Requests that belong together.
struct Round {
    began_ms: f64,
    left: Cell<usize>,
    good: Cell<bool>,
}

async fn ask(inner: Rc<RefCell<Inner>>, metric: Metric, round: Rc<Round>) {
    let (api, tag) = {
        let inner = inner.borrow();
        let tag = inner.store.borrow().tag(metric).map(str::to_owned);
        (inner.api.clone(), tag)
    };
    let (status, answer) = api.metric(metric, tag.as_deref()).await;
    if inner.borrow().over {
        return;
    }
    inner.borrow_mut().asking[metric] = false;
    let mut warning = None;
    if let Some(answer) = answer {
        let mut inner = inner.borrow_mut();
        round.good.set(round.good.get() && matches!(answer, Answer::Body { .. } | Answer::NotModified));
        let socket_rules = !inner.machine.polls();
        warning = inner.store.borrow_mut().loaded(metric, answer, socket_rules);
        round.left.set(round.left.get() - 1);
        if round.left.get() == 0 && round.good.get() && !socket_rules {
            inner.polled_ms = Some(round.began_ms);
        }
    }
    if let Some(warning) = warning {
        warn(&warning);
    }
    // A metric that its source refuses is no answer about the one who asks.
    handle(&inner, Event::Answered { status: if status == 403 { 404 } else { status } });
}

/// Browsers do not tell why a socket was refused. Who has seen figures may see them; without any, 403 is about the role.
fn probe(inner: Rc<RefCell<Inner>>) {
    spawn_local(async move {
        let api = inner.borrow().api.clone();
        let (status, _) = api.metric(Metric::OrdersCountTotal, None).await;
        let knows = !inner.borrow().store.borrow().is_empty();
        handle(&inner, Event::Answered { status: if status == 403 && knows { 404 } else { status } });
    });
}

/// Shows the newest state with the next animation frame, however many frames arrive until then. A hidden tab has no
/// animation frames: it draws when it is seen again, and does no work until then.
fn draw(inner: &Rc<RefCell<Inner>>) {
    if std::mem::replace(&mut inner.borrow_mut().drawing, true) {
        return;
    }
    let shared = inner.clone();
    let show = Closure::once_into_js(move || {
        let (view, show) = {
            let mut inner = shared.borrow_mut();
            inner.drawing = false;
            if inner.over {
                return;
            }
            let view = inner.view();
            if inner.shown.as_ref() == Some(&view) {
                return;
            }
            inner.shown = Some(view.clone());
            (view, inner.show.clone())
        };
        show.emit(view);
    });
    if api::window().request_animation_frame(show.unchecked_ref()).is_err() {
        inner.borrow_mut().drawing = false;
    }
}

fn listen(inner: &Rc<RefCell<Inner>>) -> Vec<Listener> {
    let window = api::window();
    let on = |target: &web_sys::EventTarget, name, event: Event| {
        let inner = inner.clone();
        Listener::new(target, name, move || handle(&inner, event))
    };
    let mut listeners = vec![
        on(&window, "online", Event::Hurry),
        on(&window, "offline", Event::Offline),
        // Coming back from the page cache, which closes sockets.
        on(&window, "pageshow", Event::Hurry),
    ];
    if let Some(document) = window.document() {
        let (inner, page) = (inner.clone(), document.clone());
        let seen = move || {
            if !page.hidden() {
                handle(&inner, Event::Hurry);
            }
        };
        listeners.push(Listener::new(&document, "visibilitychange", seen));
    }
    listeners
}

fn warn(text: &str) {
    web_sys::console::warn_1(&JsValue::from_str(text));
}
