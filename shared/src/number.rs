//! Numbers as the shop's backends send them: a number, a numeric string (SQL `numeric`), or null.
//!
//! Money is exact: integer cents in memory, two decimals on the wire.

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// An amount in cents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money {
    pub cents: i64,
}

impl Money {
    pub const ZERO: Money = Money { cents: 0 };

    pub const fn from_cents(cents: i64) -> Money {
        Money { cents }
    }

    /// The nearest cent; `None` beyond what cents can hold exactly.
    pub fn from_units(units: f64) -> Option<Money> {
        let cents = (units * 100.0).round();
        (cents.abs() <= MAX_EXACT).then_some(Money { cents: cents as i64 })
    }

    pub fn units(self) -> f64 {
        self.cents as f64 / 100.0
    }
}

/// Integers up to here are exact in a JSON number.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.cents % 100 == 0 {
            return serializer.serialize_i64(self.cents / 100);
        }
        serializer.serialize_f64(self.units())
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
        let units = deserializer.deserialize_any(Tolerant)?;
        Money::from_units(units).ok_or_else(|| de::Error::custom("an amount out of range"))
    }
}

/// For `#[serde(deserialize_with)]`: a count from a number, a numeric string or null (nothing counted).
pub(crate) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = deserializer.deserialize_any(Tolerant)?;
    if number < 0.0 || number.fract() != 0.0 || number > MAX_EXACT {
        return Err(de::Error::custom(format!("expected a count, got {number}")));
    }
    Ok(number as u64)
}

struct Tolerant;

impl Visitor<'_> for Tolerant {
    type Value = f64;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("a number, a numeric string or null")
    }
    fn visit_u64<E>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }
    fn visit_i64<E>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }
    fn visit_f64<E>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
        let number: f64 =
            text.trim().parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))?;
        if !number.is_finite() {
            return Err(E::invalid_value(de::Unexpected::Str(text), &self));
        }
        Ok(number)
    }
    fn visit_unit<E>(self) -> Result<f64, E> {
        Ok(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(json: &str, cents: Option<i64>) {
        let read = serde_json::from_str::<Money>(json).ok().map(|money| money.cents);
        assert_eq!(read, cents, "{json}");
    }

    #[test]
    fn money_is_read_from_numbers_numeric_strings_and_null() {
        check("22.1", Some(2210));
        check("\"22.10\"", Some(2210));
        check("\" 0.00 \"", Some(0));
        check("-3", Some(-300));
        check("null", Some(0));
        check("\"\"", None);
        check("\"NaN\"", None);
        check("\"12,50\"", None);
        check("true", None);
        check("[]", None);
        check("1e300", None);
    }

    proptest! {
        #[test]
        // Doubles carry 15 digits and a half: up to here, cents are exact in JSON.
        fn money_survives_the_wire(cents in -100_000_000_000_000_i64..=100_000_000_000_000) {
            let money = Money::from_cents(cents);
            let text = serde_json::to_string(&money).expect("a number can be written");
            prop_assert_eq!(serde_json::from_str::<Money>(&text).expect("what we wrote can be read"), money);
        }
    }
}
