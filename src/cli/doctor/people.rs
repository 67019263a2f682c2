//! Who holds keys and tokens, and how long they still are accepted.

use std::path::Path;
use std::time::Duration;

use super::report::Report;
use crate::cli::audit;
use crate::cli::failure::Failure;
use crate::model::approver::Approver;
use crate::model::credential::{Credential, CredentialKind, Operator};
use crate::model::name::AgentName;
use crate::model::time::Timestamp;
use crate::store::sqlite::FILE;

/// The credentials of agents and operators; none where there is no record yet.
#[derive(Default)]
pub(super) struct People {
    keys: Vec<Credential>,
    operators: Vec<Operator>,
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
        Ok(Self { keys, operators })
    }

    /// Notes what has expired or soon will.
    pub(super) fn examine(&self, now: Timestamp, report: &mut Report) {
        let keys = self.keys.iter().map(|key| {
            let what = format!("key {} of {}", key.id, key.agent);
            (what, key.expires)
        });
        let tokens = self.operators.iter().map(|operator| {
            let what = format!("token of operator {}", operator.name);
            (what, operator.expires)
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

    /// Everybody whose token is accepted.
    pub(super) fn approvers(&self, now: Timestamp) -> Vec<Approver> {
        let live = self.operators.iter().filter(|one| one.expires > now);
        live.map(Approver::from).collect()
    }
}

const SOON: Duration = Duration::from_secs(7 * 24 * 3_600);
