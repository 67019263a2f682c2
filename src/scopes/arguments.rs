//! Rules over arguments, compiled: what an allow admits, and what a forbid applies to.

use std::fmt;

use jsonschema::Validator;
use serde_json::Value;

use super::close::close;
use super::fault::Faults;
use super::judgement::{self, Judgement};
use super::keyword::{Lean, manifest_options};
use super::yaml::Node;

/// What the arguments of an allowed call must be: a closed world.
///
/// Inside are exactly the arguments the manifest describes; an absent, mistyped or unnamed one is
/// beyond. A rule without `arguments` has none of these and accepts what the tool's own schema accepts.
pub struct ArgumentRule {
    validator: Validator,
    schema: Value,
}

impl ArgumentRule {
    /// Judges a call's arguments.
    #[must_use]
    pub fn judge(&self, arguments: &Value) -> Judgement {
        judgement::judge(&self.validator, arguments)
    }

    /// The closed schema that is judged by, for explanations.
    #[must_use]
    pub const fn schema(&self) -> &Value {
        &self.schema
    }

    pub(super) fn compile(node: &Node, faults: &mut Faults) -> Option<Self> {
        let schema = close(node, Lean::Strict, faults)?;
        let validator = build(&schema, node, faults)?;
        Some(Self { validator, schema })
    }
}

impl fmt::Debug for ArgumentRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArgumentRule({})", self.schema)
    }
}

/// Which arguments a forbid applies to; in doubt, it applies.
pub(super) struct ForbiddenArguments {
    validator: Validator,
    schema: Value,
}

impl ForbiddenArguments {
    /// Whether it applies; an error where that could not be evaluated.
    pub(super) fn applies(&self, arguments: &Value) -> Result<bool, String> {
        judgement::matches(&self.validator, arguments)
    }

    pub(super) fn compile(node: &Node, faults: &mut Faults) -> Option<Self> {
        let schema = close(node, Lean::Loose, faults)?;
        let validator = build(&schema, node, faults)?;
        Some(Self { validator, schema })
    }
}

impl fmt::Debug for ForbiddenArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForbiddenArguments({})", self.schema)
    }
}

fn build(schema: &Value, node: &Node, faults: &mut Faults) -> Option<Validator> {
    match manifest_options().build(schema) {
        Ok(validator) => Some(validator),
        Err(error) => {
            faults.add(
                &node.at,
                format!("the schema does not compile at {}", error.schema_path()),
                "correct it as JSON Schema 2020-12",
            );
            None
        }
    }
}
