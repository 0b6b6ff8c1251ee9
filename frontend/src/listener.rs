//! A listener for the browser's own events.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// An event listener that is taken away when dropped.
pub struct Listener {
    target: web_sys::EventTarget,
    name: &'static str,
    closure: Closure<dyn FnMut()>,
}

impl Listener {
    pub fn new(target: &web_sys::EventTarget, name: &'static str, act: impl FnMut() + 'static) -> Listener {
        let closure = Closure::wrap(Box::new(act) as Box<dyn FnMut()>);
        let _ = target.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
        Listener { target: target.clone(), name, closure }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ =
            self.target.remove_event_listener_with_callback(self.name, self.closure.as_ref().unchecked_ref());
    }
}
