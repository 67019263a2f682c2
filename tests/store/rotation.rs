//! Changes of the key that signs heads: both keys sign them, a verification follows them, and a fault of
//! the store leaves one key or the other.

use countersign::audit::chain::Chain;
use countersign::audit::checkpoint::{PublicKey, SignedHead, Signer};
use countersign::audit::entry::{Entry, EntryKind, StoredEntry};
use countersign::audit::report::{Place, Report};
use countersign::audit::rotation::Rotation;
use countersign::audit::verify::verify;
use countersign::model::id::BootId;
use countersign::model::json;
use countersign::store::keys::{self, Keys, Purpose};
use countersign::store::sqlite::{FILE, Reader};
use countersign::store::{Change, Commit, Store, StoreError};
use rusqlite::Connection;
use serde_json::Value;

use crate::made::*;

fn nth(seed: u8) -> Signer {
    Signer::from_seed(&[seed; 32]).unwrap()
}

fn public(seeds: &[u8]) -> Vec<PublicKey> {
    seeds
        .iter()
        .map(|seed| nth(*seed).public().clone())
        .collect()
}

fn rotation(next: &Signer) -> Commit {
    let mut entry = entry(EntryKind::Guard);
    entry.body = Rotation::body("test", "checkpoint", next.public().id());
    let changes = vec![Change::RotateSigner(next.clone())];
    Commit {
        entry,
        ..change(changes)
    }
}

/// A record made by hand: six entries, of which some change the key, and a head after each.
struct Made {
    chain: Chain,
    entries: Vec<StoredEntry>,
    heads: Vec<SignedHead>,
    signer: Signer,
}

impl Made {
    fn begin() -> Self {
        Self {
            chain: Chain::begin(),
            entries: Vec::new(),
            heads: Vec::new(),
            signer: nth(1),
        }
    }

    fn plain(mut self) -> Self {
        let entry = self.chain.append(br#"{"a":"test"}"#.to_vec(), None);
        self.put(entry);
        self
    }

    /// An entry that says that the key changes, signed by these two.
    fn rotated(mut self, old: u8, new: u8) -> Self {
        let next = nth(new);
        let body = Entry {
            kind: EntryKind::Guard,
            at: NOW,
            body: Rotation::body("test", "checkpoint", next.public().id()),
            disclosure: None,
        };
        let (seq, last) = (self.chain.count() + 1, self.chain.last());
        let sealed = Rotation::seal(&body.canonical(), seq, &last, &nth(old), &next).unwrap();
        let entry = self.chain.append(sealed, None);
        self.signer = next;
        self.put(entry);
        self
    }

    /// Another key signs, and no entry says so.
    fn replaced(mut self, new: u8) -> Self {
        self.signer = nth(new);
        self
    }

    fn put(&mut self, entry: StoredEntry) {
        self.entries.push(entry);
        let boot = BootId::random(&ambient());
        self.heads.push(self.signer.sign(&self.chain, NOW, boot));
    }

    fn verified(&self, told: &[u8]) -> Report {
        let entries = self.entries.iter().cloned().map(Ok::<_, StoreError>);
        verify(entries, &self.heads, &public(told), None).unwrap()
    }

    /// What is found when the first key was told.
    fn found(&self) -> String {
        let report = self.verified(&[1]);
        assert!(!report.ok(), "{report}");
        report.to_string()
    }
}

#[test]
fn changes_of_the_key_are_followed_from_whichever_key_was_told() {
    let made = Made::begin().plain().plain().rotated(1, 2).plain();
    let made = made.rotated(2, 3).plain();
    for told in [&[1][..], &[2], &[3], &[1, 2, 3]] {
        let report = made.verified(told);
        assert!(report.ok(), "{told:?}: {report}");
        assert_eq!((report.rotations, report.signed_through), (2, 6));
    }
    assert!(
        made.verified(&[1])
            .to_string()
            .contains("across 2 changes of key")
    );
    let stranger = made.verified(&[9]);
    let heads = (1..=6).map(Place::Head);
    let places: Vec<_> = stranger.findings.iter().map(|one| one.place).collect();
    assert_eq!(places, heads.collect::<Vec<_>>());
}

#[test]
fn a_change_that_is_missing_or_signed_by_one_key_or_out_of_order_does_not_verify() {
    let missing = Made::begin().plain().replaced(2).plain();
    let id = nth(2).public().id().to_owned();
    assert!(missing.found().contains(&format!("no key {id} is known")));
    // Whoever lost a key says so by naming both.
    assert!(missing.verified(&[1, 2]).ok());

    // The new key alone: whoever stole the place of the old one has only that.
    let usurped = Made::begin().plain().rotated(2, 3).plain();
    let found = usurped.found();
    assert!(
        found.contains(&format!("no key {} is known", nth(3).public().id())),
        "{found}"
    );

    for (name, told) in [
        ("old_signature", "the old key"),
        ("new_signature", "the new key"),
    ] {
        let mut once = Made::begin().plain().rotated(1, 2).plain();
        let Ok(Value::Object(mut body)) = json::parse(&once.entries[1].body) else {
            panic!("no object");
        };
        let other = ["old_signature", "new_signature"]
            .into_iter()
            .find(|one| *one != name);
        let copied = body.get(other.unwrap()).cloned().unwrap();
        body.insert(name.to_owned(), copied);
        let mut chain = Chain::resume(1, once.entries[0].hash);
        let second = chain.append(json::canonical_map(&body), None);
        let third = chain.append(once.entries[2].body.clone(), None);
        once.entries = vec![once.entries[0].clone(), second, third];
        once.heads = vec![
            once.heads[0].clone(),
            nth(2).sign(&chain, NOW, BootId::random(&ambient())),
        ];
        let found = once.found();
        assert!(
            found.contains(&format!(
                "entry 2: it changes the key that signs heads, and {told} did not sign it"
            )),
            "{found}"
        );
        assert!(
            found.contains(&format!("no key {} is known", nth(2).public().id())),
            "{found}"
        );
    }

    let reordered = Made::begin().plain().rotated(2, 3).rotated(1, 2).plain();
    let found = reordered.found();
    assert!(found.contains("entry 3: it replaces key"), "{found}");
    let back = Made::begin().plain().rotated(1, 2).rotated(2, 1).plain();
    assert!(back.found().contains("entry 3: it goes back to key"));
}

#[test]
fn a_key_signs_only_the_part_of_the_record_that_it_was_in_force_for() {
    let made = Made::begin().plain().rotated(1, 2).plain();
    let boot = BootId::random(&ambient());
    let mut stale = made;
    // Somebody who kept the old key signs the record as it stands now.
    stale.heads = vec![nth(1).sign(&stale.chain, NOW, boot)];
    let found = stale.found();
    assert!(found.contains("was replaced by entry 2"), "{found}");
    let early = Chain::resume(1, stale.entries[0].hash);
    stale.heads = vec![
        nth(2).sign(&early, NOW, boot),
        nth(2).sign(&stale.chain, NOW, boot),
    ];
    let found = stale.found();
    assert!(found.contains("signs from entry 2 on"), "{found}");
}

#[tokio::test]
async fn every_store_signs_with_the_new_key_from_the_entry_on_that_both_signed() {
    for (name, store, directory) in stores() {
        write(&*store, Vec::new()).await.unwrap();
        let before = store.head().await.unwrap().unwrap();
        assert_eq!(before.key, signer().public().id(), "{name}");
        let recorded = store.commit(rotation(&nth(2))).await.unwrap();
        assert_eq!(recorded.seq(), 2);
        let at = store.head().await.unwrap().unwrap();
        assert_eq!((at.key.as_str(), at.head.count), (nth(2).public().id(), 2));
        write(&*store, Vec::new()).await.unwrap();
        store.close().await.unwrap();
        let entries = store.entries(1, 10).await;
        let (entries, heads) = match directory {
            None => (entries.unwrap(), vec![store.head().await.unwrap().unwrap()]),
            Some(directory) => {
                let reader = Reader::open(&directory.path().join(FILE)).unwrap();
                assert_eq!(reader.rotations().unwrap().len(), 1);
                assert_eq!(reader.keys().unwrap().len(), 2);
                (reader.entries(1, 10).unwrap(), reader.heads().unwrap())
            }
        };
        for told in [signer(), nth(2)] {
            let entries = entries.iter().cloned().map(Ok::<_, StoreError>);
            let report = verify(entries, &heads, &[told.public().clone()], None).unwrap();
            assert!(report.ok(), "{name}: {report}");
            assert_eq!((report.rotations, report.unsigned_tail), (1, 0), "{name}");
        }
    }
}

#[tokio::test]
async fn a_change_that_could_not_be_written_leaves_the_old_key_and_one_that_was_the_new() {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(directory.path());
    write(&store, Vec::new()).await.unwrap();
    let db = Connection::open(directory.path().join(FILE)).unwrap();
    let refuse =
        "CREATE TRIGGER full BEFORE INSERT ON rotations BEGIN SELECT RAISE(ABORT, 'full'); END";
    db.execute_batch(refuse).unwrap();
    let refused = store.commit(rotation(&nth(2))).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    write(&store, Vec::new()).await.unwrap();
    let head = store.head().await.unwrap().unwrap();
    assert_eq!(
        (head.key.as_str(), head.head.count),
        (signer().public().id(), 2)
    );
    db.execute_batch("DROP TRIGGER full").unwrap();
    store.commit(rotation(&nth(2))).await.unwrap();
    write(&store, Vec::new()).await.unwrap();
    let head = store.head().await.unwrap().unwrap();
    assert_eq!(
        (head.key.as_str(), head.head.count),
        (nth(2).public().id(), 4)
    );
}

#[test]
fn a_change_that_broke_off_ends_as_the_record_says() {
    let data = tempfile::tempdir().unwrap();
    let before = Keys::open(data.path(), &ambient()).unwrap();
    let heir = keys::draw(data.path(), Purpose::Checkpoint, &ambient()).unwrap();
    let again = keys::draw(data.path(), Purpose::Checkpoint, &ambient()).unwrap();
    assert_eq!(
        heir.id(),
        again.id(),
        "one that may be in force is not drawn anew"
    );

    // Drawn, and not recorded.
    let draft = data.path().join("keys/checkpoint.0011223344556677");
    std::fs::write(&draft, "half").unwrap();
    keys::recover(data.path(), |_| None, &ambient()).unwrap();
    assert!(!draft.exists());
    let same = Keys::open(data.path(), &ambient()).unwrap();
    assert_eq!(same.checkpoint.public(), before.checkpoint.public());

    // Recorded, and not in its place.
    let heir = keys::draw(data.path(), Purpose::Checkpoint, &ambient()).unwrap();
    let named = |purpose| (purpose == Purpose::Checkpoint).then(|| heir.id().to_owned());
    keys::recover(data.path(), named, &ambient()).unwrap();
    let after = Keys::open(data.path(), &ambient()).unwrap();
    assert_eq!(after.checkpoint.public().id(), heir.id());
    let public = std::fs::read_to_string(data.path().join("keys/checkpoint.pub")).unwrap();
    assert_eq!(public.trim(), after.checkpoint.public().to_string());
    assert_eq!((after.permit, after.code), (before.permit, before.code));

    // In its place, and its name not yet published.
    std::fs::write(data.path().join("keys/checkpoint.pub"), "else\n").unwrap();
    keys::recover(data.path(), |_| None, &ambient()).unwrap();
    let listed = keys::list(data.path()).unwrap();
    assert_eq!(listed.len(), Purpose::ALL.len());
    let last = Keys::open(data.path(), &ambient()).unwrap();
    assert_eq!(last.checkpoint.public().id(), heir.id());
    let public = std::fs::read_to_string(data.path().join("keys/checkpoint.pub")).unwrap();
    assert_eq!(public.trim(), last.checkpoint.public().to_string());
}
