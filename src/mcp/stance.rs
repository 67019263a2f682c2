//! What the guard does with every method of the protocol, per era and direction; silence refuses.

use super::dialect::Era;
use crate::model::target::TargetKind;

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stance {
    /// Opens the relation with the upstream; passed, and the answer told to the guard.
    Open,
    /// Passed, and the answer passed back.
    Pass,
    /// Passed; what the agent may not see is taken out of the list that comes back.
    Filtered(TargetKind),
    /// Passed; templates that nobody accepted are taken out of the list that comes back.
    Templates,
    /// Answered from the guard's own snapshot; told of by an upstream, the snapshot is taken anew.
    Listed,
    /// A call on a target that `params` names.
    Call(TargetKind),
    /// A call on the method itself: the scope must declare the method.
    Method,
    /// About one of the agent's own tasks.
    Task,
    /// Withdraws a request that is in flight.
    Cancel,
    /// Answered by the guard alone.
    Answered,
    /// Passed only if the scope declares the method.
    Declared,
    /// Not passed, unless the scope names the method.
    Refused,
}

/// Which way a message goes, and whether it wants an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Course {
    /// A request of the agent.
    AgentRequest,
    /// A notification of the agent.
    AgentNotification,
    /// A request of the upstream.
    UpstreamRequest,
    /// A notification of the upstream.
    UpstreamNotification,
}

/// The stance on a method; [`Stance::Refused`] for every method the table does not name.
#[must_use]
pub(super) fn of(era: Era, course: Course, method: &str) -> Stance {
    TABLE
        .iter()
        .find(|row| row.course == course && row.method == method && row.eras.has(era))
        .map_or(Stance::Refused, |row| row.stance)
}

struct Row {
    method: &'static str,
    eras: Eras,
    course: Course,
    stance: Stance,
}

#[derive(Clone, Copy)]
enum Eras {
    Both,
    Legacy,
    Modern,
}

impl Eras {
    const fn has(self, era: Era) -> bool {
        matches!(
            (self, era),
            (Self::Both, _) | (Self::Legacy, Era::Legacy) | (Self::Modern, Era::Modern)
        )
    }
}

macro_rules! table {
    ($($course:ident: { $($method:literal $eras:ident => $stance:expr;)* })*) => {
        &[$($(Row {
            method: $method,
            eras: Eras::$eras,
            course: Course::$course,
            stance: $stance,
        },)*)*]
    };
}

const TABLE: &[Row] = table! {
    AgentRequest: {
        "initialize" Legacy => Stance::Open;
        "server/discover" Modern => Stance::Open;
        "ping" Legacy => Stance::Pass;
        "logging/setLevel" Legacy => Stance::Pass;
        "tools/list" Both => Stance::Listed;
        "tools/call" Both => Stance::Call(TargetKind::Tool);
        "resources/list" Both => Stance::Filtered(TargetKind::Resource);
        // What a template makes is judged when it is read; its own words must be accepted before.
        "resources/templates/list" Both => Stance::Templates;
        "resources/read" Both => Stance::Call(TargetKind::Resource);
        "resources/subscribe" Legacy => Stance::Call(TargetKind::Resource);
        // It only ends what was permitted before.
        "resources/unsubscribe" Legacy => Stance::Pass;
        "prompts/list" Both => Stance::Filtered(TargetKind::Prompt);
        "prompts/get" Both => Stance::Call(TargetKind::Prompt);
        "completion/complete" Both => Stance::Method;
        "subscriptions/listen" Modern => Stance::Pass;
        "tasks/get" Both => Stance::Task;
        "tasks/result" Legacy => Stance::Task;
        "tasks/cancel" Both => Stance::Task;
        // It carries answers, and answers are arguments.
        "tasks/update" Modern => Stance::Method;
        // It would name the tasks of whoever shares the guard's credential upstream.
        "tasks/list" Legacy => Stance::Refused;
    }
    AgentNotification: {
        "notifications/initialized" Legacy => Stance::Pass;
        "notifications/cancelled" Both => Stance::Cancel;
        "notifications/progress" Legacy => Stance::Pass;
        "notifications/roots/list_changed" Legacy => Stance::Pass;
        // The agent runs no tasks for the upstream.
        "notifications/tasks/status" Legacy => Stance::Refused;
    }
    UpstreamRequest: {
        "ping" Legacy => Stance::Answered;
        "sampling/createMessage" Both => Stance::Declared;
        "elicitation/create" Both => Stance::Declared;
        // Where the manifest lists roots, the guard answers with them.
        "roots/list" Both => Stance::Declared;
        // The agent runs no tasks for the upstream.
        "tasks/get" Legacy => Stance::Refused;
        "tasks/result" Legacy => Stance::Refused;
        "tasks/cancel" Legacy => Stance::Refused;
        "tasks/list" Legacy => Stance::Refused;
    }
    UpstreamNotification: {
        "notifications/cancelled" Both => Stance::Cancel;
        "notifications/progress" Both => Stance::Pass;
        "notifications/message" Both => Stance::Pass;
        "notifications/tools/list_changed" Both => Stance::Listed;
        "notifications/resources/list_changed" Both => Stance::Listed;
        "notifications/resources/updated" Both => Stance::Pass;
        "notifications/prompts/list_changed" Both => Stance::Listed;
        "notifications/subscriptions/acknowledged" Modern => Stance::Pass;
        "notifications/tasks/status" Legacy => Stance::Task;
        "notifications/tasks" Modern => Stance::Task;
        // A dialogue by URL has ended: the agent finds that out when it repeats its call.
        "notifications/elicitation/complete" Legacy => Stance::Refused;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_in_both_schemas_has_a_stance_per_direction() {
        let listed = include_str!("../../tests/matrix/mcp-methods.txt");
        let mut seen = 0;
        for line in listed.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            let (Some(era), Some(course), Some(method)) =
                (words.next(), words.next(), words.next())
            else {
                panic!("not a row: {line}");
            };
            let era = match era {
                "2025-11-25" => Era::Legacy,
                "2026-07-28" => Era::Modern,
                other => panic!("not a revision: {other}"),
            };
            let course = match course {
                "agent-request" => Course::AgentRequest,
                "agent-notification" => Course::AgentNotification,
                "upstream-request" => Course::UpstreamRequest,
                "upstream-notification" => Course::UpstreamNotification,
                other => panic!("not a direction: {other}"),
            };
            let named = TABLE
                .iter()
                .any(|row| row.course == course && row.method == method && row.eras.has(era));
            assert!(named, "no row says what becomes of {line}");
            seen += 1;
        }
        assert_eq!(
            seen, 61,
            "the list of methods is not the one this table was made for"
        );
    }

    #[test]
    fn a_method_nobody_named_is_refused_in_both_directions() {
        for course in [
            Course::AgentRequest,
            Course::AgentNotification,
            Course::UpstreamRequest,
            Course::UpstreamNotification,
        ] {
            assert_eq!(of(Era::Legacy, course, "skills/run"), Stance::Refused);
            assert_eq!(of(Era::Modern, course, "Tools/Call"), Stance::Refused);
        }
    }
}
