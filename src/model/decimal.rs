//! Exact decimals: every bound, enum and budget compares with these, never with floats.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use bigdecimal::{BigDecimal, Zero};
use serde_json::Value;

use crate::limits::{DECIMAL_DIGITS_COUNT, DECIMAL_EXPONENT_ABS};

/// A finite decimal number of bounded length, compared by value: `1` equals `1.0`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(BigDecimal);

impl Decimal {
    /// Zero.
    #[must_use]
    pub fn zero() -> Self {
        Self(BigDecimal::zero())
    }

    /// Reads a JSON number token or the same spelling in a string; nothing else.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        match Self::is_bounded(token) {
            true => BigDecimal::from_str(token).ok().map(Self),
            false => None,
        }
    }

    /// Whether a token's length and exponent are within bounds; of one that is a JSON number, whether
    /// [`Decimal::parse`] reads it.
    #[must_use]
    pub fn is_bounded(token: &str) -> bool {
        let unsigned = token.strip_prefix('-').unwrap_or(token);
        if token.len() > DECIMAL_DIGITS_COUNT
            || !unsigned.starts_with(|c: char| c.is_ascii_digit())
            || !unsigned
                .bytes()
                .all(|b| b.is_ascii_digit() || b".eE+-".contains(&b))
        {
            return false;
        }
        match unsigned.split_once(['e', 'E']) {
            Some((_, exponent)) => exponent.parse::<i64>().is_ok_and(|exponent| {
                exponent.unsigned_abs() <= DECIMAL_EXPONENT_ABS.unsigned_abs()
            }),
            None => true,
        }
    }

    /// Reads an amount: a JSON number, or a string that spells one.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Self::parse(number.as_str()),
            Value::String(text) => Self::parse(text),
            _ => None,
        }
    }

    /// The sum of both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self(&self.0 + &other.0)
    }

    /// What is left of this one without the other.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        Self(&self.0 - &other.0)
    }

    /// Whether it is below zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.0.cmp(&BigDecimal::zero()) == Ordering::Less
    }
}

impl fmt::Display for Decimal {
    /// Plain digits without an exponent and without idle zeros; [`Decimal::parse`] reads it back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.normalized().to_plain_string())
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn comparison_is_by_value_and_exact() {
        assert_eq!(decimal("1"), decimal("1.0"));
        assert_eq!(decimal("1e2"), decimal("100"));
        assert!(decimal("100.0000000000000000000001") > decimal("100"));
        assert!(decimal("9007199254740993") > decimal("9007199254740992"));
    }

    #[test]
    fn what_is_not_a_bounded_number_is_refused() {
        for text in [
            "",
            "-",
            "NaN",
            "inf",
            "1e309",
            "1e-309",
            "1e-9223372036854775808",
            "+1",
            " 1",
            "1_0",
            ".5",
            "0x1",
        ] {
            assert!(Decimal::parse(text).is_none(), "{text:?}");
        }
        assert!(Decimal::parse(&"9".repeat(DECIMAL_DIGITS_COUNT + 1)).is_none());
    }

    #[test]
    fn every_json_number_within_bounds_is_read() {
        for text in [
            "0",
            "-0",
            "1e308",
            "-1.5E-308",
            "0.0e+0",
            &"9".repeat(1_000),
        ] {
            assert!(Decimal::is_bounded(text), "{text}");
            assert!(Decimal::parse(text).is_some(), "{text}");
        }
    }

    #[test]
    fn a_printed_decimal_reads_back_as_itself() {
        for text in ["0", "-0", "10", "1e5", "0.00010", "123.4500", "-7e-3"] {
            assert_eq!(decimal(&decimal(text).to_string()), decimal(text), "{text}");
        }
    }
}
