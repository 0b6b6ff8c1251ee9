//! The wall clock. On the host, where panels are rendered in tests, it stands still.

/// Milliseconds since 1970.
pub fn now_ms() -> f64 {
    #[cfg(target_arch = "wasm32")]
    return js_sys::Date::now();
    #[cfg(not(target_arch = "wasm32"))]
    return 1_763_289_045_567.0;
}

/// As ISO-8601; empty for what is no moment.
pub fn iso(at_ms: f64) -> String {
    #[cfg(target_arch = "wasm32")]
    return if at_ms.is_nan() {
        String::new()
    } else {
        js_sys::Date::new(&at_ms.into()).to_iso_string().into()
    };
    #[cfg(not(target_arch = "wasm32"))]
    return if at_ms.is_nan() { String::new() } else { "2025-11-16T10:30:45.567Z".into() };
}

/// Of an ISO-8601 text; NaN if it is none.
pub fn parse_ms(text: &str) -> f64 {
    #[cfg(target_arch = "wasm32")]
    return js_sys::Date::parse(text);
    #[cfg(not(target_arch = "wasm32"))]
    return if text.is_empty() { f64::NAN } else { now_ms() - 5_000.0 };
}
