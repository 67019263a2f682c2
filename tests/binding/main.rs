//! What an approval binds: every way a held call can come back changed, late, twice or from somebody
//! else, over every way an agent can reach the guard.
//!
//! The rows are written once, in `rows`; each is a test of its own on each edge. The guard is whole: its
//! record is a file, its listeners are sockets, the upstream is a server with a ledger of what it got.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod code;
mod edge;
mod edges;
#[path = "../guarded/mod.rs"]
mod guarded;
mod house;
mod revocation;
mod rows;

/// One module for each edge, with one test for each row.
macro_rules! matrix {
    ($($edge:ident: $agent:ty, [$($row:ident)*];)*) => {$(
        mod $edge {
            $(
                #[tokio::test]
                async fn $row() {
                    super::rows::$row::<$agent>().await;
                }
            )*
        }
    )*};
}

/// The rows that make sense on every edge, and those that only some can reach.
macro_rules! everywhere {
    ($($edge:ident: $agent:ty, [$($more:ident)*];)*) => {
        matrix! {$(
            $edge: $agent, [
                the_same_call_resumes_and_runs_once
                a_changed_argument_is_refused
                the_same_number_in_other_digits_is_refused
                another_tool_with_the_same_arguments_is_refused
                a_changed_tool_definition_is_refused
                a_changed_manifest_is_refused
                an_approval_that_nobody_gave_in_time_is_refused
                an_approval_that_was_not_used_in_time_is_refused
                another_agents_same_call_is_refused
                another_key_of_the_same_agent_is_refused
                another_mode_is_refused
                a_replay_is_refused
                the_same_call_many_times_at_once_runs_once
                a_call_that_a_person_denied_stays_denied
                an_approval_after_a_disconnect_is_collected_by_the_re_attached_call
                a_restart_between_hold_and_approval_loses_nothing
                a_restart_between_approval_and_use_loses_nothing
                of_two_approvers_at_once_one_decides
                a_held_call_of_a_revoked_session_never_runs
                an_approved_call_of_a_revoked_session_never_runs
                an_approved_call_of_a_revoked_key_never_runs
                $($more)*
            ]
        ;)*}
    };
}

everywhere! {
    http: crate::edges::http::Http, [another_session_is_refused];
    legacy: crate::edges::legacy::Legacy, [another_session_is_refused];
    modern: crate::edges::modern::Rounds, [another_session_is_refused];
    tasks: crate::edges::modern::Tasks, [another_session_is_refused];
    stdio: crate::edges::stdio::Stdio, [];
}
