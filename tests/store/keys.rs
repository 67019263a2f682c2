//! Keys in their directory, and heads in their anchor.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};

use countersign::audit::chain::Chain;
use countersign::audit::checkpoint::PublicKey;
use countersign::model::digest::Digest;
use countersign::model::id::BootId;
use countersign::store::anchor::{Anchor, AnchorError};
use countersign::store::keys::{Keys, KeysError};

use crate::made::*;

#[test]
fn keys_are_made_once_and_kept_for_their_owner_alone() {
    let data = tempfile::tempdir().unwrap();
    let first = Keys::open(data.path(), &ambient()).unwrap();
    let again = Keys::open(data.path(), &ambient()).unwrap();
    assert_eq!(first.checkpoint.public(), again.checkpoint.public());
    assert_eq!((first.permit, first.code), (again.permit, again.code));
    assert_ne!(first.permit, first.code);

    let keys = data.path().join("keys");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&keys), 0o700);
    let mut names = Vec::new();
    for file in fs::read_dir(&keys).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        if name != "checkpoint.pub" {
            assert_eq!(mode(&file.path()), 0o600, "{name}");
        }
        names.push(name);
    }
    names.sort();
    assert_eq!(
        names,
        [
            "checkpoint",
            "checkpoint.pub",
            "code",
            "match",
            "permit",
            "webhook"
        ]
    );
    let public = fs::read_to_string(keys.join("checkpoint.pub")).unwrap();
    let public = PublicKey::from_hex(public.trim_end()).unwrap();
    assert_eq!(&public, first.checkpoint.public());
}

#[test]
fn a_key_that_others_could_read_is_refused() {
    let data = tempfile::tempdir().unwrap();
    drop(Keys::open(data.path(), &ambient()).unwrap());
    let keys = data.path().join("keys");
    let permit = keys.join("permit");
    for (path, open, closed) in [(&permit, 0o640, 0o600), (&keys, 0o755, 0o700)] {
        fs::set_permissions(path, Permissions::from_mode(open)).unwrap();
        let refused = Keys::open(data.path(), &ambient()).err().unwrap();
        assert!(matches!(refused, KeysError::Exposed(..)), "{refused}");
        fs::set_permissions(path, Permissions::from_mode(closed)).unwrap();
    }
    Keys::open(data.path(), &ambient()).unwrap();

    fs::rename(&permit, data.path().join("elsewhere")).unwrap();
    symlink(data.path().join("elsewhere"), &permit).unwrap();
    let refused = Keys::open(data.path(), &ambient()).err().unwrap();
    assert!(matches!(refused, KeysError::File(..)), "{refused}");
}

#[test]
fn a_file_that_holds_no_key_is_refused() {
    let data = tempfile::tempdir().unwrap();
    drop(Keys::open(data.path(), &ambient()).unwrap());
    let file = data.path().join("keys/match");
    for text in [
        String::new(),
        "0".repeat(63),
        "0".repeat(66),
        "x".repeat(64),
    ] {
        fs::write(&file, text).unwrap();
        let refused = Keys::open(data.path(), &ambient()).err().unwrap();
        assert!(matches!(refused, KeysError::Malformed(_)), "{refused}");
    }
}

#[test]
fn guards_that_start_at_once_share_their_keys() {
    let data = tempfile::tempdir().unwrap();
    let mut permits: Vec<_> = std::thread::scope(|scope| {
        let starting: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| Keys::open(data.path(), &ambient()).unwrap().permit))
            .collect();
        starting
            .into_iter()
            .map(|one| one.join().unwrap())
            .collect()
    });
    permits.dedup();
    assert_eq!(permits.len(), 1);
}

#[test]
fn an_anchor_keeps_heads_and_drops_a_line_that_was_cut_short() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("heads.jsonl");
    let boot = BootId::random(&ambient());
    let head = |count| {
        let chain = Chain::resume(count, Digest::of(b"some entry"));
        signer().sign(&chain, later(count), boot)
    };
    let mut anchor = Anchor::open(&path).unwrap();
    anchor.append(&head(1)).unwrap();
    anchor.append(&head(2)).unwrap();
    drop(anchor);
    assert_eq!(Anchor::read(&path).unwrap(), [head(1), head(2)]);

    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    write!(file, "{{\"head\":{}", " ".repeat(5_000)).unwrap();
    assert_eq!(Anchor::read(&path).unwrap().len(), 2);
    let mut anchor = Anchor::open(&path).unwrap();
    anchor.append(&head(3)).unwrap();
    assert_eq!(Anchor::read(&path).unwrap(), [head(1), head(2), head(3)]);

    writeln!(file, "{{\"key\":\"{}\"}}", signer().public()).unwrap();
    assert!(matches!(Anchor::read(&path), Err(AnchorError::NotAHead(_))));
    let broken = directory.path().join("broken");
    fs::write(&broken, "no head\n").unwrap();
    assert!(matches!(
        Anchor::read(&broken),
        Err(AnchorError::Unreadable(..))
    ));
}
