//! What the kinds of a call's arguments mean for it: what is kept of them, and what it is aimed at.

use std::collections::BTreeSet;

use aws_lc_rs::hmac;
use bytes::Bytes;

use super::Guard;
use crate::engine::Requirements;
use crate::model::action::{self, Binding, MatchKey};
use crate::model::aim::{Aim, Aims};
use crate::model::call::Call;
use crate::model::digest::Fields;
use crate::model::id::CallId;
use crate::model::mask;
use crate::model::redact::Redactor;
use crate::scopes::Kind;

/// A call's arguments by what they are, and the key under which it is found again.
pub(super) struct Known {
    /// Equality of calls.
    pub(super) key: MatchKey,
    /// JSON pointers of its secrets.
    pub(super) secrets: BTreeSet<String>,
    /// Its arguments as they may be kept.
    pub(super) arguments: Bytes,
    /// What it is aimed at.
    pub(super) aims: Aims,
    /// Takes its secrets out of what is kept of its claims, its extras and what is said of it.
    pub(super) redactor: Redactor,
}

impl Guard {
    /// Looks at a call's arguments by the kinds that the rules name.
    pub(super) fn known(
        &self,
        call: &Call,
        binding: &Binding,
        requirements: &Requirements,
    ) -> Known {
        let secrets: BTreeSet<_> = requirements.pointers(Kind::Secret).cloned().collect();
        let hidden = secrets
            .iter()
            .filter_map(|pointer| call.arguments.value().pointer(pointer));
        let aims = |kind| {
            let pointers = requirements.pointers(kind);
            pointers
                .filter_map(|pointer| call.arguments.value().pointer(pointer))
                .flat_map(|value| {
                    let agent = &call.principal.agent;
                    Aim::of(agent, &call.target, value, &self.match_key)
                })
                .collect()
        };
        let aims = Aims {
            destinations: aims(Kind::Destination),
            objects: aims(Kind::Object),
        };
        Known {
            key: action::match_key(call, binding, &self.match_key),
            arguments: mask::masked(&call.arguments, &secrets),
            redactor: Redactor::of(hidden),
            secrets,
            aims: aims.bounded(),
        }
    }

    /// Keeps a permitted call's redactor until its outcome is written: an upstream may say its secrets again.
    pub(super) fn keep_redactor(&self, call: CallId, redactor: Redactor) {
        if redactor.knows_any() {
            self.redactors.lock().insert(call, redactor);
        }
    }

    /// That of a call on its way; of any other, one that knows forms of secrets alone.
    pub(super) fn redactor(&self, call: CallId) -> Redactor {
        let redactors = self.redactors.lock();
        redactors.get(&call).cloned().unwrap_or_default()
    }

    /// What blinds a call's secrets: worked out from the salt that is kept, under a key that the store
    /// does not have, so that the same call has the same digest again.
    pub(super) fn secret_salt(&self, salt: &[u8; 16]) -> [u8; 16] {
        let digest = Fields::new("countersign.salt.secret.v1")
            .field(salt)
            .digest();
        let tag = hmac::sign(&self.match_key, digest.as_bytes());
        let mut secret = [0; 16];
        for (byte, tagged) in secret.iter_mut().zip(tag.as_ref()) {
            *byte = *tagged;
        }
        secret
    }
}
