//! Attacks on the record as a file, and what each is found by.

use std::fs;
use std::path::Path;

use countersign::audit::chain::{self, Chain};
use countersign::audit::checkpoint::{PublicKey, SignedHead, Signer};
use countersign::audit::commitment::{Disclosure, commit};
use countersign::audit::entry::{COMMITMENT, EntryKind, StoredEntry};
use countersign::audit::line::Line;
use countersign::audit::report::{Finding, Place, Report};
use countersign::audit::verify::verify;
use countersign::model::arguments::Arguments;
use countersign::model::id::BootId;
use countersign::store::anchor::Anchor;
use countersign::store::lines::lines;
use countersign::store::sqlite::{FILE, Reader};
use countersign::store::{Commit, Store, StoreError};
use rusqlite::{Connection, params};

use crate::made::*;

const ENTRIES: u64 = 10;

/// A closed record of ten entries with their arguments, and an anchor written after the eighth.
async fn record() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(directory.path());
    let mut anchor = Anchor::open(&anchor(directory.path())).unwrap();
    for number in 1..=ENTRIES {
        let arguments = format!(r#"{{"amount":{number}.50,"to":["kim"]}}"#);
        let arguments = Arguments::parse(arguments.as_bytes()).unwrap();
        let (root, disclosure) = commit(&arguments, &[3; 16]);
        let mut entry = entry(EntryKind::Decision);
        entry
            .body
            .insert(COMMITMENT.to_owned(), root.to_string().into());
        entry.disclosure = Some(disclosure);
        store
            .commit(Commit {
                entry,
                ..change(Vec::new())
            })
            .await
            .unwrap();
        if number == 8 {
            anchor
                .append(&store.head().await.unwrap().unwrap())
                .unwrap();
        }
    }
    store.close().await.unwrap();
    directory
}

fn anchor(directory: &Path) -> std::path::PathBuf {
    directory.join("heads.jsonl")
}

fn alter(directory: &Path, sql: &str) {
    let db = Connection::open(directory.join(FILE)).unwrap();
    assert!(db.execute(sql, []).unwrap() > 0, "{sql}");
}

fn read(directory: &Path) -> (Vec<StoredEntry>, Vec<SignedHead>) {
    let reader = Reader::open(&directory.join(FILE)).unwrap();
    reader.freeze().unwrap();
    (
        reader.entries(1, usize::MAX).unwrap(),
        reader.heads().unwrap(),
    )
}

fn keys() -> [PublicKey; 1] {
    [signer().public().clone()]
}

fn verified(directory: &Path, anchors: Option<&[SignedHead]>) -> Report {
    let (entries, heads) = read(directory);
    let entries = entries.into_iter().map(Ok::<_, StoreError>);
    verify(entries, &heads, &keys(), anchors).unwrap()
}

fn alone(directory: &Path) -> Report {
    verified(directory, None)
}

fn anchored(directory: &Path) -> Report {
    let anchors = Anchor::read(&anchor(directory)).unwrap();
    verified(directory, Some(&anchors))
}

fn places(report: &Report) -> Vec<Place> {
    report
        .findings
        .iter()
        .map(|finding| finding.place)
        .collect()
}

#[tokio::test]
async fn an_untouched_record_is_consistent_and_says_how_far_it_is_anchored() {
    let directory = record().await;
    let report = alone(directory.path());
    assert_eq!(
        report.to_string(),
        "10 entries, internally consistent, not anchored; unsigned tail: 0"
    );
    assert_eq!(
        anchored(directory.path()).to_string(),
        "10 entries, consistent, anchored through entry 8; unsigned tail: 0"
    );
}

#[tokio::test]
async fn a_changed_byte_is_found_at_its_entry() {
    let directory = record().await;
    alter(
        directory.path(),
        "UPDATE entries SET body = replace(body, 'a test', 'a tesu') WHERE seq = 4",
    );
    let report = alone(directory.path());
    assert_eq!(places(&report), [Place::Entry(4)]);
    assert_eq!(
        report.to_string(),
        "10 entries, TAMPERED WITH OR DAMAGED; unsigned tail: 0\n\
         entry 4: its content is not what was hashed"
    );
}

#[tokio::test]
async fn a_changed_byte_hashed_anew_is_found_at_the_entry_after_it() {
    let directory = record().await;
    let (mut entries, _) = read(directory.path());
    let entry = &mut entries[3];
    let body = String::from_utf8(entry.body.clone())
        .unwrap()
        .replace("a test", "a tesu");
    let hash = chain::hash(4, &entry.previous, body.as_bytes());
    let db = Connection::open(directory.path().join(FILE)).unwrap();
    db.execute(
        "UPDATE entries SET body = ?1, hash = ?2 WHERE seq = 4",
        params![body, hash.as_bytes()],
    )
    .unwrap();
    assert_eq!(places(&alone(directory.path())), [Place::Entry(5)]);
}

#[tokio::test]
async fn a_removed_row_is_found_and_named() {
    let directory = record().await;
    alter(
        directory.path(),
        "DELETE FROM entries WHERE seq IN (1, 5, 6)",
    );
    let report = alone(directory.path());
    let missing = |from, to| Place::Missing { from, to };
    assert_eq!(places(&report), [missing(1, 1), missing(5, 6)]);
    assert!(
        report
            .to_string()
            .ends_with("entry 1: missing\nentries 5 to 6: missing")
    );
}

#[tokio::test]
async fn rows_that_changed_places_are_found() {
    let directory = record().await;
    alter(
        directory.path(),
        "UPDATE entries SET seq = 99 WHERE seq = 5",
    );
    alter(directory.path(), "UPDATE entries SET seq = 5 WHERE seq = 6");
    alter(
        directory.path(),
        "UPDATE entries SET seq = 6 WHERE seq = 99",
    );
    let places = places(&alone(directory.path()));
    assert!(places.contains(&Place::Entry(5)) && places.contains(&Place::Entry(6)));
}

#[tokio::test]
async fn a_cut_tail_is_found_by_the_newest_head() {
    let directory = record().await;
    alter(directory.path(), "DELETE FROM entries WHERE seq > 7");
    let report = alone(directory.path());
    assert_eq!(
        report.findings,
        [Finding {
            place: Place::Missing { from: 8, to: 10 },
            what: "missing, though a signed head counts them".to_owned(),
        }]
    );
}

#[tokio::test]
async fn a_head_that_is_missing_forged_or_of_an_unknown_key_is_found() {
    let directory = record().await;
    let (entries, heads) = read(directory.path());
    let check = |heads: &[SignedHead], keys: &[PublicKey]| {
        let entries = entries.iter().cloned().map(Ok::<_, StoreError>);
        verify(entries, heads, keys, None).unwrap()
    };
    let report = check(&[], &keys());
    assert_eq!(places(&report), [Place::Record]);
    assert_eq!(report.unsigned_tail, 10);

    let mut forged = heads.clone();
    forged[0].signature[9] ^= 1;
    let report = check(&forged, &keys());
    assert_eq!(places(&report), [Place::Head(10)]);
    assert_eq!(report.unsigned_tail, 10);

    let stranger = Signer::from_seed(&[8; 32]).unwrap();
    let report = check(&heads, &[stranger.public().clone()]);
    assert_eq!(places(&report), [Place::Head(10)]);
}

#[tokio::test]
async fn an_entry_added_without_the_key_is_an_unsigned_tail() {
    let directory = record().await;
    let (mut entries, heads) = read(directory.path());
    let last = entries.last().unwrap();
    let mut chain = Chain::resume(last.seq, last.hash);
    entries.push(chain.append(br#"{"forged":true}"#.to_vec(), None));
    let entries = entries.into_iter().map(Ok::<_, StoreError>);
    let report = verify(entries, &heads, &keys(), None).unwrap();
    assert_eq!(
        (report.entries, report.signed_through, report.unsigned_tail),
        (11, 10, 1)
    );
}

#[tokio::test]
async fn a_disclosure_that_does_not_match_its_commitment_is_found() {
    let directory = record().await;
    alter(
        directory.path(),
        "UPDATE entries SET disclosure = replace(disclosure, '3.50', '3.51') WHERE seq = 3",
    );
    alter(
        directory.path(),
        "UPDATE entries SET disclosure = '[' WHERE seq = 6",
    );
    let report = alone(directory.path());
    assert_eq!(places(&report), [Place::Entry(3), Place::Entry(6)]);

    // Redacting is no tampering.
    let directory = record().await;
    let (entries, _) = read(directory.path());
    let disclosure = String::from_utf8(entries[2].disclosure.clone().unwrap()).unwrap();
    let mut disclosure = Disclosure::parse(&disclosure).unwrap();
    disclosure.redact(&["/to".to_owned()]);
    let db = Connection::open(directory.path().join(FILE)).unwrap();
    db.execute(
        "UPDATE entries SET disclosure = ?1 WHERE seq = 3",
        [String::from_utf8(disclosure.render()).unwrap()],
    )
    .unwrap();
    assert!(alone(directory.path()).ok());
}

#[tokio::test]
async fn rows_and_head_removed_together_are_found_only_with_an_anchor() {
    let directory = record().await;
    alter(directory.path(), "DELETE FROM entries WHERE seq > 7");
    let (entries, heads) = read(directory.path());
    let last = entries.last().unwrap();
    // The key is not needed: a head of that time was copied when it was the newest.
    let chain = Chain::resume(last.seq, last.hash);
    let head = signer().sign(&chain, NOW, heads[0].head.boot);
    let db = Connection::open(directory.path().join(FILE)).unwrap();
    db.execute(
        "UPDATE heads SET count = 7, hash = ?1, at = ?2, signature = ?3",
        params![
            head.head.hash.as_bytes(),
            head.head.at.millis(),
            head.signature
        ],
    )
    .unwrap();
    assert!(alone(directory.path()).ok());
    let report = anchored(directory.path());
    assert_eq!(places(&report), [Place::Missing { from: 8, to: 8 }]);
    assert_eq!(
        report.findings[0].what,
        "missing, though an anchor counts them"
    );
    assert_eq!(report.anchored_through, None);
}

#[tokio::test]
async fn an_older_copy_restored_is_found_only_with_an_anchor() {
    let directory = record().await;
    let older = tempfile::tempdir().unwrap();
    let store = sqlite(older.path());
    write(&store, Vec::new()).await.unwrap();
    store.close().await.unwrap();
    fs::copy(older.path().join(FILE), directory.path().join(FILE)).unwrap();
    assert!(alone(directory.path()).ok());
    let report = anchored(directory.path());
    assert_eq!(places(&report), [Place::Missing { from: 2, to: 8 }]);
}

#[tokio::test]
async fn rewriting_and_resigning_the_tail_fails_against_an_anchor() {
    let directory = record().await;
    let (mut entries, _) = read(directory.path());
    let kept = &entries[4];
    let mut chain = Chain::resume(kept.seq, kept.hash);
    for entry in entries.iter_mut().skip(5) {
        let body = String::from_utf8(entry.body.clone())
            .unwrap()
            .replace("test", "lie");
        *entry = chain.append(body.into_bytes(), entry.disclosure.take());
    }
    let boot = BootId::random(&ambient());
    let heads = [signer().sign(&chain, NOW, boot)];
    let check = |anchors: Option<&[SignedHead]>| {
        let entries = entries.iter().cloned().map(Ok::<_, StoreError>);
        verify(entries, &heads, &keys(), anchors).unwrap()
    };
    assert!(check(None).ok());
    let report = check(Some(&Anchor::read(&anchor(directory.path())).unwrap()));
    assert_eq!(
        report.findings,
        [Finding {
            place: Place::Anchor(8),
            what: "the record up to there is not the one that was signed".to_owned(),
        }]
    );
}

#[tokio::test]
async fn an_exported_record_verifies_like_the_file() {
    let directory = record().await;
    let (entries, heads) = read(directory.path());
    let mut export = Vec::new();
    let records = entries.into_iter().map(Line::Record);
    for line in records.chain(heads.into_iter().map(Line::Head)) {
        export.extend(line.render());
        export.push(b'\n');
    }
    let check = |export: &[u8]| {
        let (mut entries, mut heads) = (Vec::new(), Vec::new());
        for line in lines(export) {
            match line.unwrap() {
                Line::Record(entry) => entries.push(Ok::<_, StoreError>(entry)),
                Line::Head(head) => heads.push(head),
                Line::Key(_) | Line::Segment(_) | Line::Rotation(_) => panic!("there is none"),
            }
        }
        verify(entries, &heads, &keys(), None).unwrap()
    };
    assert!(check(&export).ok());
    let changed = String::from_utf8(export)
        .unwrap()
        .replacen("a test", "a  test", 1);
    assert_eq!(places(&check(changed.as_bytes())), [Place::Entry(1)]);
}
