//! Compiles a set of manifests, all or none, with every fault told at once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::fault::{Faults, Place};
use super::lock::{self, Lock};
use super::scope::Scope;
use super::{jwt, manifest, selftest, yaml};
use crate::limits::MANIFEST_FILES_COUNT;
use crate::model::digest::{Digest, Fields};
use crate::model::name::{AgentName, ServerName};

/// One manifest file, or one lock file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// Its name, as faults show it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The scopes in force: one for each agent that has a manifest, and the locks that came with them. No
/// manifest, no scope.
#[derive(Clone, Debug)]
pub struct Scopes {
    agents: BTreeMap<AgentName, Arc<Scope>>,
    locks: BTreeMap<ServerName, Arc<Lock>>,
    digest: Digest,
    /// What no rule may reach, as far as anybody said so.
    pub(super) own: Arc<[PathBuf]>,
}

impl Scopes {
    /// No scope for anybody.
    #[must_use]
    pub fn empty() -> Self {
        Self::of(BTreeMap::new(), BTreeMap::new())
    }

    /// Compiles manifests and puts each through its self-test, and reads the lock files among them,
    /// whose names end with `.lock`; the order of files does not matter.
    ///
    /// # Errors
    /// Every fault of every file, by place. With one fault anywhere there are no scopes at all.
    pub fn compile(sources: &[Source]) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        if let Some(source) = sources.get(MANIFEST_FILES_COUNT) {
            let place = Place {
                file: Arc::from(source.name.as_str()),
                line: 1,
                column: 1,
            };
            faults.add(
                &place,
                format!("more than {MANIFEST_FILES_COUNT} manifests"),
                "remove those not in use",
            );
            return Err(faults);
        }
        let (lock_files, manifests): (Vec<&Source>, Vec<&Source>) = sources
            .iter()
            .partition(|source| source.name.ends_with(lock::ENDING));
        let locks = lock_files
            .into_iter()
            .filter_map(|source| lock::read(source, &mut faults))
            .map(|lock| (lock.server.clone(), Arc::new(lock)))
            .collect();
        let mut read: Vec<Scope> = manifests
            .into_iter()
            .filter_map(|source| {
                let tree = yaml::parse(source, &mut faults)?;
                manifest::read(&tree, &source.text, &mut faults)
            })
            .collect();
        // By file, so that which of two is called the second does not depend on the caller's order.
        read.sort_by(|one, other| one.place.cmp(&other.place));
        let mut agents: BTreeMap<AgentName, Arc<Scope>> = BTreeMap::new();
        for scope in read {
            if let Some(first) = agents.get(&scope.agent) {
                faults.add(
                    &scope.place,
                    format!(
                        "the agent {} has a manifest already, at {}",
                        scope.agent, first.place
                    ),
                    "keep one file for each agent",
                );
                continue;
            }
            agents.insert(scope.agent.clone(), Arc::new(scope));
        }
        jwt::refuse_twins(&agents, &mut faults);
        if faults.is_empty() {
            for scope in agents.values() {
                selftest::run(scope, &mut faults);
            }
        }
        match faults.is_empty() {
            true => Ok(Self::of(agents, locks)),
            false => Err(faults.sorted()),
        }
    }

    /// The scope of an agent.
    #[must_use]
    pub fn scope(&self, agent: &AgentName) -> Option<&Arc<Scope>> {
        self.agents.get(agent)
    }

    /// Every scope, by the agent's name.
    pub fn agents(&self) -> impl Iterator<Item = &Arc<Scope>> {
        self.agents.values()
    }

    /// The lock of a server, if there is one.
    #[must_use]
    pub fn lock(&self, server: &ServerName) -> Option<&Arc<Lock>> {
        self.locks.get(server)
    }

    /// The files and directories that no rule may reach.
    #[must_use]
    pub fn own(&self) -> &Arc<[PathBuf]> {
        &self.own
    }

    /// The digest of all manifests and locks together, whatever order and files they came in.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    fn of(agents: BTreeMap<AgentName, Arc<Scope>>, locks: BTreeMap<ServerName, Arc<Lock>>) -> Self {
        let fields = Fields::new("countersign.manifests.v1");
        let fields = agents.values().fold(fields, |fields, scope| {
            fields.field(scope.digest.as_bytes())
        });
        // A word in front keeps a lock's digest from being read as a manifest's.
        let fields = locks.values().fold(fields, |fields, lock| {
            fields.field(b"lock").field(lock.digest.as_bytes())
        });
        Self {
            digest: fields.digest(),
            agents,
            locks,
            own: Arc::default(),
        }
    }
}

impl Default for Scopes {
    fn default() -> Self {
        Self::empty()
    }
}
