//! Faults planted on purpose, each breaking one promise: they show that the invariants bite.

use countersign::model::approval::ApprovalState;
use countersign::model::outcome::Outcome;
use countersign::model::session::{AgentState, EndCause, SessionState};
use countersign::store::{Change, Commit, Memory, Recorded, SharedStore, Store, StoreError};

/// What is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// A permit is acknowledged that was written to another record.
    SkipTheRecord,
    /// An act of a person is acknowledged that was written to another record.
    SkipAnAct,
    /// A grant that was used is not used up.
    ReuseAGrant,
    /// The edge sends the call before the guard has decided.
    ForwardBeforeCommit,
    /// A session or agent that was stopped goes on.
    ForgetAStop,
    /// What a person refused stays open.
    ForgetARefusal,
    /// What a call spends is not counted.
    ForgetABudget,
    /// A call that was sent is settled as never sent.
    DenyAnExecution,
    /// A session forgets what it heard.
    ForgetATaint,
    /// A session is opened as if its credential had no other.
    ForgetAnotherSession,
    /// Nobody knows that nobody knows what became of a call.
    ForgetADoubt,
    /// One approval is enough.
    ForgetAQuorum,
}

impl Fault {
    pub(crate) const ALL: [Self; 12] = [
        Self::SkipTheRecord,
        Self::SkipAnAct,
        Self::ReuseAGrant,
        Self::ForwardBeforeCommit,
        Self::ForgetAStop,
        Self::ForgetARefusal,
        Self::ForgetABudget,
        Self::DenyAnExecution,
        Self::ForgetATaint,
        Self::ForgetAnotherSession,
        Self::ForgetADoubt,
        Self::ForgetAQuorum,
    ];

    /// The invariants of which one must notice it.
    pub(crate) const fn noticed_by(self) -> &'static [&'static str] {
        match self {
            Self::SkipTheRecord => &[
                "invariant_every_dispatch_was_recorded_before",
                "invariant_what_was_answered_is_recorded",
            ],
            Self::ForwardBeforeCommit => &["invariant_every_dispatch_was_recorded_before"],
            Self::SkipAnAct => &["invariant_what_was_acknowledged_is_recorded"],
            Self::ReuseAGrant => &["invariant_no_grant_runs_more_often_than_it_may"],
            Self::ForgetAStop => &[
                "invariant_nothing_runs_after_its_stop_was_acknowledged",
                "invariant_a_new_session_is_never_kinder",
            ],
            Self::ForgetARefusal => &["invariant_what_ended_never_runs"],
            Self::ForgetABudget => &["invariant_no_budget_overshoots"],
            Self::DenyAnExecution => &["invariant_outcomes_are_single_and_true"],
            Self::ForgetATaint => &["invariant_taint_stays_until_its_session_ends"],
            Self::ForgetAnotherSession => &["invariant_a_new_session_is_never_kinder"],
            Self::ForgetADoubt => &["invariant_nothing_follows_an_unknown_outcome_unasked"],
            Self::ForgetAQuorum => &["invariant_no_grant_is_left_without_its_quorum"],
        }
    }
}

/// A fault, with the other record that some need.
pub(crate) struct Planted {
    pub(crate) fault: Fault,
    pub(crate) aside: Memory,
}

impl Planted {
    /// Commits as the fault would.
    pub(crate) async fn commit(
        &self,
        store: &SharedStore,
        mut commit: Commit,
    ) -> Result<Recorded, StoreError> {
        let body = &commit.entry.body;
        let elsewhere = match self.fault {
            Fault::SkipTheRecord => body.get("decision").is_some_and(|is| is == "permit"),
            Fault::SkipAnAct => body.contains_key("by") && body.contains_key("state"),
            _ => false,
        };
        if elsewhere {
            commit.changes.clear();
            commit.expects = None;
            return self.aside.commit(commit).await;
        }
        commit.changes.retain(|change| !self.forgets(change));
        self.bend(&mut commit);
        store.commit(commit).await
    }

    /// What is written otherwise than it was asked.
    fn bend(&self, commit: &mut Commit) {
        for change in &mut commit.changes {
            match (self.fault, change) {
                (Fault::ForgetAnotherSession, Change::OpenSession(session)) => {
                    session.taint = None;
                    commit.entry.body.shift_remove("taint");
                }
                (Fault::ForgetADoubt, Change::End(_, outcome)) if *outcome == Outcome::Unknown => {
                    *outcome = Outcome::Failed;
                }
                (Fault::ForgetAQuorum, Change::OpenApproval(approval)) => {
                    approval.rule.stages.truncate(1);
                    approval.rule.stages[0].approve = 1;
                }
                _ => {}
            }
        }
    }

    fn forgets(&self, change: &Change) -> bool {
        match change {
            Change::UseGrant(..) => self.fault == Fault::ReuseAGrant,
            Change::SetSession(
                _,
                SessionState::Paused | SessionState::Ended(EndCause::Revoked),
            )
            | Change::SetAgent(_, AgentState::Paused | AgentState::Revoked) => {
                self.fault == Fault::ForgetAStop
            }
            Change::Vote {
                state: ApprovalState::Denied { .. },
                ..
            } => self.fault == Fault::ForgetARefusal,
            Change::Spend(..) => self.fault == Fault::ForgetABudget,
            Change::Taint(..) => self.fault == Fault::ForgetATaint,
            _ => false,
        }
    }
}
