//! What clients and operators asked for and what they were told, kept outside the guard.

use std::collections::{HashMap, HashSet};

/// One nonce, from the side of the client that minted it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Whether the call is inside the scope.
    pub(crate) in_scope: bool,
    /// How often it was asked.
    pub(crate) asks: usize,
    /// How many asks were answered with the word that nothing was executed.
    pub(crate) refusals: usize,
    /// How many executions the client was told of.
    pub(crate) ran: usize,
    /// The calls among them that had a name; a repeated answer has the same.
    pub(crate) ran_calls: HashSet<String>,
}

/// What an operator meant by a decision.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    /// The approval that was approved.
    pub(crate) approval: String,
    /// For how many uses.
    pub(crate) uses: usize,
}

/// Everything that somebody was told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// How many answers agents had.
    pub(crate) answers: u64,
    /// By nonce.
    pub(crate) asked: HashMap<String, Asked>,
    /// Calls whose decision somebody was told of.
    pub(crate) calls: HashSet<String>,
    /// Approvals that an agent was told to wait for.
    pub(crate) holds: HashSet<String>,
    /// By nonce: at most one approval of each is ever approved.
    pub(crate) granted: HashMap<String, Granted>,
    /// Approvals and how they ended, as acknowledged to an operator.
    pub(crate) resolved: HashSet<(String, &'static str)>,
}
