//! Reads a JSON body field by field and collects every fault, worded as the contract words them.

use super::Error;
use crate::auth::PASSWORD_CHARS;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde_json::{Map, Number, Value};
use shared::Money;
use std::ops::RangeInclusive;

/// Characters of the longest text that anyone needs to write.
const TEXT_CHARS: usize = 5_000;

/// Items of a list in a body.
const ITEMS: usize = 200;

/// Larger amounts are typing errors; and with both bounds, no product of a quantity and a price overflows.
const MOST_CENTS: i64 = 1_000_000_000;
const MOST_PIECES: i64 = 1_000_000;

/// A JSON object of which fields are taken one by one; what is left over in the end should not be there.
#[derive(Debug)]
pub struct Fields {
    map: Map<String, Value>,
    prefix: String,
    faults: Vec<String>,
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Fields, Error> {
        let body =
            Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Error::too_large(),
                status => Error::new(status, "The body could not be read"),
            })?;
        if body.is_empty() {
            return Ok(Fields::new(Map::new()));
        }
        match serde_json::from_slice(&body) {
            Ok(value) if has_null_character(&value) => {
                Err(Error::bad_request("The body contains a null character"))
            }
            Ok(Value::Object(map)) => Ok(Fields::new(map)),
            Ok(_) => Err(Error::bad_request("The body must be a JSON object")),
            Err(error) => Err(Error::bad_request(format!("The body is no JSON: {error}"))),
        }
    }
}

impl Fields {
    fn new(map: Map<String, Value>) -> Fields {
        Fields { map, prefix: String::new(), faults: Vec::new() }
    }

    /// Every fault, or the body had none. Call it before anything is done with the values.
    pub fn finish(mut self) -> Result<(), Error> {
        let faults = self.all_faults();
        if faults.is_empty() { Ok(()) } else { Err(Error::invalid(faults)) }
    }

    fn all_faults(&mut self) -> Vec<String> {
        let unknown =
            self.map.keys().map(|name| format!("{}property {name:.100} should not exist", self.prefix));
        let mut faults: Vec<_> = unknown.collect();
        faults.append(&mut self.faults);
        faults
    }

    fn fault(&mut self, name: &str, says: &str) {
        self.faults.push(format!("{}{name} {says}", self.prefix));
    }

    /// `null` counts as not given.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    /// Not empty once trimmed.
    pub fn text(&mut self, name: &str) -> String {
        self.text_up_to(TEXT_CHARS, name)
    }

    /// Not empty once trimmed, and so many characters at most.
    pub fn text_up_to(&mut self, most: usize, name: &str) -> String {
        match self.take(name) {
            None => {
                self.fault(name, "should not be empty");
                self.fault(name, "must be a string");
            }
            Some(Value::String(text)) => {
                let text = text.trim();
                if !text.is_empty() && text.chars().count() <= most {
                    return text.to_owned();
                }
                if text.is_empty() {
                    self.fault(name, "should not be empty");
                } else {
                    self.fault(name, &format!("must be shorter than or equal to {most} characters"));
                }
            }
            Some(_) => self.fault(name, "must be a string"),
        }
        String::new()
    }

    pub fn optional_text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) if text.chars().count() <= TEXT_CHARS => Some(text.trim().to_owned()),
            Value::String(_) => {
                self.fault(name, "must be shorter than or equal to 5000 characters");
                None
            }
            _ => {
                self.fault(name, "must be a string");
                None
            }
        }
    }

    /// Like `text`, if it is given at all.
    pub fn optional_filled_text(&mut self, name: &str) -> Option<String> {
        self.is_given(name).then(|| self.text(name))
    }

    /// Of what has to be right if it is given: whether it is.
    fn is_given(&mut self, name: &str) -> bool {
        if self.map.get(name).is_none_or(Value::is_null) {
            self.map.remove(name);
            return false;
        }
        true
    }

    pub fn optional_email(&mut self, name: &str) -> Option<String> {
        self.is_given(name).then(|| self.email(name))
    }

    pub fn optional_password(&mut self, name: &str) -> Option<String> {
        self.is_given(name).then(|| self.password(name))
    }

    pub fn email(&mut self, name: &str) -> String {
        match self.take(name) {
            None => {
                self.fault(name, "should not be empty");
                self.fault(name, "must be an email");
            }
            Some(Value::String(text)) if is_email(text.trim()) => return text.trim().to_lowercase(),
            Some(_) => self.fault(name, "must be an email"),
        }
        String::new()
    }

    /// Trimmed, 6 to 256 characters.
    pub fn password(&mut self, name: &str) -> String {
        const SHORT: &str = "must be longer than or equal to 6 characters";
        match self.take(name) {
            None => {
                self.fault(name, SHORT);
                self.fault(name, "must be a string");
            }
            Some(Value::String(text)) => match text.trim().chars().count() {
                6..=PASSWORD_CHARS => return text.trim().to_owned(),
                0..6 => self.fault(name, SHORT),
                _ => {
                    self.fault(name, &format!("must be shorter than or equal to {PASSWORD_CHARS} characters"))
                }
            },
            Some(_) => self.fault(name, "must be a string"),
        }
        String::new()
    }

    pub fn one_of(&mut self, name: &str, values: &[&str]) -> String {
        match self.take(name) {
            Some(Value::String(text)) if values.contains(&text.as_str()) => return text,
            _ => self.fault(name, &format!("must be one of the following values: {}", values.join(", "))),
        }
        String::new()
    }

    pub fn optional_one_of(&mut self, name: &str, values: &[&str]) -> Option<String> {
        self.is_given(name).then(|| self.one_of(name, values))
    }

    pub fn id(&mut self, name: &str) -> String {
        let id = self.take(name).and_then(|value| uuid::Uuid::try_parse(value.as_str()?).ok());
        if id.is_none() {
            self.fault(name, "must be a UUID");
        }
        id.map(|id| id.to_string()).unwrap_or_default()
    }

    pub fn optional_id(&mut self, name: &str) -> Option<String> {
        self.is_given(name).then(|| self.id(name))
    }

    pub fn optional_flag(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(flag) => Some(flag),
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                self.fault(name, "must be a boolean value");
                None
            }
        }
    }

    /// A text that means something; `says` is the fault of one that does not.
    pub fn parsed<T: Default>(&mut self, name: &str, says: &str, parse: impl FnOnce(&str) -> Option<T>) -> T {
        let value = self.take(name).and_then(|value| parse(value.as_str()?));
        if value.is_none() {
            self.fault(name, says);
        }
        value.unwrap_or_default()
    }

    pub fn flag(&mut self, name: &str, default: bool) -> bool {
        self.optional_flag(name).unwrap_or(default)
    }

    pub fn optional_integer(&mut self, name: &str, least: i64) -> Option<i64> {
        self.optional_integer_within(name, least..=MOST_PIECES)
    }

    pub fn optional_integer_within(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let (least, most) = range.into_inner();
        let value = self.take(name)?;
        // 3.0 is a whole number, too.
        let whole = value
            .as_i64()
            .or_else(|| value.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 1e15).map(|n| n as i64));
        match whole {
            Some(number) if number < least => self.fault(name, &format!("must not be less than {least}")),
            Some(number) if number > most => {
                self.fault(name, &format!("must not be greater than {most}"));
            }
            Some(number) => return Some(number),
            None => self.fault(name, "must be an integer number"),
        }
        None
    }

    pub fn integer(&mut self, name: &str, least: i64) -> i64 {
        self.integer_within(name, least..=MOST_PIECES)
    }

    pub fn integer_within(&mut self, name: &str, range: RangeInclusive<i64>) -> i64 {
        let least = *range.start();
        if !self.is_given(name) {
            self.fault(name, "must be an integer number");
            return least;
        }
        self.optional_integer_within(name, range).unwrap_or(least)
    }

    /// An amount that is not negative. More than two decimals are rounded to the nearest cent, half a cent up, as
    /// written and not as a double holds it: shops that run keep such amounts in `numeric(10,2)`, which does that,
    /// and a client that sends a price with 15 % on it must not be refused here.
    pub fn optional_money(&mut self, name: &str) -> Option<Money> {
        let Value::Number(number) = self.take(name)? else {
            self.fault(name, "must be a number conforming to the specified constraints");
            return None;
        };
        match cents(&number) {
            Some(cents) if cents <= MOST_CENTS => return Some(Money::from_cents(cents)),
            Some(_) => self.fault(name, &format!("must not be greater than {}", MOST_CENTS / 100)),
            None => self.fault(name, "must not be less than 0"),
        }
        None
    }

    pub fn money(&mut self, name: &str) -> Money {
        if !self.is_given(name) {
            self.fault(name, "must be a number conforming to the specified constraints");
            return Money::ZERO;
        }
        self.optional_money(name).unwrap_or(Money::ZERO)
    }

    pub fn optional_texts(&mut self, name: &str) -> Option<Vec<String>> {
        let texts = match self.take(name)? {
            Value::Array(items) if items.len() <= ITEMS => items.into_iter().map(|item| match item {
                Value::String(text) if text.chars().count() <= TEXT_CHARS => Some(text),
                _ => None,
            }),
            _ => {
                self.fault(name, "must be an array");
                return None;
            }
        };
        let texts: Option<Vec<_>> = texts.collect();
        if texts.is_none() {
            self.faults.push(format!("{}each value in {name} must be a string", self.prefix));
        }
        texts
    }

    /// `YYYY-MM-DD`, or a time that begins so.
    pub fn optional_date(&mut self, name: &str) -> Option<String> {
        let value = self.take(name)?;
        let date = value.as_str().filter(|text| is_time_of_day(text)).and_then(|text| text.get(..10)).filter(
            |day| time::Date::parse(day, time::macros::format_description!("[year]-[month]-[day]")).is_ok(),
        );
        if date.is_none() {
            self.fault(name, "must be a valid ISO 8601 date string");
        }
        date.map(str::to_owned)
    }

    /// Each object of a list, read by `read`; its faults are named with their place.
    pub fn list<T>(&mut self, name: &str, mut read: impl FnMut(&mut Fields) -> T) -> Vec<T> {
        let items = match self.take(name) {
            None => return Vec::new(),
            Some(Value::Array(items)) if items.len() <= ITEMS => items,
            Some(_) => {
                self.fault(name, "must be an array");
                return Vec::new();
            }
        };
        let mut values = Vec::with_capacity(items.len());
        for (at, item) in items.into_iter().enumerate() {
            let Value::Object(map) = item else {
                self.faults
                    .push(format!("{}each value in nested property {name} must be an object", self.prefix));
                continue;
            };
            let mut fields =
                Fields { map, prefix: format!("{}{name}.{at}.", self.prefix), faults: Vec::new() };
            values.push(read(&mut fields));
            let faults = fields.all_faults();
            self.faults.extend(faults);
        }
        values
    }
}

/// What follows the day is nothing, or a time, with its offset or without.
fn is_time_of_day(text: &str) -> bool {
    match text.get(10..) {
        None => false,
        Some("") => true,
        Some(time) => {
            time.starts_with('T')
                && (text.parse::<jiff::Timestamp>().is_ok() || text.parse::<jiff::civil::DateTime>().is_ok())
        }
    }
}

/// The nearest cent; `None` below zero, and the highest number for what is too high for any amount.
fn cents(number: &Number) -> Option<i64> {
    let units = number.as_f64().unwrap_or(f64::MAX);
    if units < 0.0 {
        return None;
    }
    if units > MOST_CENTS as f64 {
        return Some(i64::MAX);
    }
    // The shortest text that reads as this number, which is what its sender wrote, to 16 digits and a half.
    let text = format!("{units}");
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let digit = |at: usize| decimals.as_bytes().get(at).map_or(0, |digit| i64::from(digit - b'0'));
    let half_a_cent_or_more = i64::from(digit(2) >= 5);
    let whole: i64 = whole.parse().expect("Display of a small f64 has no exponent");
    Some(whole * 100 + digit(0) * 10 + digit(1) + half_a_cent_or_more)
}

/// PostgreSQL keeps none in a text. The depth is bounded by the parser.
fn has_null_character(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_null_character),
        Value::Object(map) => map.values().any(has_null_character),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Something before and after one @, a dot in what is after it, and no blanks.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.rsplit_once('@') else { return false };
    let plain = |part: &str| {
        !part.is_empty()
            && !part
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '@' | '<' | '>' | ','))
    };
    text.len() <= 254
        && plain(name)
        && plain(host)
        && host.contains('.')
        && !host.split('.').any(str::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        let Value::Object(map) = value else { panic!("an object") };
        Fields::new(map)
    }

    fn faults(value: Value, read: impl FnOnce(&mut Fields)) -> Vec<String> {
        let mut fields = fields(value);
        read(&mut fields);
        fields.all_faults()
    }

    fn user(fields: &mut Fields) {
        fields.text("name");
        fields.email("email");
        fields.password("password");
    }

    #[test]
    fn faults_are_worded_as_a_real_backend_words_them() {
        assert_eq!(
            faults(json!({"name": "", "email": "x", "password": "123"}), user),
            [
                "name should not be empty",
                "email must be an email",
                "password must be longer than or equal to 6 characters"
            ]
        );
        assert_eq!(
            faults(json!({}), user),
            [
                "name should not be empty",
                "name must be a string",
                "email should not be empty",
                "email must be an email",
                "password must be longer than or equal to 6 characters",
                "password must be a string"
            ]
        );
        let extra = json!({"name": "a", "email": "a@b.co", "password": "123456", "role": "Admin"});
        assert_eq!(faults(extra, user), ["property role should not exist"]);
        assert_eq!(
            faults(json!({"name": 123, "email": "n@x.co", "password": "secret1"}), user),
            ["name must be a string"]
        );
        let detail = |fields: &mut Fields| {
            fields.list("details", |item| {
                item.id("technicianId");
                item.optional_money("unitPrice");
            });
        };
        assert_eq!(
            faults(json!({"details": [{"technicianId": "x", "unitPrice": -1}]}), detail),
            ["details.0.technicianId must be a UUID", "details.0.unitPrice must not be less than 0"]
        );
        assert_eq!(faults(json!({"details": {}}), detail), ["details must be an array"]);
    }

    #[test]
    fn amounts_are_rounded_to_the_nearest_cent_as_they_were_written() {
        let check = |json: &str, cents: Result<i64, &str>| {
            let mut fields = fields(json!({ "price": serde_json::from_str::<Value>(json).expect("JSON") }));
            let money = fields.optional_money("price").map(|money| money.cents);
            let faults = fields.all_faults();
            let read = money.ok_or(faults.first().map(String::as_str).unwrap_or_default());
            assert_eq!(read, cents, "{json}");
        };
        check("0", Ok(0));
        check("-0.0", Ok(0));
        check("10.99", Ok(1_099));
        check("10.999", Ok(1_100));
        check("10.994", Ok(1_099));
        // As doubles, these two are a little less than what they say.
        check("1.005", Ok(101));
        check("8.165", Ok(817));
        check("0.005", Ok(1));
        check("1e-7", Ok(0));
        check("1.5e2", Ok(15_000));
        check("9999999.99", Ok(999_999_999));
        check("10000000", Ok(MOST_CENTS));
        check("10000000.01", Err("price must not be greater than 10000000"));
        check("1e300", Err("price must not be greater than 10000000"));
        check("18446744073709551615", Err("price must not be greater than 10000000"));
        check("-0.001", Err("price must not be less than 0"));
        check("-1", Err("price must not be less than 0"));
        check("\"10\"", Err("price must be a number conforming to the specified constraints"));
    }

    #[test]
    fn mail_addresses_are_told_from_other_texts() {
        for good in ["a@b.co", "ana.maria+taller@correo.com.ec", "ñandú@correo.ec"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "a", "a@b", "@b.co", "a@.co", "a b@c.co", "a@b..co", "<a@b.co>", "a@b@c.co"] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
