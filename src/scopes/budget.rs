//! Cumulative amounts: which argument is summed, by which other, up to what, over how long.

use std::time::Duration;

use serde_json::Value;

use super::fault::Faults;
use super::pointer::{Named, named, pointer, require};
use super::reading::{Block, Keys};
use super::yaml::Node;
use crate::limits::MANIFEST_DURATION_LONGEST;
use crate::model::decimal::Decimal;

/// How much a rule lets through in a window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Budget {
    /// JSON pointer of the argument that is summed.
    pub sum: String,
    /// JSON pointer of the argument each of whose values has a sum of its own; the manifest bounds its
    /// values, since each new one would open a new budget.
    pub by: Option<String>,
    /// The most a sum may come to, in the argument's own unit.
    pub limit: Decimal,
    /// The window.
    pub per: Duration,
}

/// What one call would take of a budget.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draw {
    /// How much.
    pub amount: Decimal,
    /// Of whose sum: the value at `by` as text, numbers in one spelling; empty without `by`.
    pub by: String,
}

impl Budget {
    /// What a call with these arguments would take; `None` where the amount is absent, negative or no
    /// number, or where the value at `by` is absent or no plain value: then the call is beyond.
    #[must_use]
    pub fn draw(&self, arguments: &Value) -> Option<Draw> {
        let amount = arguments.pointer(&self.sum).and_then(Decimal::from_value)?;
        if amount.is_negative() {
            return None;
        }
        let by = match &self.by {
            None => String::new(),
            Some(pointer) => match arguments.pointer(pointer)? {
                Value::String(text) => format!("\"{text}\""),
                Value::Number(number) => Decimal::parse(number.as_str())?.to_string(),
                Value::Bool(flag) => flag.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => return None,
            },
        };
        Some(Draw { amount, by })
    }

    pub(super) fn read(node: &Node, arguments: Option<&Node>, faults: &mut Faults) -> Option<Self> {
        let block = Block::open(node, &KEYS, faults)?;
        let sum = block
            .need(
                "sum",
                "name the argument that is summed, for example `sum: /amount`",
                faults,
            )
            .and_then(|node| pointer(node, faults));
        let by = block.find("by").map(|node| pointer(node, faults));
        let limit = block
            .need("limit", "say the most it may come to", faults)
            .and_then(|node| node.positive(faults));
        let per = block
            .need("per", "say the window, for example `per: 24h`", faults)
            .and_then(|node| node.duration(MANIFEST_DURATION_LONGEST, faults));
        let sum = sum?;
        if let (Some(arguments), Some(place)) = (arguments, block.find("sum")) {
            require(place, &sum, arguments, ("summed", "counted"), faults);
        }
        let by = match (by, block.find("by")) {
            (Some(by), Some(place)) => {
                let by = by?;
                let bounded = arguments.is_some_and(|arguments| match named(arguments, &by) {
                    Named::Present(node) => {
                        let keys = node.entries("a schema", &mut Faults::default());
                        let mut keys = keys.unwrap_or_default().iter();
                        keys.any(|entry| ["const", "enum"].contains(&entry.key.as_str()))
                    }
                    _ => false,
                });
                if !bounded {
                    faults.add(
                        &place.at,
                        format!(
                            "`{by}` may be anything, and every new value would open a new budget"
                        ),
                        "bound it under `arguments` with `const` or `enum`",
                    );
                }
                Some(by)
            }
            _ => None,
        };
        Some(Self {
            sum,
            by,
            limit: limit?,
            per: per?,
        })
    }
}

const KEYS: Keys = Keys {
    what: "a budget",
    known: &["sum", "by", "limit", "per"],
    later: &[],
};

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> Budget {
        Budget {
            sum: "/amount".to_owned(),
            by: Some("/currency".to_owned()),
            limit: Decimal::parse("500").unwrap(),
            per: Duration::from_secs(60),
        }
    }

    fn draw(json: &str) -> Option<Draw> {
        budget().draw(&crate::model::json::parse(json.as_bytes()).unwrap())
    }

    #[test]
    fn a_draw_is_an_exact_amount_of_one_sum() {
        let one = draw(r#"{"amount": 0.10, "currency": "EUR"}"#).unwrap();
        assert_eq!(
            one,
            draw(r#"{"amount": "0.1", "currency": "EUR"}"#).unwrap()
        );
        assert_ne!(one, draw(r#"{"amount": 0.1, "currency": "USD"}"#).unwrap());
        assert_eq!(
            draw(r#"{"amount": 1, "currency": 1.0}"#),
            draw(r#"{"amount": 1, "currency": 1}"#)
        );
        assert_ne!(
            draw(r#"{"amount": 1, "currency": 1}"#),
            draw(r#"{"amount": 1, "currency": "1"}"#)
        );
    }

    #[test]
    fn what_cannot_be_counted_draws_nothing() {
        for json in [
            r#"{"currency": "EUR"}"#,
            r#"{"amount": -1, "currency": "EUR"}"#,
            r#"{"amount": "-0.01", "currency": "EUR"}"#,
            r#"{"amount": [1], "currency": "EUR"}"#,
            r#"{"amount": "1 ", "currency": "EUR"}"#,
            r#"{"amount": 1}"#,
            r#"{"amount": 1, "currency": null}"#,
            r#"{"amount": 1, "currency": ["EUR"]}"#,
        ] {
            assert_eq!(draw(json), None, "{json}");
        }
    }
}
