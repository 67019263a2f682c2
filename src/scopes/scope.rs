//! One agent's scope: what its manifest says, compiled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::elicitation::Elicitation;
use super::fault::Place;
use super::forbid::Forbid;
use super::index::Index;
use super::jwt::JwtRule;
use super::pattern::Pattern;
use super::rule::Rule;
use crate::model::credential::CredentialKind;
use crate::model::digest::Digest;
use crate::model::name::{AgentName, ServerName};
use crate::model::privilege::Privilege;
use crate::model::quorum::ApprovalRule;
use crate::model::taint::TaintGrade;
use crate::model::target::{Target, TargetKind};

/// What one agent may do.
#[derive(Debug)]
pub struct Scope {
    /// The agent.
    pub agent: AgentName,
    /// Who is accountable for it.
    pub owner: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The manifest's file, as it was named to the compiler.
    pub file: Arc<str>,
    /// The manifest as it was written.
    pub(super) text: Arc<str>,
    /// The digest of the manifest's content, which comments, layout and the order of keys do not move.
    pub digest: Digest,
    /// The kinds of credential it may prove itself with.
    pub credentials: Credentials,
    /// How long its sessions last.
    pub session: SessionLimits,
    /// What happens to a call that no rule speaks of.
    pub undeclared: Undeclared,
    /// What happens to a call of a tool whose accepted definition changed.
    pub changed_tool: ChangedTool,
    /// What happens to members of a request that the protocol does not define.
    pub extras: Extras,
    /// How its client is answered while it waits.
    pub client: Client,
    /// Where servers may send people.
    pub elicitation: Elicitation,
    /// The directories that its servers are told to stay in, as `file:` URIs.
    pub roots: Vec<String>,
    /// What the record keeps of its arguments.
    pub record: ArgumentsRecord,
    /// What waits while an approval is open.
    pub pause_covers: PauseCovers,
    /// What is done with a declared target that the agent has never used.
    pub first_use: Heed,
    /// What is done with a call above everything its session has used.
    pub escalation: Heed,
    /// Sources whose words are trusted least.
    pub(super) untrusted: Vec<Pattern>,
    /// Whether `money`, `destroy` and `admin` may be decided where guard and agent share a user.
    pub accept_local: bool,
    pub(super) rules: Vec<Rule>,
    pub(super) forbids: Vec<Forbid>,
    pub(super) rule_index: Index,
    pub(super) forbid_index: Index,
    pub(super) default_approval: Option<ApprovalRule>,
    pub(super) approvals: BTreeMap<Privilege, ApprovalRule>,
    pub(super) place: Place,
}

/// The kinds of credential a manifest accepts; the keys live in the store.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Credentials {
    /// Keys the guard issued.
    pub api_key: Option<ApiKeys>,
    /// Tokens of an issuer.
    pub jwt: Option<JwtRule>,
    /// The launcher's word on the same machine.
    pub local: bool,
}

/// Which API keys are accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ApiKeys {
    /// The oldest a key may be.
    pub max_age: Option<Duration>,
}

/// How long sessions last and what they accept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionLimits {
    /// Without a call.
    pub idle_timeout: Duration,
    /// In all.
    pub max_age: Duration,
    /// The level a session with a key that is bound to no client can reach, 0 to 3.
    pub accept_unbound_keys: u8,
}

/// What happens to a call that no rule speaks of; there is no word that allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Undeclared {
    /// A person is asked.
    Pause,
    /// It is denied.
    #[default]
    Deny,
}

/// What happens to a call of a tool whose accepted definition changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ChangedTool {
    /// A person is asked.
    #[default]
    Pause,
    /// It is denied.
    Deny,
}

/// What happens to unknown members of a request's `params` and `_meta`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Extras {
    /// They are left out.
    #[default]
    Strip,
    /// They pass, are bound to the decision, and are shown.
    Pass,
    /// A request that carries them is denied.
    Deny,
}

/// How an agent's client is answered while a call waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Client {
    /// How long one request is held open.
    pub hold: Duration,
    /// Whether multi-round-trip requests are used.
    pub mrtr: Mrtr,
    /// Whether a challenge may be an HTTP 401 on MCP.
    pub oauth: bool,
    /// Whether the client is sent URLs by elicitation.
    pub url_elicitation: bool,
}

/// Whether multi-round-trip requests are used with a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mrtr {
    /// Where the client says it can.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// What the record keeps of arguments.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum ArgumentsRecord {
    /// All of them.
    #[default]
    Keep,
    /// Their commitment alone.
    Digest,
    /// All but the values at these JSON pointers.
    Redact(Vec<String>),
}

/// What waits while an approval is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PauseCovers {
    /// Every call of the session above `read`.
    #[default]
    Session,
    /// The one call.
    Call,
}

/// What is done with a first reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Heed {
    /// The record notes it. The default, so that a manifest that says nothing keeps its meaning.
    #[default]
    Note,
    /// A person is asked.
    Pause,
}

impl Scope {
    /// The rules that speak of a target, each with its position in the manifest's rules.
    ///
    /// Names that are written out are looked up, so that the number of rules does not matter.
    pub fn rules_for<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = (usize, &'a Rule)> {
        self.rule_index.candidates(target).filter_map(|at| {
            let rule = self.rules.get(at)?;
            rule.pattern.matches(target).then_some((at, rule))
        })
    }

    /// The forbids that speak of a target, each with its position among the manifest's forbids.
    pub fn forbids_for<'a>(
        &'a self,
        target: &'a Target,
    ) -> impl Iterator<Item = (usize, &'a Forbid)> {
        self.forbid_index.candidates(target).filter_map(|at| {
            let forbid = self.forbids.get(at)?;
            forbid.pattern.matches(target).then_some((at, forbid))
        })
    }

    /// Who may approve a call of this privilege; `None` means that nobody may.
    #[must_use]
    pub fn approval_for(&self, privilege: Privilege) -> Option<&ApprovalRule> {
        self.approvals
            .get(&privilege)
            .or(self.default_approval.as_ref())
    }

    /// Who may approve a call of a privilege that has no rule of its own, or that no rule declares.
    #[must_use]
    pub const fn default_approval(&self) -> Option<&ApprovalRule> {
        self.default_approval.as_ref()
    }

    /// How little what a target answers is trusted. A tool is untrusted where it is listed so; everything
    /// else of a server where any of its tools is; and what no rule declares always.
    #[must_use]
    pub fn grade_of(&self, target: &Target, is_declared: bool) -> TaintGrade {
        if !is_declared {
            return TaintGrade::Untrusted;
        }
        let is_listed = self.untrusted.iter().any(|source| source.matches(target));
        match target.kind {
            TargetKind::Tool if is_listed => TaintGrade::Untrusted,
            TargetKind::Tool => TaintGrade::Unvouched,
            _ => self.grade_of_server(&target.server),
        }
    }

    /// How little what a server says outside of any call is trusted: as little as its worst tool.
    #[must_use]
    pub fn grade_of_server(&self, server: &ServerName) -> TaintGrade {
        match self.untrusted.iter().any(|source| source.is_of(server)) {
            true => TaintGrade::Untrusted,
            false => TaintGrade::Unvouched,
        }
    }

    /// Whether answers to what that server asks wait for a person: they do where they would for any of its
    /// tools.
    #[must_use]
    pub fn holds_answers_to(&self, server: &ServerName) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|rule| rule.holds_answers() && rule.pattern.is_of(server))
    }

    /// Whether a rule speaks of the target.
    #[must_use]
    pub fn is_declared(&self, target: &Target) -> bool {
        self.rules_for(target).next().is_some()
    }

    /// Whether a rule says that the target is to be answered for as if it did not exist.
    #[must_use]
    pub fn is_hidden(&self, target: &Target) -> bool {
        self.rules_for(target).any(|(_, rule)| rule.hide)
    }

    /// Whether the scope accepts a kind of credential.
    #[must_use]
    pub const fn accepts(&self, kind: CredentialKind) -> bool {
        match kind {
            CredentialKind::ApiKey => self.credentials.api_key.is_some(),
            CredentialKind::Jwt => self.credentials.jwt.is_some(),
            CredentialKind::Local => self.credentials.local,
            CredentialKind::Pep => false,
        }
    }

    /// Every rule, by its position.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Every forbid, by its position.
    #[must_use]
    pub fn forbids(&self) -> &[Forbid] {
        &self.forbids
    }
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(15 * 60),
            max_age: Duration::from_secs(12 * 3_600),
            accept_unbound_keys: 1,
        }
    }
}

impl Default for Client {
    fn default() -> Self {
        Self {
            hold: Duration::from_secs(45),
            mrtr: Mrtr::default(),
            oauth: false,
            url_elicitation: false,
        }
    }
}
