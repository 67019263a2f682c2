//! Words made for tests, and the stores they are given to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::ambient::Ambient;
use countersign::audit::checkpoint::Signer;
use countersign::audit::entry::{Entry, EntryKind};
use countersign::engine::facts::{BudgetAsk, BudgetKey, Precedent, Spend, Standing};
use countersign::model::account::Account;
use countersign::model::action::MatchKey;
use countersign::model::aim::{Aim, Aims};
use countersign::model::approval::{Approval, ApprovalState};
use countersign::model::ballot::{Ballot, Choice};
use countersign::model::call::{Mode, Principal};
use countersign::model::credential::{Credential, CredentialKind, Operator};
use countersign::model::decimal::Decimal;
use countersign::model::digest::Digest;
use countersign::model::grant::Grant;
use countersign::model::history::{Lesson, Mark, Place, Reach, Who};
use countersign::model::id::{ApprovalId, BootId, CallId, CredentialId, GrantId, SessionId};
use countersign::model::name::{AgentName, GroupName, OperatorName, ServerName};
use countersign::model::passkey::{Passkey, PublicKey};
use countersign::model::pattern::Mould;
use countersign::model::pin::{Acceptance, Accepter, Pin, PinKey, PinKind, PinState};
use countersign::model::privilege::Privilege;
use countersign::model::proof::{Proof, ProofKind};
use countersign::model::quorum::ApprovalRule;
use countersign::model::reason::Reason;
use countersign::model::role::{Role, TokenScope};
use countersign::model::session::{Session, SessionState};
use countersign::model::target::{Target, TargetKind};
use countersign::model::time::Timestamp;
use countersign::store::sqlite::Sqlite;
use countersign::store::{
    Ask, Change, Commit, Expect, InFlight, Memory, Recorded, SharedStore, Store, StoreError, Sync,
};
use serde_json::Map;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_760_000_000_000);

pub(crate) fn signer() -> Signer {
    Signer::from_seed(&[7; 32]).unwrap()
}

/// Real randomness, because the stores of one test must not share identifiers.
pub(crate) fn ambient() -> Ambient {
    Ambient::system()
}

pub(crate) fn memory() -> SharedStore {
    let ambient = ambient();
    let boot = BootId::random(&ambient);
    Arc::new(Memory::new(signer(), boot, ambient))
}

pub(crate) fn sqlite(directory: &Path) -> Sqlite {
    // A clock that stands at the tests' own moment: what is older than a day is not loaded.
    let (clock, _) = Ambient::played(1, NOW);
    let boot = BootId::random(&ambient());
    Sqlite::open(directory, signer(), boot, clock, false).unwrap()
}

/// Each store with its name; the directory has to outlive it.
pub(crate) fn stores() -> Vec<(&'static str, SharedStore, Option<tempfile::TempDir>)> {
    let directory = tempfile::tempdir().unwrap();
    let sqlite: SharedStore = Arc::new(sqlite(directory.path()));
    vec![
        ("memory", memory(), None),
        ("sqlite", sqlite, Some(directory)),
    ]
}

pub(crate) fn later(seconds: u64) -> Timestamp {
    NOW.after(Duration::from_secs(seconds))
}

pub(crate) fn agent(name: &str) -> AgentName {
    AgentName::parse(name).unwrap()
}

pub(crate) fn group(name: &str) -> GroupName {
    GroupName::parse(name).unwrap()
}

pub(crate) fn operator_name(name: &str) -> OperatorName {
    OperatorName::parse(name).unwrap()
}

pub(crate) fn target(name: &str) -> Target {
    Target::tool(ServerName::parse("bank").unwrap(), name)
}

pub(crate) fn key(byte: u8) -> MatchKey {
    MatchKey::from_bytes([byte; 32])
}

pub(crate) fn session(agent: &AgentName) -> Session {
    let ambient = ambient();
    Session {
        id: SessionId::random(&ambient),
        principal: Principal {
            agent: agent.clone(),
            credential: CredentialId::random(&ambient),
            on_behalf_of: None,
        },
        opened: NOW,
        seen: NOW,
        state: SessionState::Active,
        default: true,
        label: Some("a label".to_owned()),
        taint: None,
    }
}

pub(crate) fn approval(session: &Session, key: MatchKey) -> Approval {
    let ambient = ambient();
    let id = ApprovalId::random(&ambient);
    Approval {
        id,
        version: 1,
        call: CallId::random(&ambient),
        principal: session.principal.clone(),
        session: session.id,
        mode: Mode::Proxy,
        method: Arc::from("tools/call"),
        target: target("send"),
        privilege: Privilege::Money,
        arguments: bytes::Bytes::from_static(br#"{"amount":1.50}"#),
        secrets: BTreeSet::from(["/pin".to_owned()]),
        aims: Aims {
            destinations: BTreeSet::from([1, 2].map(|n| Aim::from_bytes([n; 32]))),
            objects: BTreeSet::from([Aim::from_bytes([3; 32])]),
        },
        extras: bytes::Bytes::new(),
        claims: bytes::Bytes::from_static(br#"{"task":"pay"}"#),
        key,
        mould: Some(Mould {
            frame: MatchKey::from_bytes([6; 32]),
            secrets: BTreeMap::from([("/pin".to_owned(), MatchKey::from_bytes([7; 32]))]),
        }),
        digest: Digest::of(b"action"),
        salt: [5; 16],
        manifest: Digest::of(b"manifest"),
        reasons: vec![(Reason::NeedsApproval, "payments/send asks".to_owned())],
        rule: ApprovalRule {
            step_up: true,
            ..ApprovalRule::one_of(
                vec![group("finance")],
                Duration::from_secs(900),
                Duration::from_secs(300),
            )
        },
        code: id.to_string().chars().skip(3).take(6).collect(),
        covers_session: true,
        opened: NOW,
        decide_by: later(900),
        state: ApprovalState::Held,
        ballots: Vec::new(),
    }
}

/// An approval of one use in the first stage.
pub(crate) fn ballot(person: &str) -> Ballot {
    Ballot {
        stage: 0,
        person: operator_name(person),
        lender: None,
        at: NOW,
        own: false,
        choice: Choice::Approve {
            uses: 1,
            life: None,
            pins: None,
        },
    }
}

pub(crate) fn grant(approval: &Approval, uses: u32) -> Grant {
    Grant {
        id: GrantId::random(&ambient()),
        approval: approval.id,
        agent: approval.principal.agent.clone(),
        session: approval.session,
        key: approval.key,
        pattern: None,
        uses,
        used: 0,
        until: later(300),
        revoked: None,
    }
}

pub(crate) fn credential(agent: &AgentName, secret: &[u8]) -> Credential {
    Credential {
        id: CredentialId::random(&ambient()),
        agent: agent.clone(),
        kind: CredentialKind::ApiKey,
        secret: Some(Digest::of(secret)),
        issued: NOW,
        expires: later(1_000),
        revoked: None,
    }
}

pub(crate) fn operator(name: &str, groups: &[&str]) -> Operator {
    Operator {
        name: operator_name(name),
        groups: groups.iter().map(|name| group(name)).collect(),
        roles: BTreeSet::from([Role::Approver]),
        added: NOW,
        revoked: None,
    }
}

pub(crate) fn token(name: &str, secret: &[u8]) -> Proof {
    let scopes = BTreeSet::from([TokenScope::Decide]);
    Proof {
        key: Digest::of(secret),
        version: 1,
        operator: operator_name(name),
        added: NOW,
        expires: Some(later(1_000)),
        used: None,
        ended: None,
        kind: ProofKind::Token { scopes },
    }
}

pub(crate) fn passkey(name: &str, id: &[u8]) -> Proof {
    let kind = ProofKind::Passkey(Passkey {
        id: id.to_vec(),
        label: "laptop".to_owned(),
        public: PublicKey::EdDsa([7; 32]),
        counter: 3,
        party: "localhost".to_owned(),
        confirmed: Some(("carol".to_owned(), NOW)),
    });
    Proof {
        expires: None,
        used: Some(NOW),
        kind,
        ..token(name, id)
    }
}

pub(crate) fn account(name: &str, key: &[u8]) -> Proof {
    let kind = ProofKind::Account(Account {
        issuer: "https://idp.example.com".to_owned(),
        subject: "u-1".to_owned(),
    });
    Proof {
        expires: None,
        used: Some(NOW),
        kind,
        ..token(name, key)
    }
}

/// Adds a person with a token, or moves both on.
pub(crate) fn person(name: &str, groups: &[&str], secret: &[u8]) -> Vec<Change> {
    vec![
        Change::SetOperator(operator(name, groups)),
        Change::SetProof(Box::new(token(name, secret))),
    ]
}

pub(crate) fn flight(session: &Session) -> InFlight {
    InFlight {
        call: CallId::random(&ambient()),
        agent: session.principal.agent.clone(),
        session: session.id,
        target: Target {
            kind: TargetKind::Resource,
            server: ServerName::parse("files").unwrap(),
            name: Arc::from("file:///a"),
        },
        destinations: BTreeSet::from([Aim::from_bytes([1; 32])]),
        privilege: Privilege::Read,
        approval: None,
        since: NOW,
        leg: countersign::store::Leg::Own,
    }
}

pub(crate) fn budget(agent: &AgentName, by: &str, window_seconds: u64) -> BudgetAsk {
    BudgetAsk {
        key: BudgetKey {
            agent: agent.clone(),
            budget: "bank/send /amount".to_owned(),
            by: by.to_owned(),
        },
        window: Duration::from_secs(window_seconds),
    }
}

/// What a call of a session teaches: a tool at a rung, with values at `/to`.
pub(crate) fn lesson(session: &Session, tool: &str, privilege: Privilege, values: &[u8]) -> Lesson {
    let reach = Reach {
        target: target(tool),
        definition: Digest::of(tool.as_bytes()),
    };
    let place = Place {
        reach: reach.clone(),
        pointer: Arc::from("/to"),
    };
    let marks = values.iter().map(|byte| Mark::from_bytes([*byte; 32]));
    Lesson {
        who: Who {
            agent: session.principal.agent.clone(),
            on_behalf_of: session.principal.on_behalf_of.clone(),
        },
        session: session.id,
        reach,
        privilege,
        values: marks.map(|mark| (place.clone(), mark)).collect(),
        is_tainted: false,
    }
}

pub(crate) fn learn(lesson: &Lesson, at: Timestamp) -> Change {
    Change::Learn(Box::new(lesson.clone()), at)
}

/// What the past says of a lesson, and whether tools have succeeded in its session.
pub(crate) async fn precedent(
    store: &dyn Store,
    lesson: &Lesson,
    after: &[&str],
    now: Timestamp,
) -> Precedent {
    let ask = Ask {
        agent: &lesson.who.agent,
        session: lesson.session,
        target: &lesson.reach.target,
        arguments: b"{}",
        aims: &Aims::default(),
        key: key(0),
        budgets: &[],
        lesson: Some(lesson),
        after: &after.iter().map(|name| target(name)).collect(),
        now,
    };
    store.standing(&ask).await.unwrap().precedent
}

pub(crate) fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

pub(crate) fn spend(ask: &BudgetAsk, amount: &str, limit: &str, at: Timestamp) -> Spend {
    Spend {
        ask: ask.clone(),
        amount: decimal(amount),
        limit: decimal(limit),
        at,
    }
}

/// A pin of a tool, as it is when it was first seen.
pub(crate) fn pin(name: &str, definition: &'static str) -> Pin {
    Pin {
        key: PinKey {
            server: ServerName::parse("crm").unwrap(),
            kind: PinKind::Tool,
            name: Arc::from(name),
            digest: Digest::of(definition.as_bytes()),
        },
        identity: Digest::of(b"crm"),
        definition: definition.into(),
        first_seen: NOW,
        version: 1,
        state: PinState::Seen,
    }
}

/// A pin in every state, each as it was first seen and then as it became.
pub(crate) fn pins() -> Vec<(Pin, Pin)> {
    let by = operator_name("alice");
    let accepted = |by| Acceptance { by, at: later(1) };
    let states = [
        PinState::Accepted(accepted(Accepter::Operator(by.clone()))),
        PinState::Accepted(accepted(Accepter::Lock)),
        PinState::Accepted(accepted(Accepter::Introduction)),
        PinState::Refused { by, at: later(2) },
        PinState::Superseded {
            accepted: accepted(Accepter::FirstUse),
            at: later(3),
        },
        PinState::Seen,
    ];
    states
        .into_iter()
        .enumerate()
        .map(|(at, state)| {
            let seen = pin(&format!("t{at}"), r#"{"name":"t"}"#);
            let moved = seen.moved_to(state);
            (seen, moved)
        })
        .collect()
}

pub(crate) fn entry(kind: EntryKind) -> Entry {
    let mut body = Map::new();
    body.insert("what".to_owned(), "a test".into());
    Entry {
        kind,
        at: NOW,
        body,
        disclosure: None,
    }
}

pub(crate) fn change(changes: Vec<Change>) -> Commit {
    Commit {
        expects: None,
        entry: entry(EntryKind::Decision),
        changes,
        sync: Sync::Handed,
    }
}

pub(crate) async fn write(store: &dyn Store, changes: Vec<Change>) -> Result<Recorded, StoreError> {
    store.commit(change(changes)).await
}

pub(crate) async fn write_at(
    store: &dyn Store,
    agent: &AgentName,
    revision: u64,
    changes: Vec<Change>,
) -> Result<Recorded, StoreError> {
    let expects = Some(Expect {
        agent: agent.clone(),
        revision,
    });
    let commit = Commit {
        expects,
        ..change(changes)
    };
    store.commit(commit).await
}

/// How things stand for a call of a session, at a moment, with budgets.
pub(crate) async fn stands(
    store: &dyn Store,
    session: &Session,
    key: MatchKey,
    budgets: &[BudgetAsk],
    now: Timestamp,
) -> Standing {
    let ask = Ask {
        agent: &session.principal.agent,
        session: session.id,
        target: &target("send"),
        arguments: br#"{"amount":1.50}"#,
        aims: &Aims::default(),
        key,
        budgets,
        lesson: None,
        after: &BTreeSet::new(),
        now,
    };
    store.standing(&ask).await.unwrap()
}

pub(crate) async fn standing(store: &dyn Store, session: &Session, key: MatchKey) -> Standing {
    stands(store, session, key, &[], NOW).await
}

pub(crate) fn moved(result: Result<Recorded, StoreError>) -> bool {
    matches!(result, Err(StoreError::Moved))
}
