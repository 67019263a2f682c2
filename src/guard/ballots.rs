//! Whose votes count: each person's once, and none of anybody whom the request concerns.

use super::approvals::{Resolution, ResolveError, Vote, decided};
use super::{Guard, entries, patterns};
use crate::audit::entry::EntryKind;
use crate::limits::{GRANT_LIFE, GRANT_USES_COUNT};
use crate::model::approval::Approval;
use crate::model::approver::Approver;
use crate::model::ballot::{Ballot, Choice};
use crate::model::credential::Operator;
use crate::model::id::ApprovalId;
use crate::model::name::OperatorName;
use crate::model::quorum::Bar;
use crate::model::role::Right;
use crate::model::time::Timestamp;
use crate::store::{Change, StoreError, Sync};

/// How one person stands to an approval.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// What keeps them from voting, if anything does.
    pub bar: Option<Bar>,
    /// In whose stead they would vote, where it is not by their own groups.
    pub lender: Option<OperatorName>,
    /// Whether the request concerns themselves, and they may vote as the only person there is.
    pub own: bool,
    /// The vote of theirs that counts.
    pub vote: Option<Ballot>,
}

impl Part {
    /// Whether they may vote now.
    #[must_use]
    pub const fn may_vote(&self) -> bool {
        self.bar.is_none() && self.vote.is_none()
    }
}

impl Guard {
    /// How an operator stands to an approval.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn part(&self, approval: &Approval, operator: &Operator) -> Result<Part, StoreError> {
        let bar = approval.bars(&Approver::from(operator));
        let concerns = matches!(bar, Some(Bar::Owner | Bar::User));
        let own = concerns && approval.rule.self_approval && self.is_alone(operator).await?;
        let lender = match bar {
            Some(Bar::Group) => self.lender(approval, operator).await?,
            _ => None,
        };
        Ok(Part {
            bar: bar.filter(|_| !own && lender.is_none()),
            lender,
            own,
            vote: approval.vote_of(&operator.name).cloned(),
        })
    }

    /// Somebody in whose stead an operator may vote now: who lent them their groups, is there, may vote
    /// themselves and has not. Whoever the request concerns votes in nobody's stead.
    async fn lender(
        &self,
        approval: &Approval,
        operator: &Operator,
    ) -> Result<Option<OperatorName>, StoreError> {
        let user = approval.principal.on_behalf_of.as_ref();
        let deputy = Approver::from(operator);
        if approval.rule.excludes(&deputy, user).is_some() {
            return Ok(None);
        }
        let now = self.ambient.now();
        let delegations = self.store.delegations().await?;
        let own = delegations
            .into_iter()
            .filter(|one| one.deputy == operator.name);
        for delegation in own.filter(|one| one.is_live(now)) {
            let lender = self.store.operator(&delegation.lender).await?;
            let may = lender.is_some_and(|lender| {
                lender.may(Right::Decide)
                    && approval.bars(&Approver::from(&lender)).is_none()
                    && approval.vote_of(&lender.name).is_none()
            });
            if may && self.can_prove(&delegation.lender).await? {
                return Ok(Some(delegation.lender));
            }
        }
        Ok(None)
    }

    /// Takes back an operator's vote in the stage that is open.
    ///
    /// # Errors
    /// [`ResolveError`]; nothing is changed then.
    pub async fn withdraw_vote(
        &self,
        operator: &Operator,
        id: ApprovalId,
        version: u32,
    ) -> Result<Approval, ResolveError> {
        self.keep_time().await?;
        let now = self.ambient.now();
        let approval = self.votable(id).await?;
        if !approval.is_open(now) {
            return Err(decided(&approval, now));
        }
        let stage = approval.stage().map(|(at, _)| at);
        let mut votes = approval.ballots.iter();
        let ballot = votes
            .find(|one| one.person == operator.name && Some(one.stage) == stage)
            .ok_or(ResolveError::NoVote)?;
        if approval.version != version {
            return Err(ResolveError::Stale {
                version: approval.version,
            });
        }
        match self.take_back(&approval, ballot, "vote-withdrawn").await {
            Ok(()) => {}
            Err(StoreError::Moved) => return Err(self.overtaken(id, now).await?),
            Err(fault) => return Err(fault.into()),
        }
        // Sent again, an earlier decision of theirs is a new one.
        self.votes
            .lock()
            .retain(|(of, by, _), _| *of != id || *by != operator.name);
        self.store.approval(id).await?.ok_or(ResolveError::Missing)
    }

    /// The approval without the votes of people who were removed, left the group they voted for, or voted
    /// by what was lent to them and is not any more: what they said may not help to a grant.
    pub(super) async fn votable(&self, id: ApprovalId) -> Result<Approval, ResolveError> {
        let approval = self.store.approval(id).await?;
        let approval = approval.ok_or(ResolveError::Missing)?;
        if !approval.is_open(self.ambient.now()) {
            return Ok(approval);
        }
        let mut kept = approval;
        for ballot in kept.ballots.clone() {
            if self.still_counts(&kept, &ballot).await? {
                continue;
            }
            match self.take_back(&kept, &ballot, "vote-struck").await {
                // Where it moved, another saw to it, and whoever decides now is told that it changed.
                Ok(()) | Err(StoreError::Moved) => {}
                Err(fault) => return Err(fault.into()),
            }
            let left = self.store.approval(id).await?;
            kept = left.ok_or(ResolveError::Missing)?;
        }
        Ok(kept)
    }

    /// Whether a vote still stands on somebody of the groups it was given for.
    async fn still_counts(&self, approval: &Approval, ballot: &Ballot) -> Result<bool, StoreError> {
        // A namesake who came later has not voted.
        let there = |one: &Operator| one.may(Right::Decide) && one.added <= ballot.at;
        let person = self.store.operator(&ballot.person).await?.filter(there);
        let voice = match &ballot.lender {
            None => person,
            Some(lender) => {
                let now = self.ambient.now();
                let delegations = self.store.delegations().await?;
                let is_lent = delegations.iter().any(|one| {
                    one.lender == *lender && one.deputy == ballot.person && one.is_live(now)
                });
                let lender = self.store.operator(lender).await?.filter(there);
                lender.filter(|_| is_lent && person.is_some())
            }
        };
        let stage = approval.rule.stages.get(ballot.stage);
        Ok(match (voice, stage) {
            (Some(voice), Some(stage)) => Approver::from(&voice).is_of(&stage.any_of),
            _ => false,
        })
    }

    /// The vote as it is counted, if it is.
    pub(super) async fn ballot(
        &self,
        approval: &Approval,
        operator: &Operator,
        vote: &Vote,
        now: Timestamp,
    ) -> Result<Ballot, ResolveError> {
        if !approval.is_open(now) {
            return Err(decided(approval, now));
        }
        let part = self.part(approval, operator).await?;
        if let Some(earlier) = part.vote {
            return Err(ResolveError::Voted {
                by: earlier.person,
                at: earlier.at,
                vote: earlier.choice.name(),
            });
        }
        if let Some(bar) = part.bar {
            return Err(ResolveError::NotEligible(bar));
        }
        if approval.version != vote.version {
            return Err(ResolveError::Stale {
                version: approval.version,
            });
        }
        let (stage, _) = approval
            .stage()
            .ok_or(ResolveError::NotEligible(Bar::Group))?;
        Ok(Ballot {
            stage,
            person: operator.name.clone(),
            lender: part.lender,
            at: now,
            own: part.own,
            choice: choice(approval, &vote.decision)?,
        })
    }

    /// Whether nobody else could decide anything here.
    async fn is_alone(&self, operator: &Operator) -> Result<bool, StoreError> {
        let operators = self.store.operators().await?;
        let others = operators.iter().filter(|one| one.name != operator.name);
        for other in others.filter(|one| one.may(Right::Decide)) {
            if self.can_prove(&other.name).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether somebody has what it takes to prove themselves when they decide.
    async fn can_prove(&self, name: &OperatorName) -> Result<bool, StoreError> {
        let now = self.ambient.now();
        let proofs = self.proofs_of(name).await?;
        let mut live = proofs.iter().filter(|proof| proof.is_live(now));
        Ok(live.any(|proof| proof.covers(Right::Decide)))
    }

    async fn take_back(
        &self,
        approval: &Approval,
        ballot: &Ballot,
        state: &'static str,
    ) -> Result<(), StoreError> {
        let mut body = entries::vote(approval, ballot);
        body.insert("state".into(), state.into());
        let change = Change::Unvote {
            id: approval.id,
            version: approval.version,
            stage: ballot.stage,
            person: ballot.person.clone(),
        };
        self.write(EntryKind::Approval, body, vec![change], Sync::Synced)
            .await
    }
}

/// What an operator decided, within what an approver may give.
fn choice(approval: &Approval, decision: &Resolution) -> Result<Choice, ResolveError> {
    let (uses, life) = match decision {
        Resolution::Approve { uses, life } => (*uses, *life),
        Resolution::Pattern { pins, uses, life } => {
            return patterns::choice(approval, pins, *uses, *life);
        }
        Resolution::Deny { message } => {
            let message = message.as_deref().map(entries::clipped);
            return Ok(Choice::Deny { message });
        }
    };
    if !(1..=GRANT_USES_COUNT).contains(&uses) {
        let sentence = format!("a grant has 1 to {GRANT_USES_COUNT} uses");
        return Err(ResolveError::BadGrant(sentence));
    }
    if life.is_some_and(|life| life > GRANT_LIFE) {
        let sentence = format!("a grant lives at most {} s", GRANT_LIFE.as_secs());
        return Err(ResolveError::BadGrant(sentence));
    }
    let pins = None;
    Ok(Choice::Approve { uses, life, pins })
}
