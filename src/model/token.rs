//! What a verified token of an issuer says: who it is for, who acts, and for whom.

use serde_json::{Map, Value};

use super::time::Timestamp;

/// The claims of a token whose signature, issuer and times were verified.
#[derive(Clone, PartialEq, Debug)]
pub struct Token {
    /// Who issued it.
    pub issuer: String,
    /// Whom it was issued for.
    pub audiences: Vec<String>,
    /// Whom it speaks of.
    pub subject: String,
    /// Who acts in the subject's place (RFC 8693, `act`), where somebody does.
    pub actor: Option<String>,
    /// All its claims.
    pub claims: Map<String, Value>,
    /// Until when it is accepted.
    pub until: Timestamp,
}

impl Token {
    /// Who holds the token: whoever acts, else the subject itself.
    #[must_use]
    pub fn bearer(&self) -> &str {
        self.actor.as_deref().unwrap_or(&self.subject)
    }

    /// A claim that is text.
    #[must_use]
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }
}
