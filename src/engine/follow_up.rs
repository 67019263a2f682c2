//! Answers to what an upstream asked: they go on with an earlier call, and are judged like one.

use super::matching::Matched;
use crate::model::call::Call;
use crate::model::decision::Cause;
use crate::model::reason::Reason;
use crate::model::target::TargetKind;

/// Why a person is asked about an answer: above `read` each is, unless the manifest says otherwise.
pub(super) fn asked(call: &Call, matched: &Matched<'_>) -> Option<Cause> {
    if !call.is_follow_up() {
        return None;
    }
    let is_held = match call.target.kind {
        // Which of the server's calls it goes on with, only the server could say.
        TargetKind::Method => matched.scope.holds_answers_to(&call.target.server),
        TargetKind::Tool | TargetKind::Resource | TargetKind::Prompt => {
            matched.rules.iter().any(|(_, rule)| rule.holds_answers())
        }
    };
    is_held.then(|| {
        let sentence = format!(
            "an answer to a question of {} may go on with a call above `read`",
            call.target.server
        );
        Cause::new(Reason::FollowUp, sentence)
    })
}
