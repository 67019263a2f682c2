//! Sets of JSON types, for saying of which type a constrained value must be.

use serde_json::Value;

/// A set of JSON types; integers are a part of the numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NONE: Self = Self(0);
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    pub(super) const INTEGER: Self = Self(4);
    pub(super) const NUMBER: Self = Self(4 | 8);
    pub(super) const STRING: Self = Self(16);
    pub(super) const ARRAY: Self = Self(32);
    pub(super) const OBJECT: Self = Self(64);
    pub(super) const ALL: Self = Self(127);

    const NAMES: [(&'static str, Self); 7] = [
        ("null", Self::NULL),
        ("boolean", Self::BOOLEAN),
        ("integer", Self::INTEGER),
        ("number", Self::NUMBER),
        ("string", Self::STRING),
        ("array", Self::ARRAY),
        ("object", Self::OBJECT),
    ];

    /// The type of one name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, types)| *types)
    }

    /// The type of a value; a number may always be written with a fraction.
    pub(super) const fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(_) => Self::NUMBER,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The names, as `type` takes them.
    pub(super) fn names(self) -> Vec<&'static str> {
        Self::NAMES
            .iter()
            .filter(|(name, types)| {
                self.and(*types) == *types
                    && !(*name == "integer" && self.and(Self::NUMBER) == Self::NUMBER)
            })
            .map(|(name, _)| *name)
            .collect()
    }

    /// The value of the keyword `type`.
    pub(super) fn keyword(self) -> Value {
        self.names().into_iter().map(Value::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_numbers() {
        assert_eq!(Types::NUMBER.and(Types::INTEGER), Types::INTEGER);
        assert_eq!(Types::NUMBER.or(Types::NULL).names(), ["null", "number"]);
        assert_eq!(Types::INTEGER.names(), ["integer"]);
    }
}
