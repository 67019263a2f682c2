//! A tool's own input schema, as its server declares it: open where JSON Schema is open, and hostile
//! until shown otherwise.
//!
//! It only ever refuses; what a scope allows is the manifest's matter. Nothing it refers to is fetched,
//! its patterns take linear time, and its size, depth and the work of judging by it are bounded.

use std::fmt;

use jsonschema::Validator;
use serde_json::Value;

use super::judgement::{self, Judgement};
use super::keyword::hostile_options;
use super::visits;
use crate::limits::{SCHEMA_BYTES, SCHEMA_DEPTH_LEVELS, SCHEMA_SUBSCHEMAS_COUNT};
use crate::model::json;

/// The compiled input schema of a tool.
pub struct ToolSchema {
    validator: Validator,
}

/// Why a tool's schema was refused; the tool is then not presented.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SchemaFault {
    /// More bytes than a schema may have.
    #[error("the schema has {bytes} bytes, more than {SCHEMA_BYTES}")]
    TooLarge {
        /// Its size in canonical form.
        bytes: usize,
    },
    /// Nested too deeply, or of too many parts.
    #[error(
        "the schema is deeper than {SCHEMA_DEPTH_LEVELS} levels or has more than {SCHEMA_SUBSCHEMAS_COUNT} parts"
    )]
    TooComplex,
    /// Judging by it could take unbounded work.
    #[error("the schema would visit one value without bound: {0}")]
    Unbounded(String),
    /// A reference to something outside the schema, or of a kind that is not followed.
    #[error("the schema refers to what it does not hold: {0}")]
    Reference(String),
    /// No schema of its draft, or a pattern the linear engine cannot express.
    #[error("the schema does not compile: {0}")]
    Invalid(String),
}

impl ToolSchema {
    /// Compiles a schema by the draft its `$schema` names, or 2020-12.
    ///
    /// # Errors
    /// [`SchemaFault`] says why the schema is not used.
    pub fn compile(schema: &Value) -> Result<Self, SchemaFault> {
        let bytes = json::canonical(schema).len();
        if bytes > SCHEMA_BYTES {
            return Err(SchemaFault::TooLarge { bytes });
        }
        visits::bound(schema)?;
        let validator = hostile_options()
            .build(schema)
            .map_err(|error| SchemaFault::Invalid(format!("at {}", error.schema_path())))?;
        Ok(Self { validator })
    }

    /// Judges a call's arguments; what is beyond a tool's own schema is invalid, not a matter for a
    /// person.
    #[must_use]
    pub fn judge(&self, arguments: &Value) -> Judgement {
        judgement::judge(&self.validator, arguments)
    }
}

impl fmt::Debug for ToolSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToolSchema(…)")
    }
}
