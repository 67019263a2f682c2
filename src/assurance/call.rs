//! A call as the model sees it: its tool, and what scope and history know of it.

use super::tool::Tool;
use crate::model::decimal::Decimal;
use crate::model::digest::Digest;

/// One call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call<'a> {
    /// What is called.
    pub tool: Tool<'a>,
    /// Everything that reaches the upstream: an approval is of exactly this.
    pub digest: Digest,
    /// What it would move; none where there is no amount, or none that can be read.
    pub amount: Option<&'a Decimal>,
    /// What this call and those of the last 24 hours would move together.
    pub day: Option<&'a Decimal>,
    /// Whether the scope declares the tool.
    pub declared: Declared,
    /// Whether the agent has used it before.
    pub used: bool,
    /// The highest rank that the session has used.
    pub highest: u8,
    /// Whether the request proves the session's key.
    pub authentic: bool,
}

/// Whether a scope declares a tool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Declared {
    /// It does.
    Yes,
    /// It does not, and a person may be asked.
    Askable,
    /// It does not, and nobody is asked.
    No,
}
