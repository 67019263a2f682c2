//! What a schema says of arguments, in sentences that name the place and the bound, never the value.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::reading::brief;
use crate::limits::VIOLATIONS_COUNT;

/// What a rule says of a call's arguments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Judgement {
    /// They are what the rule allows.
    Inside,
    /// They are not, and why.
    Beyond(Vec<Violation>),
    /// The rule could not be evaluated, which denies.
    Fault(String),
}

/// One thing about the arguments that a rule does not allow.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Violation {
    /// The JSON pointer of the value, cut where an agent made it long.
    pub pointer: String,
    /// What is wrong with it, beginning with the pointer.
    pub sentence: String,
}

/// One bound that a value crosses, by where both stand.
#[derive(Debug)]
pub(super) struct Crossed {
    /// The way through the schema to the keyword.
    pub(super) keyword: Vec<String>,
    /// The JSON pointer of the value.
    pub(super) pointer: String,
    /// The member of it that is absent, or that nothing names.
    pub(super) name: Option<String>,
    /// What is wrong.
    pub(super) sentence: String,
}

impl Crossed {
    /// The JSON pointer of what is wrong.
    pub(super) fn whole(&self) -> String {
        match &self.name {
            Some(name) => child(&self.pointer, name),
            None => self.pointer.clone(),
        }
    }
}

/// The first bound that a value crosses; an error where that cannot be evaluated.
pub(super) fn crossed(validator: &Validator, value: &Value) -> Option<Result<Crossed, String>> {
    if validator.is_valid(value) {
        return None;
    }
    let mut errors = validator.iter_errors(value);
    if let Some(fault) = errors.find_map(|error| fault(&error)) {
        return Some(Err(fault));
    }
    let error = validator.iter_errors(value).next()?;
    let mut told = Vec::new();
    tell(&error, &mut told);
    let name = match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => unexpected.first().cloned(),
        ValidationErrorKind::Required { property } => property.as_str().map(str::to_owned),
        _ => None,
    };
    let keyword = error.schema_path().as_str().split('/').skip(1);
    Some(Ok(Crossed {
        keyword: keyword
            .map(|token| token.replace("~1", "/").replace("~0", "~"))
            .collect(),
        pointer: error.instance_path().as_str().to_owned(),
        name,
        sentence: told.into_iter().next()?.sentence,
    }))
}

/// Judges a value by a compiled schema.
pub(super) fn judge(validator: &Validator, value: &Value) -> Judgement {
    if validator.is_valid(value) {
        return Judgement::Inside;
    }
    let mut violations = Vec::new();
    for error in validator.iter_errors(value) {
        if let Some(fault) = fault(&error) {
            return Judgement::Fault(fault);
        }
        if violations.len() < VIOLATIONS_COUNT {
            tell(&error, &mut violations);
        }
    }
    violations.sort();
    violations.dedup();
    violations.truncate(VIOLATIONS_COUNT);
    Judgement::Beyond(violations)
}

/// Whether a value fits a compiled schema; an error where that could not be evaluated.
pub(super) fn matches(validator: &Validator, value: &Value) -> Result<bool, String> {
    if validator.is_valid(value) {
        return Ok(true);
    }
    match validator.iter_errors(value).find_map(|error| fault(&error)) {
        Some(fault) => Err(fault),
        None => Ok(false),
    }
}

/// Whether the evaluation itself failed; looked for under `anyOf` and its like as well.
fn fault(error: &ValidationError<'_>) -> Option<String> {
    match error.kind() {
        ValidationErrorKind::BacktrackLimitExceeded { .. }
        | ValidationErrorKind::RegexEngineFailure { .. } => Some(format!(
            "the pattern at {} could not be evaluated",
            brief(error.schema_path().as_str())
        )),
        ValidationErrorKind::Referencing(_) => Some(format!(
            "the reference at {} could not be followed",
            brief(error.schema_path().as_str())
        )),
        ValidationErrorKind::AnyOf { context }
        | ValidationErrorKind::OneOfNotValid { context }
        | ValidationErrorKind::OneOfMultipleValid { context } => {
            context.iter().flatten().find_map(fault)
        }
        ValidationErrorKind::PropertyNames { error } => fault(error),
        _ => None,
    }
}

fn tell(error: &ValidationError<'_>, violations: &mut Vec<Violation>) {
    use ValidationErrorKind as Kind;
    let at = error.instance_path().as_str();
    let mut say = |pointer: &str, what: String| {
        let pointer = brief(pointer);
        let sentence = match pointer.as_str() {
            "" => format!("the argument object {what}"),
            pointer => format!("{pointer} {what}"),
        };
        violations.push(Violation { pointer, sentence });
    };
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            for name in unexpected.iter().take(VIOLATIONS_COUNT) {
                say(
                    &child(at, name),
                    "is not an argument the scope names".to_owned(),
                );
            }
        }
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            say(&child(at, name), "is missing".to_owned());
        }
        kind => say(at, sentence(kind)),
    }
}

fn sentence(kind: &ValidationErrorKind) -> String {
    use ValidationErrorKind as Kind;
    match kind {
        Kind::Maximum { limit } => format!("is above {}", spelt(limit)),
        Kind::Minimum { limit } => format!("is below {}", spelt(limit)),
        Kind::ExclusiveMaximum { limit } => format!("is not below {}", spelt(limit)),
        Kind::ExclusiveMinimum { limit } => format!("is not above {}", spelt(limit)),
        Kind::MultipleOf { multiple_of } => format!("is not a multiple of {}", spelt(multiple_of)),
        Kind::MaxLength { limit } => format!("is longer than {limit} characters"),
        Kind::MinLength { limit } => format!("is shorter than {limit} characters"),
        Kind::MaxItems { limit } => format!("has more than {limit} items"),
        Kind::MinItems { limit } => format!("has fewer than {limit} items"),
        Kind::MaxProperties { limit } => format!("has more than {limit} members"),
        Kind::MinProperties { limit } => format!("has fewer than {limit} members"),
        Kind::UniqueItems => "has an item twice".to_owned(),
        Kind::Constant { expected_value } => format!("is not {}", spelt(expected_value)),
        Kind::Enum { options } => format!("is none of {}", spelt(options)),
        Kind::Pattern { pattern } => format!("does not match the pattern `{}`", brief(pattern)),
        Kind::Format { format } => format!("is not of the format `{}`", brief(format)),
        Kind::Type { kind } => format!("is not {}", typed(kind)),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => "fits none of the cases".to_owned(),
        Kind::OneOfMultipleValid { .. } => "fits more than one of the cases".to_owned(),
        Kind::Not { .. } => "is what the schema excludes".to_owned(),
        Kind::PropertyNames { .. } => "has a name that is not allowed".to_owned(),
        Kind::AdditionalItems { .. } | Kind::UnevaluatedItems { .. } => {
            "has more items than are named".to_owned()
        }
        Kind::Custom { message, .. } => message.clone(),
        _ => "does not fit the schema".to_owned(),
    }
}

fn typed(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(single) => format!("of the type {single}"),
        TypeKind::Multiple(set) => {
            let names: Vec<String> = set.iter().map(|single| single.to_string()).collect();
            format!("of the type {}", names.join(" or "))
        }
    }
}

/// A bound as the schema writes it; schemas of tools may be long and hostile.
fn spelt(value: &Value) -> String {
    brief(&value.to_string())
}

fn child(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}
