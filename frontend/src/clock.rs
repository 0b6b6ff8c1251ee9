//! The wall clock. On the host, where panels are rendered in tests, it stands still.

/// Milliseconds since 1970.
pub fn now_ms() -> f64 {
    #[cfg(target_arch = "wasm32")]
    return js_sys::Date::now();
    #[cfg(not(target_arch = "wasm32"))]
    return 1_763_289_045_567.0;
}

/// Of an ISO-8601 text; NaN if it is none.
pub fn parse_ms(text: &str) -> f64 {
    #[cfg(target_arch = "wasm32")]
    return js_sys::Date::parse(text);
    #[cfg(not(target_arch = "wasm32"))]
    return if text.is_empty() { f64::NAN } else { now_ms() - 5_000.0 };
}
