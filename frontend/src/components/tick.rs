//! A clock for what says how long ago something was.

use crate::api::window;
use crate::listener::Listener;
use gloo_timers::callback::Interval;
use yew::{hook, use_effect_with, use_force_update};

/// Renders the component again and again. A hidden tab does no work, and is right when it is seen again.
#[hook]
pub fn use_tick(every_ms: u32) {
    let update = use_force_update();
    use_effect_with(every_ms, move |every_ms| {
        let document = window().document();
        let tick = {
            let document = document.clone();
            move || {
                if document.as_ref().is_some_and(|document| !document.hidden()) {
                    update.force_update();
                }
            }
        };
        let seen = document.map(|document| Listener::new(&document, "visibilitychange", tick.clone()));
        let timer = Interval::new(*every_ms, tick);
        move || drop((seen, timer))
    });
}
