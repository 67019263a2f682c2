//! Who holds keys and tokens, and how long they still are accepted.

use std::path::Path;
use std::time::Duration;

use super::report::Report;
use crate::cli::audit;
use crate::cli::failure::Failure;
use crate::model::approver::Approver;
use crate::model::credential::{Credential, CredentialKind, Operator};
use crate::model::name::{AgentName, OperatorName};
use crate::model::proof::{Proof, ProofKind};
use crate::model::role::Right;
use crate::model::time::Timestamp;
use crate::store::sqlite::FILE;

/// The credentials of agents and operators; none where there is no record yet.
#[derive(Default)]
pub(super) struct People {
    keys: Vec<Credential>,
    operators: Vec<Operator>,
    /// What proves them, as far as nobody ended it.
    proofs: Vec<Proof>,
}

impl People {
    pub(super) fn read(data: &Path) -> Result<Self, Failure> {
        if !data.join(FILE).is_file() {
            return Ok(Self::default());
        }
        let reader = audit::open(data)?;
        let mut keys = reader
            .credentials()
            .map_err(|error| Failure::because(&error))?;
        keys.retain(|key| key.kind == CredentialKind::ApiKey && key.revoked.is_none());
        let mut operators = reader
            .operators()
            .map_err(|error| Failure::because(&error))?;
        operators.retain(|operator| operator.revoked.is_none());
        let mut proofs = reader.proofs().map_err(|error| Failure::because(&error))?;
        proofs.retain(|proof| proof.ended.is_none());
        Ok(Self {
            keys,
            operators,
            proofs,
        })
    }

    /// Notes what has expired or soon will.
    pub(super) fn examine(&self, now: Timestamp, report: &mut Report) {
        let keys = self.keys.iter().map(|key| {
            let what = format!("key {} of {}", key.id, key.agent);
            (what, key.expires)
        });
        let tokens = self.proofs.iter().filter_map(|proof| match &proof.kind {
            ProofKind::Token { .. } => {
                let what = format!("token {} of operator {}", proof.id(), proof.operator);
                Some((what, proof.expires?))
            }
            ProofKind::Link | ProofKind::Passkey(_) | ProofKind::Account(_) => None,
        });
        for (what, expires) in keys.chain(tokens) {
            if expires <= now {
                report.note(format!("the {what} expired at {expires}"));
            } else if expires.since(now) < SOON {
                report.note(format!("the {what} expires at {expires}"));
            }
        }
    }

    /// Whether the agent had keys, and whether one is still accepted.
    pub(super) fn keys_of(&self, agent: &AgentName, now: Timestamp) -> (bool, bool) {
        let own = || self.keys.iter().filter(|key| key.agent == *agent);
        (own().next().is_some(), own().any(|key| key.expires > now))
    }

    /// Everybody who decides, and can prove themselves.
    pub(super) fn approvers(&self, now: Timestamp) -> Vec<Approver> {
        let can_decide = |name: &OperatorName| {
            let mut own = self.proofs.iter().filter(|proof| proof.operator == *name);
            own.any(|proof| proof.is_live(now) && proof.covers(Right::Decide))
        };
        let operators = self.operators.iter();
        let deciding = operators.filter(|one| one.may(Right::Decide) && can_decide(&one.name));
        deciding.map(Approver::from).collect()
    }
}

const SOON: Duration = Duration::from_secs(7 * 24 * 3_600);
