//! What a file keeps: everything, across an orderly stop and across a process that vanishes.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use countersign::engine::facts::BudgetAsk;
use countersign::model::approval::ApprovalState;
use countersign::model::digest::Digest;
use countersign::model::id::{CallId, SessionId};
use countersign::model::outcome::Outcome;
use countersign::model::privilege::Privilege;
use countersign::model::proof::ProofKind;
use countersign::model::role::{Role, TokenScope};
use countersign::model::session::{AgentState, EndCause, SessionState};
use countersign::model::time::Timestamp;
use countersign::store::sqlite::{FILE, Reader, Sqlite};
use countersign::store::{Change, Store};

use crate::made::*;

/// Everything a store answers, as text.
async fn told(
    store: &Sqlite,
    sessions: &[countersign::model::session::Session],
    budgets: &[BudgetAsk],
) -> String {
    let mut told = String::new();
    for session in sessions {
        for byte in 0..4 {
            let standing = stands(store, session, key(byte), budgets, later(30)).await;
            told += &format!("{standing:#?}\n");
        }
        told += &format!("{:#?}\n", store.session(session.id).await.unwrap());
    }
    told += &format!("{:#?}\n", store.sessions(100).await.unwrap());
    told += &format!("{:#?}\n", store.approvals(None, 100).await.unwrap());
    told += &format!("{:#?}\n", store.approvals(Some(NOW), 100).await.unwrap());
    told += &format!("{:#?}\n", store.grants(100).await.unwrap());
    told += &format!("{:#?}\n", store.agents().await.unwrap());
    for name in ["a", "b"] {
        let history = store.history(&agent(name), later(30)).await.unwrap();
        told += &format!("{history:#?}\n");
    }
    told += &format!("{:#?}\n", store.credentials().await.unwrap());
    told += &format!("{:#?}\n", store.operators().await.unwrap());
    told += &format!("{:#?}\n", store.proofs().await.unwrap());
    told += &format!("{:#?}\n", store.in_flight().await.unwrap());
    told += &format!("{:#?}\n", store.rate_cells().await.unwrap());
    told += &format!("{:#?}\n", store.setting("scopes").await.unwrap());
    told += &format!("{:#?}\n", store.pins().await.unwrap());
    told += &format!("{:#?}\n", store.entries(1, 1_000).await.unwrap());
    told
}

#[tokio::test]
async fn a_restart_finds_everything_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(directory.path());
    let mut sessions = vec![
        session(&agent("a")),
        session(&agent("a")),
        session(&agent("b")),
    ];
    sessions[1].default = false;
    sessions[1].label = None;
    sessions[2].principal.on_behalf_of =
        Some(countersign::model::name::UserName::parse("kim@example.org").unwrap());
    for (seen, then) in pins() {
        let both = [seen, then].map(|one| Change::SetPin(Box::new(one)));
        write(&store, both.into()).await.unwrap();
    }
    for one in &sessions {
        write(&store, vec![Change::OpenSession(one.clone())])
            .await
            .unwrap();
    }
    let by = operator_name("olga");
    let states = [
        ApprovalState::Held,
        ApprovalState::Approved {
            by: by.clone(),
            at: NOW,
            redeem_by: later(300),
        },
        ApprovalState::Denied {
            by: by.clone(),
            at: NOW,
            message: Some("no\nand no".to_owned()),
        },
        ApprovalState::Denied {
            by: by.clone(),
            at: later(1),
            message: None,
        },
        ApprovalState::Expired,
        ApprovalState::Unredeemed,
        ApprovalState::Cancelled { at: NOW },
        ApprovalState::Invalidated { at: NOW },
        ApprovalState::Revoked { at: NOW },
        ApprovalState::Executing {
            call: CallId::random(&ambient()),
            by: by.clone(),
        },
        ApprovalState::Ended {
            outcome: Outcome::NotSent,
            call: CallId::random(&ambient()),
            by,
        },
    ];
    for (byte, state) in (0..).zip(states) {
        let one = approval(&sessions[usize::from(byte) % 3], key(byte % 4));
        let id = one.id;
        let mut changes = vec![Change::OpenApproval(Box::new(one.clone()))];
        if state != ApprovalState::Held {
            changes.push(Change::SetApproval {
                id,
                version: 1,
                state,
            });
        }
        changes.push(Change::AddGrant(grant(&one, 3)));
        write(&store, changes).await.unwrap();
    }
    let used = grant(&approval(&sessions[0], key(3)), 2);
    let euro = budget(&agent("a"), "EUR", 60);
    let flight = flight(&sessions[0]);
    let ended = SessionState::Ended(EndCause::Revoked);
    write(
        &store,
        vec![
            Change::AddGrant(used.clone()),
            Change::UseGrant(used.id, NOW),
            Change::Spend(flight.call, spend(&euro, "12.50", "100", later(5))),
            Change::Start(flight),
            learn(
                &lesson(&sessions[0], "send", Privilege::Money, &[1, 2]),
                NOW,
            ),
            learn(
                &lesson(&sessions[0], "find", Privilege::Read, &[]),
                later(1),
            ),
            learn(&lesson(&sessions[2], "send", Privilege::Send, &[3]), NOW),
            Change::SetAgent(agent("b"), AgentState::Revoked),
            Change::SetSession(sessions[2].id, ended),
            Change::SetSession(sessions[1].id, SessionState::Paused),
            Change::SeenSession(sessions[0].id, later(9)),
            Change::AddCredential(credential(&agent("c"), b"key")),
            Change::SetOperator(operator("olga", &["finance", "it"])),
            Change::SetProof(Box::new(token("olga", b"token"))),
            Change::SetProof(Box::new(passkey("olga", b"id"))),
            Change::SetProof(Box::new(account("olga", b"account"))),
            Change::SetOperator(operator("otto", &[])),
            Change::SetProof(Box::new(token("otto", b"other"))),
            Change::RevokeOperator(operator_name("otto"), NOW),
            Change::Rate("cell".into(), u64::MAX),
            Change::Setting("scopes".into(), "abc".into()),
        ],
    )
    .await
    .unwrap();

    let budgets = [euro];
    let before = told(&store, &sessions, &budgets).await;
    store.close().await.unwrap();
    let again = sqlite(directory.path());
    assert_eq!(told(&again, &sessions, &budgets).await, before);

    // Without a close, as if the process had vanished.
    write(&again, vec![Change::Setting("scopes".into(), "def".into())])
        .await
        .unwrap();
    let before = told(&again, &sessions, &budgets).await;
    let copy = tempfile::tempdir().unwrap();
    copy_record(directory.path(), copy.path());
    let recovered = sqlite(copy.path());
    assert_eq!(told(&recovered, &sessions, &budgets).await, before);
}

#[tokio::test]
async fn a_matter_that_ended_long_ago_is_read_from_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(directory.path());
    let mut session = session(&agent("a"));
    session.seen = Timestamp::from_millis(0);
    let mut old = approval(&session, key(1));
    old.opened = Timestamp::from_millis(0);
    old.decide_by = Timestamp::from_millis(1);
    let ended = SessionState::Ended(EndCause::Timeout);
    write(
        &store,
        vec![
            Change::OpenSession(session.clone()),
            Change::SetSession(session.id, ended),
            Change::OpenApproval(Box::new(old.clone())),
        ],
    )
    .await
    .unwrap();
    store.close().await.unwrap();
    let again = sqlite(directory.path());
    assert_eq!(again.sessions(10).await.unwrap(), []);
    let found = again.session(session.id).await.unwrap().unwrap();
    assert_eq!(found.state, ended);
    assert_eq!(again.approval(old.id).await.unwrap(), Some(old.clone()));
    assert_eq!(
        again.approvals(None, 10).await.unwrap(),
        [std::sync::Arc::new(old)]
    );
    let unknown = SessionId::random(&ambient());
    assert_eq!(again.session(unknown).await.unwrap(), None);
}

#[tokio::test]
async fn the_file_is_its_owners_alone_and_can_be_read_while_the_guard_runs() {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(directory.path());
    write(&store, Vec::new()).await.unwrap();
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let reader = Reader::open(&directory.path().join(FILE)).unwrap();
    assert_eq!(reader.entries(1, 10).unwrap().len(), 1);
    write(&store, Vec::new()).await.unwrap();
    assert_eq!(
        reader.entries(1, 10).unwrap(),
        store.entries(1, 10).await.unwrap()
    );
    assert_eq!(
        reader.heads().unwrap(),
        [store.head().await.unwrap().unwrap()]
    );
    assert_eq!(reader.keys().unwrap(), [signer().public().clone()]);
    assert!(Reader::open(&directory.path().join("none.db")).is_err());
}

fn copy_record(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        // The index of the log is rebuilt; a copy of a live one would be no crash but a muddle.
        if !file.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

/// A file as the version before roles left it.
const BEFORE_ROLES: [&str; 7] = [
    include_str!("../../src/store/sqlite/migrations/0001_record.sql"),
    include_str!("../../src/store/sqlite/migrations/0002_state.sql"),
    include_str!("../../src/store/sqlite/migrations/0003_history.sql"),
    include_str!("../../src/store/sqlite/migrations/0004_permits.sql"),
    include_str!("../../src/store/sqlite/migrations/0005_pins.sql"),
    include_str!("../../src/store/sqlite/migrations/0006_segments.sql"),
    include_str!("../../src/store/sqlite/migrations/0007_taint.sql"),
];

#[tokio::test]
async fn a_token_of_before_there_were_roles_is_good_for_what_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let db = rusqlite::Connection::open(directory.path().join(FILE)).unwrap();
    for migration in BEFORE_ROLES {
        db.execute_batch(migration).unwrap();
    }
    db.pragma_update(None, "user_version", 7).unwrap();
    let (olga, otto) = (Digest::of(b"token"), Digest::of(b"other"));
    for (name, secret, revoked) in [("olga", &olga, None), ("otto", &otto, Some(NOW.millis()))] {
        db.execute(
            "INSERT INTO operators VALUES (?1, '[\"finance\"]', ?2, ?3, ?4, ?5)",
            rusqlite::params![
                name,
                secret.as_bytes().as_slice(),
                NOW.millis(),
                later(9).millis(),
                revoked
            ],
        )
        .unwrap();
    }
    drop(db);
    let store = sqlite(directory.path());
    let found = store
        .operator(&operator_name("olga"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.roles, BTreeSet::from([Role::Approver, Role::Admin]));
    assert_eq!(found.groups, [group("finance")]);
    let proof = store.proof(&olga).await.unwrap().unwrap();
    assert_eq!((proof.version, proof.operator), (1, operator_name("olga")));
    assert_eq!((proof.expires, proof.ended), (Some(later(9)), None));
    let scopes = BTreeSet::from([TokenScope::Decide, TokenScope::Admin]);
    assert_eq!(proof.kind, ProofKind::Token { scopes });
    let proof = store.proof(&otto).await.unwrap().unwrap();
    assert_eq!(proof.ended, Some(NOW));
}
