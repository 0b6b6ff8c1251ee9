//! Numbers, money and times in the shop's language and time zone, by the browser's Intl.
//!
//! Formatters are made once. On the host, where panels are rendered in tests, a plain form takes their place.

use shared::Money;
use std::rc::Rc;
use yew::{hook, use_context};

/// How a shop writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Locale {
    pub locale: String,
    pub currency: String,
    pub time_zone: String,
}

impl Default for Locale {
    fn default() -> Locale {
        Locale { locale: "es-EC".into(), currency: "USD".into(), time_zone: "America/Guayaquil".into() }
    }
}

/// The forms that the languages of the dashboard have. Spanish writes its "many" (millions) like "other" here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plural {
    One,
    Other,
}

impl Plural {
    pub fn pick(self, one: &'static str, other: &'static str) -> &'static str {
        match self {
            Plural::One => one,
            Plural::Other => other,
        }
    }
}

pub struct Formats {
    locale: Locale,
    #[cfg(target_arch = "wasm32")]
    intl: intl::Intl,
}

impl PartialEq for Formats {
    fn eq(&self, other: &Formats) -> bool {
        self.locale == other.locale
    }
}

#[hook]
pub fn use_formats() -> Rc<Formats> {
    use_context::<Rc<Formats>>().unwrap_or_else(|| Rc::new(Formats::new(Locale::default())))
}

impl Formats {
    pub fn new(locale: Locale) -> Formats {
        Formats {
            #[cfg(target_arch = "wasm32")]
            intl: intl::Intl::new(&locale),
            locale,
        }
    }

    /// `$15.420,50`
    pub fn money(&self, money: Money) -> String {
        #[cfg(target_arch = "wasm32")]
        return self.intl.money(money.units());
        #[cfg(not(target_arch = "wasm32"))]
        return format!(
            "{}${},{:02}",
            if money.cents < 0 { "-" } else { "" },
            plain::grouped(money.cents.unsigned_abs() / 100),
            money.cents.unsigned_abs() % 100
        );
    }

    pub fn count(&self, count: u64) -> String {
        #[cfg(target_arch = "wasm32")]
        return self.intl.count(count as f64);
        #[cfg(not(target_arch = "wasm32"))]
        return plain::grouped(count);
    }

    /// Which form of a word the number takes, in the shop's language.
    pub fn plural(&self, count: u64) -> Plural {
        #[cfg(target_arch = "wasm32")]
        let is_one = self.intl.is_one(count as f64);
        #[cfg(not(target_arch = "wasm32"))]
        let is_one = count == 1;
        if is_one { Plural::One } else { Plural::Other }
    }

    /// With one decimal; 0 of 0 is 0.
    pub fn percent(&self, part: u64, whole: u64) -> String {
        let share = if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        #[cfg(target_arch = "wasm32")]
        return self.intl.percent(share);
        #[cfg(not(target_arch = "wasm32"))]
        return format!("{:.1} %", share * 100.0).replace('.', ",");
    }

    /// `16 nov 2025, 10:30`
    pub fn moment(&self, at_ms: f64) -> String {
        #[cfg(target_arch = "wasm32")]
        return self.intl.moment(at_ms);
        #[cfg(not(target_arch = "wasm32"))]
        return format!("t{at_ms}");
    }

    /// `10:42`
    pub fn time(&self, at_ms: f64) -> String {
        #[cfg(target_arch = "wasm32")]
        return self.intl.time(at_ms);
        #[cfg(not(target_arch = "wasm32"))]
        return if at_ms.is_nan() { String::new() } else { "10:42".into() };
    }

    /// `ahora`, `hace 5 s`, `hace 18 min`, `ayer`
    pub fn ago(&self, age_ms: f64) -> String {
        let (amount, unit) = age(age_ms);
        #[cfg(target_arch = "wasm32")]
        return self.intl.ago(amount, unit);
        #[cfg(not(target_arch = "wasm32"))]
        return if amount == 0.0 { "ahora".into() } else { format!("hace {amount} {unit}") };
    }
}

/// The largest unit that fits. A clock that is behind the server's sees no future.
fn age(age_ms: f64) -> (f64, &'static str) {
    let seconds = (age_ms / 1000.0).floor().max(0.0);
    match seconds {
        s if s < 60.0 => (s, "second"),
        s if s < 3_600.0 => ((s / 60.0).floor(), "minute"),
        s if s < 86_400.0 => ((s / 3_600.0).floor(), "hour"),
        s if s < 30.0 * 86_400.0 => ((s / 86_400.0).floor(), "day"),
        s if s < 365.0 * 86_400.0 => ((s / (30.0 * 86_400.0)).floor(), "month"),
        s => ((s / (365.0 * 86_400.0)).floor(), "year"),
    }
}

#[cfg(target_arch = "wasm32")]
mod intl {
    use super::Locale;
    use js_sys::{Array, Function, Object, Reflect};
    use wasm_bindgen::{JsCast, JsValue};

    pub struct Intl {
        money: Function,
        count: Function,
        percent: Function,
        plural: Function,
        moment: Function,
        time: Function,
        short_ago: Function,
        long_ago: Function,
    }

    impl Intl {
        pub fn new(locale: &Locale) -> Intl {
            let zone = &locale.time_zone;
            let number = |options: &[(&str, &str)]| format_of("NumberFormat", &locale.locale, options);
            let date = |options: &[(&str, &str)]| format_of("DateTimeFormat", &locale.locale, options);
            // Not by the locale's own rule, which leaves "1234" without a point in Spanish.
            let grouped = ("useGrouping", "always");
            Intl {
                money: number(&[
                    ("style", "currency"),
                    ("currency", &locale.currency),
                    ("currencyDisplay", "narrowSymbol"),
                    grouped,
                ]),
                count: number(&[grouped]),
                percent: number(&[
                    ("style", "percent"),
                    ("minimumFractionDigits", "1"),
                    ("maximumFractionDigits", "1"),
                ]),
                plural: method_of(&made("PluralRules", &locale.locale, &[]), "select"),
                moment: date(&[
                    ("day", "numeric"),
                    ("month", "short"),
                    ("year", "numeric"),
                    ("hour", "2-digit"),
                    ("minute", "2-digit"),
                    ("hourCycle", "h23"),
                    ("timeZone", zone),
                ]),
                time: date(&[
                    ("hour", "2-digit"),
                    ("minute", "2-digit"),
                    ("hourCycle", "h23"),
                    ("timeZone", zone),
                ]),
                short_ago: method_of(
                    &made("RelativeTimeFormat", &locale.locale, &[("style", "short"), ("numeric", "auto")]),
                    "format",
                ),
                long_ago: method_of(
                    &made("RelativeTimeFormat", &locale.locale, &[("numeric", "auto")]),
                    "format",
                ),
            }
        }

        pub fn money(&self, units: f64) -> String {
            text(self.money.call1(&JsValue::NULL, &units.into()))
        }
        pub fn count(&self, count: f64) -> String {
            text(self.count.call1(&JsValue::NULL, &count.into()))
        }
        pub fn percent(&self, share: f64) -> String {
            text(self.percent.call1(&JsValue::NULL, &share.into()))
        }
        pub fn is_one(&self, count: f64) -> bool {
            text(self.plural.call1(&JsValue::NULL, &count.into())) == "one"
        }
        pub fn moment(&self, at_ms: f64) -> String {
            text(self.moment.call1(&JsValue::NULL, &at_ms.into()))
        }
        pub fn time(&self, at_ms: f64) -> String {
            text(self.time.call1(&JsValue::NULL, &at_ms.into()))
        }
        pub fn ago(&self, amount: f64, unit: &str) -> String {
            let format =
                if matches!(unit, "second" | "minute" | "hour") { &self.short_ago } else { &self.long_ago };
            text(format.call2(&JsValue::NULL, &(-amount).into(), &unit.into()))
        }
    }

    /// A date or number that cannot be written is left blank rather than wrong.
    fn text(result: Result<JsValue, JsValue>) -> String {
        result.ok().and_then(|value| value.as_string()).unwrap_or_default()
    }

    fn made(kind: &str, locale: &str, options: &[(&str, &str)]) -> JsValue {
        let settings = Object::new();
        for (name, value) in options {
            let _ = Reflect::set(&settings, &(*name).into(), &(*value).into());
        }
        let intl = Reflect::get(&js_sys::global(), &"Intl".into()).unwrap_or_default();
        let constructor = Reflect::get(&intl, &kind.into()).unwrap_or_default();
        let Some(constructor) = constructor.dyn_ref::<Function>() else { return JsValue::UNDEFINED };
        let arguments = Array::of2(&locale.into(), &settings);
        Reflect::construct(constructor, &arguments).map_or(JsValue::UNDEFINED, Into::into)
    }

    /// Bound to its object, as `format` of numbers and dates is by itself.
    fn method_of(object: &JsValue, name: &str) -> Function {
        let method = Reflect::get(object, &name.into()).unwrap_or_default();
        method.dyn_ref::<Function>().map_or_else(|| Function::new_no_args(""), |method| method.bind0(object))
    }

    /// `format` of number and date formats is bound to its object.
    fn format_of(kind: &str, locale: &str, options: &[(&str, &str)]) -> Function {
        let format = Reflect::get(&made(kind, locale, options), &"format".into()).unwrap_or_default();
        format.dyn_into().unwrap_or_else(|_| Function::new_no_args(""))
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod plain {
    pub fn grouped(number: u64) -> String {
        let digits = number.to_string();
        let mut text = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push('.');
            }
            text.push(digit);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_unit_that_fits_is_taken() {
        let check = |seconds: f64, expected: (f64, &str)| assert_eq!(age(seconds * 1000.0), expected);
        check(-3.0, (0.0, "second"));
        check(59.9, (59.0, "second"));
        check(60.0, (1.0, "minute"));
        check(7_199.0, (1.0, "hour"));
        check(86_400.0, (1.0, "day"));
        check(29.0 * 86_400.0, (29.0, "day"));
        check(400.0 * 86_400.0, (1.0, "year"));
    }

    #[test]
    fn the_plain_form_groups_thousands() {
        let formats = Formats::new(Locale::default());
        assert_eq!(formats.count(1_284), "1.284");
        assert_eq!(formats.money(Money::from_cents(12_847_305)), "$128.473,05");
        assert_eq!(formats.money(Money::from_cents(-5)), "-$0,05");
        assert_eq!(formats.percent(1, 8), "12,5 %");
        assert_eq!(formats.percent(0, 0), "0,0 %");
    }

    #[test]
    fn only_one_is_one() {
        let formats = Formats::new(Locale::default());
        let form = |count| formats.plural(count).pick("orden", "órdenes");
        assert_eq!([form(0), form(1), form(2), form(101)], ["órdenes", "orden", "órdenes", "órdenes"]);
    }
}
