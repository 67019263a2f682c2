//! Break-glass: one person of a role of its own lets a held call run alone, and answers for it.
//!
//! It stands in the place of the stages and of nothing else: the call is judged anew when it runs, so that
//! no `forbid`, budget or limit is crossed by it, and whoever the request concerns does not decide it
//! in this way either.

use std::time::Duration;

use super::approvals::{Resolution, ResolveError, Vote, decided};
use super::countersign::GLASS_STAGE;
use super::{Guard, entries};
use crate::audit::countersignature::{GrantKind, Granted, REASON, REVIEW};
use crate::audit::entry::EntryKind;
use crate::limits::{GLASS_LIFE, GRANT_USES_COUNT, REVIEW_TEXT_BYTES};
use crate::model::approval::{Approval, ApprovalState};
use crate::model::approver::Approver;
use crate::model::credential::Operator;
use crate::model::digest::Digest;
use crate::model::grant::Grant;
use crate::model::id::{ApprovalId, GrantId, ReviewId};
use crate::model::passkey::Assertion;
use crate::model::review::Review;
use crate::model::time::Timestamp;
use crate::store::{Change, StoreError, Sync};

/// What somebody who breaks the glass was shown, gives, and says of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Glass {
    /// The version that was shown.
    pub version: u32,
    /// The action digest that was shown.
    pub digest: Digest,
    /// How often the exact call may run, 1 to [`GRANT_USES_COUNT`].
    pub uses: u32,
    /// How long the grant lives, at most [`GLASS_LIFE`]; once-grants live until they must be redeemed.
    pub life: Option<Duration>,
    /// Why nobody was waited for, at most [`REVIEW_TEXT_BYTES`].
    pub reason: String,
    /// What their passkey signed.
    pub answer: Option<Assertion>,
}

impl Guard {
    /// Approves a held call alone, in place of its stages, and opens the review of that. It is always signed
    /// with a passkey, and what is signed says that it is break-glass, and why.
    ///
    /// # Errors
    /// [`ResolveError`]; nothing is changed then.
    pub async fn break_glass(
        &self,
        operator: &Operator,
        id: ApprovalId,
        glass: Glass,
    ) -> Result<Approval, ResolveError> {
        self.keep_time().await?;
        let now = self.ambient.now();
        let approval = self.store.approval(id).await?;
        let approval = approval.ok_or(ResolveError::Missing)?;
        if approval.digest != glass.digest {
            return Err(ResolveError::OtherDigest);
        }
        if !approval.is_open(now) {
            return Err(decided(&approval, now));
        }
        if self.rights_are_old(operator).await? {
            return Err(ResolveError::RightsOld);
        }
        let user = approval.principal.on_behalf_of.as_ref();
        if let Some(bar) = approval.rule.excludes(&Approver::from(operator), user) {
            return Err(ResolveError::NotEligible(bar));
        }
        if approval.version != glass.version {
            let version = approval.version;
            return Err(ResolveError::Stale { version });
        }
        let reason = reason(&glass.reason)?;
        let mut grant = self.glass_grant(&approval, &glass, now)?;
        let kind = GrantKind::BreakGlass {
            reason: Digest::of(reason.as_bytes()),
        };
        let vote = Vote {
            version: glass.version,
            digest: glass.digest,
            decision: Resolution::Approve {
                uses: glass.uses,
                life: glass.life,
            },
            client_id: String::new(),
            answer: glass.answer,
        };
        let Some(answer) = &vote.answer else {
            let granted = Granted {
                kind,
                uses: grant.uses,
                until: grant.until,
            };
            let asked = self.ask_signature(operator, &approval, &vote, GLASS_STAGE, granted);
            return Err(ResolveError::Unsigned(Box::new(asked.await?)));
        };
        let signed = self
            .signed(operator, &approval, (GLASS_STAGE, kind), &vote, answer)
            .await?;
        signed.bind(&mut grant);
        let review = Review {
            id: ReviewId::random(&self.ambient),
            approval: id,
            grant: grant.id,
            agent: approval.principal.agent.clone(),
            groups: approval.rule.groups(),
            by: operator.name.clone(),
            reason,
            opened: now,
            closing: None,
        };
        let by = operator.name.as_str();
        let mut body = entries::approval(&approval, "approved", Some(by));
        body.insert("version".into(), glass.version.into());
        body.insert("grant".into(), grant.id.to_string().into());
        body.insert("approvers".into(), vec![by].into());
        body.insert("step_up".into(), "passkey".into());
        body.insert(REVIEW.into(), review.id.to_string().into());
        body.insert(REASON.into(), review.reason.as_str().into());
        signed.enter(&mut body);
        let state = ApprovalState::Approved {
            by: operator.name.clone(),
            at: now,
            redeem_by: now.after(approval.rule.redeem_by).min(grant.until),
        };
        let changes = vec![
            Change::BreakGlass {
                version: glass.version,
                state,
                review: Box::new(review),
            },
            Change::AddGrant(grant),
            signed.change(),
        ];
        let written = self.write(EntryKind::Approval, body, changes, Sync::Synced);
        match written.await {
            Ok(()) => {}
            Err(StoreError::Moved) => return Err(self.overtaken(id, now).await?),
            Err(fault) => return Err(fault.into()),
        }
        self.measures.voted(now.since(approval.opened));
        self.store.approval(id).await?.ok_or(ResolveError::Missing)
    }

    fn glass_grant(
        &self,
        approval: &Approval,
        glass: &Glass,
        now: Timestamp,
    ) -> Result<Grant, ResolveError> {
        if !(1..=GRANT_USES_COUNT).contains(&glass.uses) {
            let sentence = format!("a grant has 1 to {GRANT_USES_COUNT} uses");
            return Err(ResolveError::BadGrant(sentence));
        }
        if glass.life.is_some_and(|life| life > GLASS_LIFE) {
            let most = GLASS_LIFE.as_secs();
            let sentence = format!("what break-glass leaves lives at most {most} s");
            return Err(ResolveError::BadGrant(sentence));
        }
        let life = match glass.uses {
            1 => approval.rule.redeem_by,
            _ => glass.life.unwrap_or(GLASS_LIFE),
        };
        Ok(Grant {
            id: GrantId::random(&self.ambient),
            approval: approval.id,
            agent: approval.principal.agent.clone(),
            session: approval.session,
            key: approval.key,
            pattern: None,
            uses: glass.uses,
            used: 0,
            until: now.after(life.min(GLASS_LIFE)),
            revoked: None,
        })
    }
}

/// The reason as it stands in the record: without secrets, and never none.
fn reason(text: &str) -> Result<String, ResolveError> {
    let text = text.trim();
    match (1..=REVIEW_TEXT_BYTES).contains(&text.len()) {
        true => Ok(entries::clipped(text)),
        false => Err(ResolveError::BadGrant(format!(
            "breaking the glass takes a reason of 1 to {REVIEW_TEXT_BYTES} bytes"
        ))),
    }
}
