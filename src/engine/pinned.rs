//! What people accepted of what a server presents: seen is not accepted.

use super::combine::stricter;
use super::facts::{PinStanding, Pinned};
use super::matching::Matched;
use crate::model::call::Call;
use crate::model::decision::{Cause, Step};
use crate::model::reason::Reason;
use crate::scopes::ChangedTool;

/// Whether server and target are what people accepted: why the call needs a person, if they are not.
pub(super) fn accepted(
    call: &Call,
    matched: &Matched<'_>,
    pinned: Pinned,
    steps: &mut Vec<Step>,
) -> Result<Vec<Cause>, Cause> {
    let server = call.target.server.as_str();
    let target = call.target.to_string();
    let mut causes = Vec::new();
    let mut refusal = None;
    for (what, standing) in [(server, pinned.server), (&target, pinned.target)] {
        match standing {
            PinStanding::Accepted => continue,
            PinStanding::Unaccepted => causes.push(Cause::new(
                Reason::ToolUnaccepted,
                format!("nobody has accepted {what} as it is presented"),
            )),
            PinStanding::Changed => {
                let sentence = format!("{what} is not presented as it was accepted");
                let cause = Cause::new(Reason::ToolChanged, sentence);
                match matched.scope.changed_tool {
                    ChangedTool::Pause => causes.push(cause),
                    ChangedTool::Deny => refusal = stricter(refusal, Some(cause)),
                }
            }
            PinStanding::Refused => {
                let sentence = format!("an operator refused {what} as it is presented");
                let cause = Cause::new(Reason::ToolRefused, sentence);
                refusal = stricter(refusal, Some(cause));
            }
        }
        steps.push(Step::Unaccepted {
            is_server: what == server,
        });
    }
    refusal.map_or(Ok(causes), Err)
}
