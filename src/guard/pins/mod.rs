//! Pins: what servers present is kept, and only what was accepted is shown and used without a person.

mod book;
mod diff;
mod keep;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Map, Value};

pub(super) use book::Book;
pub use diff::{MemberDiff, Word};

use super::Guard;
use super::operate::OperateError;
use super::ruling::Denial;
use crate::audit::entry::EntryKind;
use crate::engine::facts::{PinStanding, Pinned};
use crate::engine::{self, Matched};
use crate::model::action::Binding;
use crate::model::call::Call;
use crate::model::digest::Digest;
use crate::model::json;
use crate::model::name::{AgentName, OperatorName, ServerName};
use crate::model::pin::{Acceptance, Accepter, Pin, PinKey, PinKind, PinState};
use crate::model::reason::Reason;
use crate::model::target::{Target, TargetKind};
use crate::model::time::Timestamp;
use crate::scopes::{Lock, Scope};
use crate::store::{Change, StoreError, Sync};

/// Who accepts what a server presents for the first time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PinPolicy {
    /// An operator, or a lock file.
    Accept,
    /// The guard itself: for local work. What changes later still waits for an operator.
    FirstUse,
}

/// A pin as an operator sees it.
#[derive(Clone, Debug)]
pub struct PinView {
    /// The pin.
    pub pin: Arc<Pin>,
    /// Whether its server presents exactly this now.
    pub is_presented: bool,
    /// How the definition stands.
    pub standing: PinStanding,
}

/// What is presented now beside what was accepted.
#[derive(Clone, Debug)]
pub struct PinDiff {
    /// What was accepted last, if anything was.
    pub accepted: Option<Arc<Pin>>,
    /// What is presented now, or was last.
    pub presented: Arc<Pin>,
    /// The members that differ.
    pub members: Vec<MemberDiff>,
}

impl Guard {
    /// Every pin, by server, kind and name.
    #[must_use]
    pub fn pins(&self) -> Vec<PinView> {
        let scopes = self.scopes.load();
        let view = |pin: Arc<Pin>| {
            let key = &pin.key;
            let now = self.catalog.digest(&key.server, key.kind, &key.name);
            let lock = scopes.lock(&key.server).map(Arc::as_ref);
            let digest = Some(key.digest);
            let standing = self
                .book
                .standing(lock, &key.server, key.kind, &key.name, digest);
            PinView {
                is_presented: now == digest,
                standing,
                pin,
            }
        };
        self.book.all().into_iter().map(view).collect()
    }

    /// What differs between the definition that was accepted and the one that is presented now, or was
    /// last; nothing where the server never presented a thing of that name.
    #[must_use]
    pub fn pin_diff(&self, server: &ServerName, kind: PinKind, name: &str) -> Option<PinDiff> {
        let pins = self.book.named(server, kind, name);
        let now = self.catalog.digest(server, kind, name);
        let presented = pins
            .iter()
            .find(|one| Some(one.key.digest) == now)
            .or(pins.last())?;
        let accepted = pins
            .iter()
            .filter(|one| one.past_acceptance().is_some())
            .max_by_key(|one| (one.acceptance().is_some(), one.first_seen));
        // What is pinned was read as JSON, so it reads back.
        let read = |pin: &Arc<Pin>| json::parse(&pin.definition).unwrap_or_default();
        Some(PinDiff {
            members: diff::compare(accepted.map(read).as_ref(), &read(presented)),
            accepted: accepted.cloned(),
            presented: Arc::clone(presented),
        })
    }

    /// Accepts a definition; another one of the same thing that was accepted is superseded.
    ///
    /// # Errors
    /// When no such definition was ever presented.
    pub async fn accept_pin(
        &self,
        operator: &OperatorName,
        key: &PinKey,
    ) -> Result<(), OperateError> {
        let _turn = self.pinning.lock().await;
        let pin = self.book.pin(key).ok_or(OperateError::Missing)?;
        if pin.acceptance().is_some() {
            return Ok(());
        }
        let acceptance = Acceptance {
            by: Accepter::Operator(operator.clone()),
            at: self.ambient.now(),
        };
        let pins = self.accepted(&pin, acceptance);
        Ok(self.keep(entry(key, "accepted", operator), pins).await?)
    }

    /// Refuses a definition: its calls are denied until it is accepted after all.
    ///
    /// # Errors
    /// When no such definition was ever presented.
    pub async fn refuse_pin(
        &self,
        operator: &OperatorName,
        key: &PinKey,
    ) -> Result<(), OperateError> {
        let _turn = self.pinning.lock().await;
        let pin = self.book.pin(key).ok_or(OperateError::Missing)?;
        let refused = pin.moved_to(PinState::Refused {
            by: operator.clone(),
            at: self.ambient.now(),
        });
        self.keep(entry(key, "refused", operator), vec![refused])
            .await?;
        // A permit on its way is looked at again, as after every stop.
        self.revoked_something();
        self.recall().await;
        Ok(())
    }

    /// The text of a lock file that accepts what is accepted of a server now.
    #[must_use]
    pub fn lock(&self, server: &ServerName) -> String {
        let pins = self.book.all();
        let accepted = pins
            .iter()
            .map(Arc::as_ref)
            .filter(|pin| pin.key.server == *server && pin.acceptance().is_some());
        Lock::render(server, accepted)
    }

    /// Whether exactly this definition of a server that is itself accepted may be shown to agents.
    #[must_use]
    pub fn is_accepted(
        &self,
        server: &ServerName,
        kind: PinKind,
        name: &str,
        definition: &Value,
    ) -> bool {
        let digest = Digest::of(&json::canonical(definition));
        self.stands(server, PinKind::Server, "", self.catalog.server_pin(server))
            == PinStanding::Accepted
            && self.stands(server, kind, name, Some(digest)) == PinStanding::Accepted
    }

    /// Whether its server presents a target that has a definition.
    #[must_use]
    pub fn is_presented(&self, target: &Target) -> bool {
        self.definition(target).is_some()
    }

    /// Whether a listing names the target to that agent.
    #[must_use]
    pub fn is_visible(&self, agent: &AgentName, target: &Target) -> bool {
        let scopes = self.scopes.load();
        let in_scope = scopes
            .scope(agent)
            .is_some_and(|scope| engine::is_visible(&self.matched(scope, target)));
        in_scope && self.pinned_now(target) == Pinned::ACCEPTED
    }

    /// How server and target stand, as they are presented now.
    pub(super) fn pinned_now(&self, target: &Target) -> Pinned {
        let server = self.catalog.server_pin(&target.server);
        self.pinned(target, server, self.definition(target))
    }

    /// What in a scope speaks of a target: a pattern only of what was accepted when it came into force.
    pub(super) fn matched<'a>(&self, scope: &'a Scope, target: &'a Target) -> Matched<'a> {
        let matched = Matched::find(scope, target);
        let is_covered = kind(target).is_none_or(|kind| {
            let since = Timestamp::from_millis(self.since.load(Ordering::SeqCst));
            let (server, name) = (&target.server, &*target.name);
            // What was refused is denied for that, and not because it is no longer covered.
            let digest = self.definition(target);
            self.book.is_covered(server, kind, name, since)
                || self.stands(server, kind, name, digest) == PinStanding::Refused
        });
        match is_covered {
            true => matched,
            false => matched.by_name_only(),
        }
    }

    /// How a server of that identity and a target of that definition stand.
    pub(super) fn pinned(
        &self,
        target: &Target,
        identity: Option<Digest>,
        definition: Option<Digest>,
    ) -> Pinned {
        let server = &target.server;
        Pinned {
            server: self.stands(server, PinKind::Server, "", identity),
            target: match kind(target) {
                Some(kind) => self.stands(server, kind, &target.name, definition),
                None => PinStanding::Accepted,
            },
        }
    }

    /// Why what was judged is not what would run, if server or target changed since.
    pub(super) fn redefined(&self, call: &Call, binding: &Binding) -> Option<Denial> {
        let target = &call.target;
        let server = self.catalog.server_pin(&target.server);
        if server != Some(binding.server) || self.definition(target) != binding.tool {
            let sentence = format!("the definition of {target} changed before the write");
            return Some(Denial::new(Reason::ToolChanged, sentence));
        }
        self.refused(target)
    }

    /// A denial where an operator refused the server or the target as they are presented now.
    pub(super) fn refused(&self, target: &Target) -> Option<Denial> {
        let pinned = self.pinned_now(target);
        [pinned.server, pinned.target]
            .contains(&PinStanding::Refused)
            .then(|| {
                let sentence = format!("an operator refused {target} after it was permitted");
                Denial::new(Reason::ToolRefused, sentence)
            })
    }

    /// The digest of the target's definition, as it is presented now.
    pub(super) fn definition(&self, target: &Target) -> Option<Digest> {
        self.catalog
            .digest(&target.server, kind(target)?, &target.name)
    }

    fn stands(
        &self,
        server: &ServerName,
        kind: PinKind,
        name: &str,
        digest: Option<Digest>,
    ) -> PinStanding {
        let scopes = self.scopes.load();
        let lock = scopes.lock(server).map(Arc::as_ref);
        self.book.standing(lock, server, kind, name, digest)
    }

    /// A pin accepted, and whatever it supersedes.
    fn accepted(&self, pin: &Pin, acceptance: Acceptance) -> Vec<Pin> {
        let key = &pin.key;
        let at = acceptance.at;
        let mut moved: Vec<Pin> = self
            .book
            .named(&key.server, key.kind, &key.name)
            .iter()
            .filter(|other| other.key != *key)
            .filter_map(|other| {
                let accepted = other.acceptance()?.clone();
                Some(other.moved_to(PinState::Superseded { accepted, at }))
            })
            .collect();
        moved.push(pin.moved_to(PinState::Accepted(acceptance)));
        moved
    }

    /// Writes pins with their entry, and only then lets decisions see them.
    async fn keep(&self, body: Map<String, Value>, pins: Vec<Pin>) -> Result<(), StoreError> {
        let changes = pins.iter().cloned().map(Box::new).map(Change::SetPin);
        let kept = self
            .write(EntryKind::Pin, body, changes.collect(), Sync::Synced)
            .await;
        if let Err(fault) = kept {
            // Whether it was written is not known: only the store's own rows can be built upon.
            if let Ok(known) = self.store.pins().await {
                for pin in known {
                    self.book.put(pin);
                }
            }
            // Counted even where they could not be read: a refusal may be in force all the same.
            self.revoked_something();
            return Err(fault);
        }
        for pin in pins {
            self.book.put(pin);
        }
        // A call may have waited for nothing else.
        self.wakes.wake_all();
        Ok(())
    }
}

/// The kind of pin that a target has.
const fn kind(target: &Target) -> Option<PinKind> {
    match target.kind {
        TargetKind::Tool => Some(PinKind::Tool),
        TargetKind::Prompt => Some(PinKind::Prompt),
        TargetKind::Resource | TargetKind::Method => None,
    }
}

fn entry(key: &PinKey, state: &str, operator: &OperatorName) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("server".into(), key.server.as_str().into());
    body.insert("pin".into(), key.kind.name().into());
    body.insert("name".into(), (*key.name).into());
    body.insert("digest".into(), key.digest.to_string().into());
    body.insert("state".into(), state.into());
    body.insert("by".into(), operator.as_str().into());
    body
}
