//! What operators prove themselves with. The secret itself is never here.

use std::collections::BTreeSet;

use super::account::Account;
use super::credential::Operator;
use super::digest::Digest;
use super::name::OperatorName;
use super::passkey::Passkey;
use super::role::{Right, TokenScope};
use super::time::Timestamp;

/// One thing that proves one operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// What it is found by: SHA-256 of a secret of 256 random bits, or of a passkey's own name.
    pub key: Digest,
    /// Counts every change of it.
    pub version: u32,
    /// Whom it proves.
    pub operator: OperatorName,
    /// When it was added.
    pub added: Timestamp,
    /// When it stops being accepted by itself.
    pub expires: Option<Timestamp>,
    /// When it last proved somebody, as far as that is kept.
    pub used: Option<Timestamp>,
    /// When it was revoked, removed or used up.
    pub ended: Option<Timestamp>,
    /// What it is.
    pub kind: ProofKind,
}

/// The kinds of proof an operator may have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProofKind {
    /// A bearer token for commands and programs.
    Token {
        /// What it may be used for.
        scopes: BTreeSet<TokenScope>,
    },
    /// A link that is good for adding one proof of another kind.
    Link,
    /// A key that an authenticator keeps.
    Passkey(Passkey),
    /// An account at an identity provider; `used` says when the provider was last asked.
    Account(Account),
}

impl Proof {
    /// Its name in lists and commands: the first 16 hexadecimal digits of its key.
    #[must_use]
    pub fn id(&self) -> String {
        self.key.to_string().chars().take(16).collect()
    }

    /// Whether it is accepted at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended.is_none() && self.expires.is_none_or(|expires| now < expires)
    }

    /// The word for how it stands at `now`.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> &'static str {
        match (self.ended, self.expires) {
            (Some(_), _) => "revoked",
            (None, Some(expires)) if expires <= now => "expired",
            (None, _) => "live",
        }
    }

    /// The passkey, where it is one.
    #[must_use]
    pub const fn passkey(&self) -> Option<&Passkey> {
        match &self.kind {
            ProofKind::Passkey(passkey) => Some(passkey),
            ProofKind::Token { .. } | ProofKind::Link | ProofKind::Account(_) => None,
        }
    }

    /// The account, where it is one.
    #[must_use]
    pub const fn account(&self) -> Option<&Account> {
        match &self.kind {
            ProofKind::Account(account) => Some(account),
            ProofKind::Token { .. } | ProofKind::Link | ProofKind::Passkey(_) => None,
        }
    }

    /// Whether a person has to act to show it: no program has it alone.
    #[must_use]
    pub const fn is_personal(&self) -> bool {
        match self.kind {
            ProofKind::Passkey(_) | ProofKind::Account(_) => true,
            ProofKind::Token { .. } | ProofKind::Link => false,
        }
    }

    /// What it is, in a word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self.kind {
            ProofKind::Token { .. } => "token",
            ProofKind::Link => "link",
            ProofKind::Passkey(_) => "passkey",
            ProofKind::Account(_) => "account",
        }
    }

    /// Whether whoever shows it may use the right, if their role gives it.
    #[must_use]
    pub fn covers(&self, right: Right) -> bool {
        match &self.kind {
            ProofKind::Token { scopes } => scopes.iter().any(|scope| scope.covers(right)),
            ProofKind::Link => false,
            ProofKind::Passkey(_) | ProofKind::Account(_) => true,
        }
    }
}

/// An operator, and what proved them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proven {
    /// Who.
    pub operator: Operator,
    /// By what.
    pub proof: Proof,
}

impl Proven {
    /// Whether both their roles and what they proved themselves with give the right.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.operator.may(right) && self.proof.covers(right)
    }
}
