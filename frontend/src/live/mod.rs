//! The live connection: one owner for the socket, the machine and the store, outside of all components.
//!
//! Frames are merged as they come; what is shown follows at most once per animation frame.

mod machine;

use crate::api::{self, Api};
use crate::clock;
use crate::listener::Listener;
use crate::store::{Applied, Connection, News, Panels, Store};
use futures_util::StreamExt;
use futures_util::future::{AbortHandle, abortable};
use gloo_net::websocket::futures::WebSocket;
use gloo_net::websocket::{Message, WebSocketError};
use gloo_timers::callback::Interval;
use machine::{Command, Event, Machine};
use shared::Metric;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use yew::{AttrValue, Callback};

/// How often the wall clock is looked at.
const TICK_MS: u32 = 1_000;

/// What is shown of the live state.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub panels: Panels,
    pub connection: Connection,
    /// When everything shown was last confirmed, ISO-8601.
    pub checked: Option<AttrValue>,
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
    socket: Option<AbortHandle>,
    /// Which socket is ours; words of an earlier one are not heard.
    generation: u32,
    show: Callback<View>,
    happened: Callback<Happened>,
    /// A frame of animation is asked for already.
    drawing: bool,
    over: bool,
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
            socket: None,
            generation: 0,
            show,
            happened,
            drawing: false,
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
        if let Some(socket) = inner.socket.take() {
            socket.abort();
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
    draw(inner);
}

fn obey(inner: &Rc<RefCell<Inner>>, command: Command) {
    match command {
        Command::Connect => connect(inner),
        Command::Disconnect => {
            let mut inner = inner.borrow_mut();
            inner.generation += 1;
            if let Some(socket) = inner.socket.take() {
                socket.abort();
            }
        }
        Command::Probe => probe(inner.clone()),
        Command::Poll => load(inner, &Metric::FIRST),
        Command::SignIn => tell(inner, Happened::SignIn),
        Command::NotAllowed => tell(inner, Happened::NotAllowed),
    }
}

fn tell(inner: &Rc<RefCell<Inner>>, what: Happened) {
    let happened = inner.borrow().happened.clone();
    happened.emit(what);
}

fn connect(inner: &Rc<RefCell<Inner>>) {
    let (opened, generation) = {
        let mut inner = inner.borrow_mut();
        inner.generation += 1;
        let store = inner.store.borrow();
        let (version, epoch) = store.position();
        let opened = inner.api.open_socket(version, epoch);
        drop(store);
        (opened, inner.generation)
    };
    let socket = match opened {
        Ok(socket) => socket,
        Err(error) => {
            warn(&format!("no WebSocket: {error}"));
            return handle(inner, Event::Closed { code: 1006 });
        }
    };
    let (task, handle) = abortable(hear(inner.clone(), socket, generation));
    inner.borrow_mut().socket = Some(handle);
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
    let Applied { resume, warnings, news, events } = {
        let inner = inner.borrow();
        inner.store.borrow_mut().apply(text, clock::now_ms())
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

/// Asks for these metrics in parallel; each is merged as it comes, and one that fails spoils no other.
fn load(inner: &Rc<RefCell<Inner>>, metrics: &[Metric]) {
    for metric in metrics.iter().copied() {
        let inner = inner.clone();
        spawn_local(async move {
            let (api, tag) = {
                let inner = inner.borrow();
                let tag = inner.store.borrow().tag(metric).map(str::to_owned);
                (inner.api.clone(), tag)
            };
            let answer = api.metric(metric, tag.as_deref()).await;
            if inner.borrow().over {
                return;
            }
            match answer {
                Err(status) => handle(&inner, Event::Probed { status }),
                Ok(answer) => {
                    let warning = {
                        let inner = inner.borrow();
                        let speaks = inner.machine.socket_speaks();
                        inner.store.borrow_mut().loaded(metric, answer, speaks)
                    };
                    if let Some(warning) = warning {
                        warn(&warning);
                    }
                    draw(&inner);
                }
            }
        });
    }
}

fn probe(inner: Rc<RefCell<Inner>>) {
    spawn_local(async move {
        let api = inner.borrow().api.clone();
        if let Err(status) = api.metric(Metric::OrdersCountTotal, None).await {
            handle(&inner, Event::Probed { status });
        }
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
            let store = inner.store.borrow();
            let view = View {
                panels: store.panels(),
                connection: inner.machine.connection(),
                checked: store.checked(),
                upstream_is_down: store.upstream_is_down(),
            };
            drop(store);
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
        listeners.push(on(&document, "visibilitychange", Event::Hurry));
    }
    listeners
}

fn warn(text: &str) {
    web_sys::console::warn_1(&JsValue::from_str(text));
}
