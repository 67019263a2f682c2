//! What everybody of a world shares: the guard of the moment, the store that outlives it, the clock, the
//! record as read, the ledger, and the story.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign::ambient::{Ambient, Played};
use countersign::audit::checkpoint::Signer;
use countersign::audit::verify::{Sealed, verify_pruned};
use countersign::guard::{Guard, Keep, Parts, PinPolicy, Reload};
use countersign::limits::RECORD_SHARE_BYTES;
use countersign::model::credential::Operator;
use countersign::model::id::{BootId, CredentialId, SessionId};
use countersign::model::isolation::Isolation;
use countersign::model::target::Target;
use countersign::model::time::Timestamp;
use countersign::store::segments;
use countersign::store::sqlite::Sqlite;
use countersign::store::{Memory, SharedStore};
use tempfile::TempDir;

use super::cast::{self, AGENTS, OPERATORS, SERVERS};
use super::dice::Dice;
use super::errands::at_once;
use super::faulty::{Count, Faulty, Weather};
use super::invariants::{self, Broken};
use super::ledger::{Act, Ledger, Sent, Stopped};
use super::planted::{Fault, Planted};
use super::record::Record;
use super::whole::invariant_state_and_record_tell_the_same;

/// An agent's key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) agent: &'static str,
    pub(crate) credential: CredentialId,
    pub(crate) secret: String,
}

/// One run of the guard's program.
struct Process {
    guard: Arc<Guard>,
    store: Arc<Faulty>,
}

/// How a world is set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    pub(crate) planted: Option<Fault>,
    /// Whether the store is a file, rather than memory.
    pub(crate) on_disk: bool,
    /// Whether operations of the store give others their turn.
    pub(crate) hesitates: bool,
}

pub(crate) struct Stage {
    pub(crate) setting: Setting,
    pub(crate) clock: Arc<Played>,
    /// As the guard of the moment has it: each process begins by the wall clock.
    ambient: RefCell<Ambient>,
    directory: Option<TempDir>,
    /// Where sealed segments go, once something was pruned.
    segments: TempDir,
    inner: RefCell<SharedStore>,
    planted: Option<Arc<Planted>>,
    process: RefCell<Option<Process>>,
    dice: RefCell<Dice>,
    weather: Cell<Weather>,
    count: Arc<Count>,
    pub(crate) record: RefCell<Record>,
    pub(crate) ledger: RefCell<Ledger>,
    pub(crate) operators: RefCell<Vec<Operator>>,
    pub(crate) keys: RefCell<Vec<Key>>,
    pub(crate) sessions: RefCell<Vec<(&'static str, SessionId)>>,
    /// The variant of scopes and of each server's tools that was offered last.
    pub(crate) scopes: Cell<usize>,
    pub(crate) tools: Cell<[usize; SERVERS.len()]>,
    /// Whether somebody changes scopes or tools just now: they come one after another.
    pub(crate) changing: Cell<bool>,
    story: RefCell<Vec<String>>,
}

impl Stage {
    pub(crate) fn new(setting: Setting) -> Self {
        let start = Timestamp::from_millis(1_760_000_000_000);
        let (ambient, clock) = Ambient::played(setting.seed, start);
        let mut dice = Dice::new(setting.seed);
        let directory = setting.on_disk.then(|| tempfile::tempdir().unwrap());
        let inner = open(directory.as_ref(), &ambient);
        let planted = setting.planted.map(|fault| {
            let aside = Memory::new(signer(), BootId::random(&ambient), ambient.clone());
            Arc::new(Planted { fault, aside })
        });
        Self {
            setting,
            clock,
            ambient: RefCell::new(ambient),
            directory,
            segments: tempfile::tempdir().unwrap(),
            inner: RefCell::new(inner),
            planted,
            process: RefCell::default(),
            dice: RefCell::new(dice.fork()),
            weather: Cell::new(Weather::Fair),
            count: Arc::default(),
            record: RefCell::default(),
            ledger: RefCell::default(),
            operators: RefCell::default(),
            keys: RefCell::default(),
            sessions: RefCell::default(),
            scopes: Cell::new(0),
            tools: Cell::new([0; SERVERS.len()]),
            changing: Cell::new(false),
            story: RefCell::default(),
        }
    }

    /// Starts a guard over what the last one left; false if the store did not let it.
    pub(crate) async fn boot(&self) -> bool {
        let ambient = self.ambient.borrow().clone();
        let inner = Arc::clone(&self.inner.borrow());
        let dice = self.dice.borrow_mut().fork();
        let hesitates = self.setting.hesitates;
        let store = Arc::new(Faulty::over(
            inner,
            self.planted.clone(),
            dice,
            hesitates,
            Arc::clone(&self.count),
        ));
        store.set_weather(self.weather.get());
        let scopes = cast::scopes(self.scopes.get());
        let began = self.changes_scopes();
        let started = Guard::start(Parts {
            store: Arc::clone(&store) as SharedStore,
            scopes: scopes.clone(),
            ambient,
            match_key: [1; 32],
            code_key: [2; 32],
            permit_key: [3; 32],
            all_synced: false,
            record_share_bytes: RECORD_SHARE_BYTES,
            reload: Reload::Auto,
            pin: PinPolicy::FirstUse,
            isolation: Isolation::Host,
        })
        .await;
        let guard = match started {
            Ok(guard) => guard,
            Err(fault) => {
                store.die();
                self.tell(format_args!("the guard does not start: {fault}"));
                return false;
            }
        };
        self.scopes_in_force(began);
        for server in 0..SERVERS.len() {
            let began = self.changes_tools(server);
            let presented = cast::presented(server, self.tools.get()[server]);
            if guard
                .present(&cast::server(server), &presented)
                .await
                .is_ok()
            {
                self.tools_in_force(&guard, server, began);
            }
        }
        self.tell(format_args!("the guard starts"));
        *self.process.borrow_mut() = Some(Process { guard, store });
        true
    }

    /// The people and keys of the first day.
    pub(crate) async fn hire(&self) {
        let guard = self.guard();
        for (name, group) in OPERATORS {
            let groups = vec![cast::group(group)];
            let hired = guard
                .add_operator("test", cast::operator(name), groups)
                .await;
            self.operators
                .borrow_mut()
                .extend(hired.map(|(operator, _)| operator));
        }
        for agent in AGENTS {
            self.issue(agent).await;
        }
    }

    /// Issues a key, which brings a revoked agent back.
    pub(crate) async fn issue(&self, agent: &'static str) {
        let lifted = [
            Stopped::Agent(agent.to_owned()),
            Stopped::RevokedAgent(agent.to_owned()),
        ];
        let guard = self.guard();
        lifted
            .iter()
            .for_each(|what| self.ledger.borrow_mut().lift(what));
        let issued = guard.add_agent_key("test", &cast::agent(agent), None).await;
        lifted
            .iter()
            .for_each(|what| self.ledger.borrow_mut().lifted(what));
        match issued {
            Ok((credential, secret)) => {
                let credential = credential.id;
                self.tell(format_args!("{agent} gets key {credential}"));
                let members = vec![
                    ("credential", credential.to_string()),
                    ("state", "issued".to_owned()),
                ];
                self.acknowledged(0, "agent", members);
                self.keys.borrow_mut().push(Key {
                    agent,
                    credential,
                    secret,
                });
            }
            Err(fault) => self.tell(format_args!("{agent} gets no key: {fault}")),
        }
    }

    /// The process and everything in it is gone; the store is opened anew.
    pub(crate) fn crash(&self) {
        self.tell(format_args!("the guard dies"));
        self.ledger.borrow_mut().crash();
        self.changing.set(false);
        if let Some(process) = self.process.borrow_mut().take() {
            process.store.die();
        }
        if self.directory.is_some() {
            let inner = Arc::clone(&self.inner.borrow());
            at_once(inner.close()).unwrap();
        }
        *self.ambient.borrow_mut() = Ambient::playing(&self.clock);
        if self.directory.is_some() {
            *self.inner.borrow_mut() = open(self.directory.as_ref(), &self.ambient.borrow());
        }
    }

    pub(crate) fn guard(&self) -> Arc<Guard> {
        Arc::clone(&self.process.borrow().as_ref().unwrap().guard)
    }

    /// How many operations of the store were asked, and how many failed.
    pub(crate) fn asked(&self) -> (u64, u64) {
        let Count { asked, failed } = &*self.count;
        (asked.load(Ordering::SeqCst), failed.load(Ordering::SeqCst))
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        if weather != self.weather.get() {
            self.tell(format_args!("weather: {weather:?}"));
        }
        self.weather.set(weather);
        if weather != Weather::Fair {
            self.ledger.borrow_mut().disturbed = true;
        }
        if let Some(process) = &*self.process.borrow() {
            process.store.set_weather(weather);
        }
    }

    /// Reads what the record has more than was read.
    pub(crate) fn read(&self) -> Result<(), String> {
        let mut record = self.record.borrow_mut();
        let inner = self.inner.borrow();
        let entries = at_once(inner.entries(record.len() + 1, usize::MAX)).unwrap();
        entries.iter().try_for_each(|entry| record.take(entry))
    }

    /// How many entries the record has by now.
    pub(crate) fn recorded(&self) -> u64 {
        let from = self.record.borrow().len();
        let newer = at_once(self.inner.borrow().entries(from + 1, usize::MAX)).unwrap();
        from + newer.len() as u64
    }

    /// Takes everything that is not needed any more out of the record, and what went before it too if an
    /// earlier try failed half way.
    pub(crate) async fn prune(&self) {
        let guard = self.guard();
        for _ in 0..2 {
            let keep = Keep::From(u64::MAX);
            match guard.prune("test", keep, self.segments.path()).await {
                Ok(pruned) => {
                    self.tell(format_args!("{} entries are pruned", pruned.count));
                    return;
                }
                Err(fault) => self.tell(format_args!("nothing more is pruned: {fault}")),
            }
        }
    }

    /// The whole record against its newest head, with what was sealed of it, and against what was read of
    /// it before.
    fn verify(&self) -> Result<(), String> {
        let inner = self.inner.borrow();
        let segments = at_once(inner.segments()).unwrap();
        let mut entries = Vec::new();
        for segment in &segments {
            let path = self.segments.path().join(segment.file());
            if segments::digest(&path).map_err(|fault| fault.to_string())? != segment.digest {
                return Err(format!("{} is not what was sealed", segment.file()));
            }
            let sealed = segments::entries(&path).map_err(|fault| fault.to_string())?;
            entries.extend(sealed.map(Result::unwrap));
        }
        let left = at_once(inner.entries(1, usize::MAX)).unwrap();
        let head = at_once(inner.head()).unwrap();
        let keys = [signer().public().clone()];
        let heads: Vec<_> = head.into_iter().collect();
        let alone = verify_pruned(
            Sealed {
                segments: &segments,
                ..Sealed::default()
            },
            left.iter().cloned().map(Ok::<_, String>),
            &heads,
            &keys,
            None,
            None,
        )?;
        if !alone.ok() {
            return Err(alone.to_string());
        }
        entries.extend(left);
        for (read, entry) in self.record.borrow().hashes.iter().zip(&entries) {
            if *read != entry.hash {
                return Err(format!("entry {} is not the one that was read", entry.seq));
            }
        }
        if entries.len() < self.record.borrow().hashes.len() {
            return Err("entries that were read are gone".to_owned());
        }
        let sealed = Sealed {
            segments: &segments,
            are_read: true,
            rotations: &[],
        };
        let entries = entries.into_iter().map(Ok::<_, String>);
        let report = verify_pruned(sealed, entries, &heads, &keys, None, None)?;
        match report.ok() && report.unsigned_tail == 0 {
            true => Ok(()),
            false => Err(report.to_string()),
        }
    }

    /// Whether what is kept is what the record tells.
    pub(crate) fn whole(&self) -> Result<(), Broken> {
        invariant_state_and_record_tell_the_same(&self.inner.borrow(), &self.record.borrow())
            .map_err(|sentence| Broken {
                invariant: "invariant_state_and_record_tell_the_same",
                sentence,
            })
    }

    /// What must hold when all is quiet: the record verifies, and every permit has its outcome.
    pub(crate) fn settled(&self) -> Result<(), Broken> {
        let broken = |invariant| {
            move |sentence| Broken {
                invariant,
                sentence,
            }
        };
        self.whole()?;
        self.verify()
            .map_err(broken("invariant_the_chain_verifies"))?;
        let (record, ledger) = (self.record.borrow(), self.ledger.borrow());
        invariants::invariant_every_permit_has_an_outcome(&record, &ledger)
            .map_err(broken("invariant_every_permit_has_an_outcome"))
    }

    /// A call is written to its upstream, now.
    pub(crate) fn sent(&self, call: &str, seq: u64, digest: String) {
        let recorded = self.recorded();
        let mut ledger = self.ledger.borrow_mut();
        let moment = ledger.tick();
        ledger.sent.push(Sent {
            call: call.to_owned(),
            moment,
            parted: Duration::from_millis(self.ambient.borrow().parted_ms().unsigned_abs()),
            recorded,
            seq,
            digest,
        });
        drop(ledger);
        self.tell(format_args!("{call} is sent"));
    }

    pub(crate) fn acknowledged(
        &self,
        since: u64,
        kind: &'static str,
        members: Vec<(&'static str, String)>,
    ) {
        self.ledger.borrow_mut().acts.push(Act {
            since,
            kind,
            members,
        });
    }

    /// Scopes are about to change; gives the moment.
    pub(crate) fn changes_scopes(&self) -> u64 {
        let mut ledger = self.ledger.borrow_mut();
        ledger.lift_all(|what| matches!(what, Stopped::OtherManifests(..)));
        ledger.tick()
    }

    /// The scopes offered last are in force, and nothing judged under others is sent any more.
    pub(crate) fn scopes_in_force(&self, began: u64) {
        let scopes = cast::scopes(self.scopes.get());
        for agent in AGENTS {
            let digest = scopes
                .scope(&cast::agent(agent))
                .unwrap()
                .digest
                .to_string();
            let what = Stopped::OtherManifests(agent.to_owned(), digest);
            self.ledger.borrow_mut().stop(what, began);
        }
    }

    /// A server's tools are about to change; gives the moment.
    pub(crate) fn changes_tools(&self, server: usize) -> u64 {
        let mut ledger = self.ledger.borrow_mut();
        let prefix = format!("{}/", SERVERS[server].0);
        ledger.lift_all(
            |what| matches!(what, Stopped::OtherPins(tool, _) if tool.starts_with(&prefix)),
        );
        ledger.tick()
    }

    /// The tools presented last are those a call is judged on, and nothing judged on others is sent.
    pub(crate) fn tools_in_force(&self, guard: &Guard, server: usize, began: u64) {
        for tool in SERVERS[server].1 {
            let target = Target::tool(cast::server(server), tool);
            let pin = guard.catalog().tool(&target).unwrap().pin.to_string();
            let what = Stopped::OtherPins(target.to_string(), pin);
            self.ledger.borrow_mut().stop(what, began);
        }
    }

    /// Lets time pass for everybody.
    pub(crate) async fn pass(&self, duration: Duration) {
        self.clock.pass(duration);
        tokio::time::advance(duration).await;
    }

    pub(crate) fn tell(&self, what: std::fmt::Arguments<'_>) {
        let line = format!("{} {what}", self.ambient.borrow().now());
        self.story.borrow_mut().push(line);
    }

    pub(crate) fn story(&self) -> Vec<String> {
        self.story.borrow().clone()
    }
}

fn open(directory: Option<&TempDir>, ambient: &Ambient) -> SharedStore {
    let boot = BootId::random(ambient);
    match directory {
        None => Arc::new(Memory::new(signer(), boot, ambient.clone())),
        Some(directory) => {
            let opened = Sqlite::open(directory.path(), signer(), boot, ambient.clone(), false);
            Arc::new(opened.unwrap())
        }
    }
}

fn signer() -> Signer {
    Signer::from_seed(&[7; 32]).unwrap()
}
