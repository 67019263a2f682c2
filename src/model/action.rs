//! The action: everything that reaches the upstream, as one digest and one key.
//!
//! Two values with two purposes. The *action digest* goes over the salted commitment of the arguments;
//! it is signed, shown and stored, and tells nothing about the arguments. The *match key* is a keyed
//! HMAC over the arguments themselves; it finds the same call again and never leaves the guard.

use std::fmt;

use aws_lc_rs::hmac;

use super::call::Call;
use super::digest::{Digest, Fields};
use super::id::SessionId;
use super::json;

/// Equality of calls under a secret of the guard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MatchKey([u8; 32]);

impl MatchKey {
    /// From its 32 bytes, as the store kept them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Of fields, under the guard's secret.
    pub(super) fn tagged(fields: Fields, key: &hmac::Key) -> Self {
        let tag = hmac::sign(key, fields.digest().as_bytes());
        let mut bytes = [0; 32];
        for (byte, tagged) in bytes.iter_mut().zip(tag.as_ref()) {
            *byte = *tagged;
        }
        Self(bytes)
    }
}

impl fmt::Debug for MatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MatchKey(…)")
    }
}

/// What binds a call besides the call itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Identity of the upstream server.
    pub server: Digest,
    /// Definition of the tool, where the target is one.
    pub tool: Option<Digest>,
    /// The manifest in force.
    pub manifest: Digest,
    /// What the permit obliges the runner to, in canonical form; empty where nothing.
    pub obligations: Vec<String>,
}

/// The digest that a person approves: `countersign.action.v1` over every field of the action, each
/// preceded by its length, with the arguments as their commitment.
#[must_use]
pub fn digest(call: &Call, binding: &Binding, commitment: &Digest) -> Digest {
    fields(
        "countersign.action.v1",
        call,
        binding,
        commitment.as_bytes(),
    )
    .digest()
}

/// The key under which the same call is found again.
#[must_use]
pub fn match_key(call: &Call, binding: &Binding, key: &hmac::Key) -> MatchKey {
    let fields = fields(
        "countersign.match.v1",
        call,
        binding,
        call.arguments.canonical(),
    );
    MatchKey::tagged(fields, key)
}

/// Equality of everything that is bound but the arguments.
#[must_use]
pub(super) fn frame_key(call: &Call, binding: &Binding, key: &hmac::Key) -> MatchKey {
    let fields = fields("countersign.frame.v1", call, binding, &[]);
    MatchKey::tagged(fields, key)
}

/// The fields of an action, as a call or an entry of the record holds them.
#[derive(Clone, Debug)]
pub struct Fielded<'a> {
    /// Who asks.
    pub agent: &'a str,
    /// For whom.
    pub on_behalf_of: Option<&'a str>,
    /// In which session.
    pub session: SessionId,
    /// Who would run it.
    pub mode: &'a str,
    /// The protocol's method.
    pub method: &'a str,
    /// The kind of target.
    pub kind: &'a str,
    /// The server.
    pub server: &'a str,
    /// The target's name.
    pub name: &'a str,
    /// The further members that pass, in canonical form; empty where there are none.
    pub extras: &'a [u8],
}

impl Fielded<'_> {
    /// The digest that a person approves; see [`digest`].
    #[must_use]
    pub fn digest(&self, binding: &Binding, commitment: &Digest) -> Digest {
        self.fields("countersign.action.v1", binding, commitment.as_bytes())
            .digest()
    }

    fn fields(&self, domain: &str, binding: &Binding, arguments: &[u8]) -> Fields {
        let fields = Fields::new(domain)
            .field(self.agent.as_bytes())
            .optional(self.on_behalf_of.map(str::as_bytes))
            .field(self.session.as_bytes())
            .field(self.mode.as_bytes())
            .field(self.method.as_bytes())
            .field(self.kind.as_bytes())
            .field(self.server.as_bytes())
            .field(binding.server.as_bytes())
            .field(self.name.as_bytes())
            .optional(binding.tool.as_ref().map(|pin| pin.as_bytes().as_slice()))
            .field(binding.manifest.as_bytes())
            .field(arguments)
            .field(self.extras)
            .field(&(binding.obligations.len() as u64).to_be_bytes());
        binding
            .obligations
            .iter()
            .fold(fields, |fields, one| fields.field(one.as_bytes()))
    }
}

fn fields(domain: &str, call: &Call, binding: &Binding, arguments: &[u8]) -> Fields {
    let extras = match call.extras.is_empty() {
        true => Vec::new(),
        false => json::canonical_map(&call.extras),
    };
    let user = call.principal.on_behalf_of.as_ref();
    Fielded {
        agent: call.principal.agent.as_str(),
        on_behalf_of: user.map(|user| user.as_str()),
        session: call.session,
        mode: call.mode.name(),
        method: &call.method,
        kind: call.target.kind.name(),
        server: call.target.server.as_str(),
        name: &call.target.name,
        extras: &extras,
    }
    .fields(domain, binding, arguments)
}
