//! The keywords of ours inside a JSON Schema, and the one set of options every schema compiles with.

use std::fmt;

use jsonschema::{Keyword, PatternOptions, ValidationError, ValidationOptions};
use serde_json::{Map, Value};

use super::normal::{self, Reading};
use crate::limits::PATTERN_COMPILED_BYTES;

/// What a keyword answers of a value it cannot read for certain.
///
/// A rule that allows must not match in doubt, and a rule that forbids must. `not` turns one into the
/// other, so that a doubt always ends in the stricter answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lean {
    /// In doubt, no match.
    Strict,
    /// In doubt, a match.
    Loose,
}

impl Lean {
    /// The lean inside `not`.
    pub(super) const fn flipped(self) -> Self {
        match self {
            Self::Strict => Self::Loose,
            Self::Loose => Self::Strict,
        }
    }

    /// The name under which a keyword of ours stands in a compiled schema.
    pub(super) const fn spell(self, keyword: Words) -> &'static str {
        match (keyword, self) {
            (Words::PathUnder, Self::Strict) => "path_under",
            (Words::PathUnder, Self::Loose) => "path_under (or in doubt)",
            (Words::HostIn, Self::Strict) => "host_in",
            (Words::HostIn, Self::Loose) => "host_in (or in doubt)",
        }
    }
}

/// The keywords of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Words {
    /// `path_under: [roots]`.
    PathUnder,
    /// `host_in: [hosts]`.
    HostIn,
}

impl Words {
    pub(super) const fn name(self) -> &'static str {
        Lean::Strict.spell(self)
    }

    fn read(self, text: &str, listed: &[String]) -> Reading {
        match self {
            Self::PathUnder => normal::path_under(text, listed),
            Self::HostIn => normal::host_in(text, listed),
        }
    }
}

/// Options for schemas of manifests: formats are asserted, unknown ones are errors.
pub(super) fn manifest_options() -> ValidationOptions<'static> {
    let mut options = hostile_options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false);
    for words in [Words::PathUnder, Words::HostIn] {
        for lean in [Lean::Strict, Lean::Loose] {
            options = options.with_keyword(lean.spell(words), move |_, listed, _| {
                Named::build(words, lean, listed)
            });
        }
    }
    options
}

/// Options for any schema: nothing is fetched, and patterns take linear time and bounded memory.
pub(super) fn hostile_options() -> ValidationOptions<'static> {
    jsonschema::options()
        .offline()
        .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_COMPILED_BYTES))
}

/// A schema under construction.
pub(super) type Schema = Map<String, Value>;

struct Named {
    words: Words,
    lean: Lean,
    listed: Vec<String>,
}

impl Named {
    fn build<'a>(
        words: Words,
        lean: Lean,
        listed: &'a Value,
    ) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
        let listed: Option<Vec<String>> = listed.as_array().and_then(|items| {
            items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect()
        });
        match listed {
            Some(listed) => Ok(Box::new(Self {
                words,
                lean,
                listed,
            })),
            None => Err(ValidationError::schema("expected a list of texts")),
        }
    }

    /// Lists are read element by element; an empty list names nothing, and some tools take that for all.
    fn read(&self, value: &Value) -> Reading {
        match value {
            Value::String(text) => self.words.read(text, &self.listed),
            Value::Array(items) if !items.is_empty() => {
                let mut whole = None;
                for item in items {
                    let Value::String(text) = item else {
                        return Reading::Doubtful;
                    };
                    match (whole, self.words.read(text, &self.listed)) {
                        (_, Reading::Doubtful) => return Reading::Doubtful,
                        (None, reading) => whole = Some(reading),
                        (Some(one), other) if one == other => {}
                        // Some inside, some outside: neither wholly allowed nor wholly clear.
                        _ => whole = Some(Reading::Doubtful),
                    }
                }
                whole.unwrap_or(Reading::Doubtful)
            }
            _ => Reading::Doubtful,
        }
    }
}

impl<'i> Keyword<'i> for Named {
    fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        if Keyword::is_valid(self, value) {
            return Ok(());
        }
        Err(ValidationError::custom(self.sentence(value)))
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        match self.read(value) {
            Reading::Inside => true,
            Reading::Outside => false,
            Reading::Doubtful => self.lean == Lean::Loose,
        }
    }
}

impl Named {
    fn sentence(&self, value: &Value) -> String {
        let listed = Listed(&self.listed);
        let normal = self.read(value) == Reading::Outside;
        match (self.words, value, normal) {
            (Words::PathUnder, Value::Array(_), _) => {
                format!("is no list of plain absolute paths under {listed} alone")
            }
            (Words::HostIn, Value::Array(_), _) => {
                format!("is no list of plain URLs or hosts of {listed} alone")
            }
            (Words::PathUnder, _, true) => format!("is not under {listed}"),
            (Words::PathUnder, _, false) => format!("is not a plain absolute path under {listed}"),
            (Words::HostIn, _, true) => format!("is not of the host {listed}"),
            (Words::HostIn, _, false) => format!("is not a plain URL or host of {listed}"),
        }
    }
}

struct Listed<'a>(&'a [String]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, item) in self.0.iter().take(8).enumerate() {
            if at > 0 {
                f.write_str(" or ")?;
            }
            f.write_str(item)?;
        }
        if self.0.len() > 8 {
            f.write_str(" or …")?;
        }
        Ok(())
    }
}
