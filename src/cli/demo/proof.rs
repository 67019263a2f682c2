//! The end of the demo: the record verified on disk, and held against what the servers wrote down.

use serde_json::Value;

use super::super::audit::{self, Pages};
use super::super::failure::Failure;
use super::stage::Stage;
use super::tally::Tally;
use super::tools::Journal;
use crate::model::json;
use crate::store::anchor::{self, Anchor};

/// What can be said once everything has ended.
pub(super) struct Proof {
    /// The summary for programs.
    pub(super) counts: Value,
    /// How the verification ended, in a sentence.
    pub(super) verification: String,
    /// What the servers' own account says beside the record's.
    pub(super) effects: String,
    /// Whether the record verifies and tells of exactly the calls that ran.
    pub(super) holds: bool,
}

/// Reads everything anew, from the files that the guard left.
pub(super) fn prove(stage: &Stage) -> Result<Proof, Failure> {
    let data = stage.data();
    let because = |error: &dyn std::error::Error| Failure::because(error);
    let anchors = Anchor::read(&data.join(anchor::FILE)).map_err(|error| because(&error))?;
    let outside = audit::Outside {
        anchors: Some(&anchors),
        witnesses: None,
    };
    let report = audit::verify_record(&data, None, outside, None)?;
    let mut tally = Tally::default();
    for entry in Pages::new(&audit::open(&data)?, 1) {
        tally.note(&json::parse(&entry?.body).map_err(|error| because(&error))?);
    }
    let executed = Journal::within(&stage.things()).count()?;
    let agree = match executed == tally.done {
        true => "the record tells of exactly these",
        false => "the record tells of another number",
    };
    Ok(Proof {
        counts: tally.to_value(executed, report.ok()),
        verification: format!("audit verify: {report}"),
        effects: format!("The servers' own journal counts {executed} executed calls; {agree}."),
        holds: report.ok() && executed == tally.done,
    })
}
