//! The program behind a command: where it lies and what its bytes are.

use std::collections::HashMap;
use std::env;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use aws_lc_rs::digest::{Context, SHA256};

use parking_lot::Mutex;

use crate::model::digest::Digest;

/// The file that a command names: a path as it stands (from `cwd`), or the first executable of that
/// name in the guard's own `PATH`.
pub(super) fn find(command: &str, cwd: Option<&Path>) -> Option<PathBuf> {
    if command.contains('/') {
        let path = cwd.map_or_else(|| PathBuf::from(command), |cwd| cwd.join(command));
        return is_program(&path).then_some(path);
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(command))
        .find(|candidate| is_program(candidate))
}

/// The SHA-256 of a regular file; nothing for anything else.
///
/// A large file that has not changed since it was last read is not read again: servers start often, and
/// interpreters are large. The time of the inode's last change moves with every write and cannot be set
/// back; reading a large file takes longer than its clock's step, so that no change hides in one.
pub(super) fn digest(path: &Path) -> Option<Digest> {
    let mut file = File::open(path).ok()?;
    let found = file.metadata().ok()?;
    if !found.is_file() {
        return None;
    }
    if found.size() < LARGE_BYTES {
        return read(&mut file);
    }
    let stamp = Stamp::of(&found);
    if let Some(digest) = KNOWN.lock().get(&stamp) {
        return Some(*digest);
    }
    let digest = read(&mut file)?;
    // What changed while it was read has another stamp by now.
    if Stamp::of(&file.metadata().ok()?) == stamp {
        let mut known = KNOWN.lock();
        if known.len() >= KNOWN_COUNT {
            known.clear();
        }
        known.insert(stamp, digest);
    }
    Some(digest)
}

/// A file and the state it is in.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            length: found.size(),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

static KNOWN: LazyLock<Mutex<HashMap<Stamp, Digest>>> = LazyLock::new(Mutex::default);
const KNOWN_COUNT: usize = 256;
const LARGE_BYTES: u64 = 16 * 1_024 * 1_024;

fn read(file: &mut File) -> Option<Digest> {
    let mut hash = Context::new(&SHA256);
    let mut buffer = vec![0; 256 * 1_024];
    loop {
        let read = file.read(&mut buffer).ok()?;
        if read == 0 {
            break;
        }
        hash.update(buffer.get(..read)?);
    }
    Some(Digest::from_bytes(hash.finish().as_ref().try_into().ok()?))
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_in_the_path_and_a_path_is_taken_as_it_stands() {
        let shell = find("sh", None).unwrap();
        assert!(shell.is_absolute());
        assert_eq!(
            find("./sh", shell.parent()),
            Some(shell.parent().unwrap().join("./sh"))
        );
        assert_eq!(find("no-such-program-here", None), None);
        assert_eq!(find("/", None), None);
    }

    #[test]
    fn a_digest_is_over_every_byte_of_a_regular_file_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("program");
        for size in [600_000, usize::try_from(LARGE_BYTES).unwrap()] {
            for byte in [7, 8] {
                let bytes = vec![byte; size];
                std::fs::write(&path, &bytes).unwrap();
                for _ in 0..2 {
                    assert_eq!(digest(&path), Some(Digest::of(&bytes)));
                }
            }
        }
        assert_eq!(digest(directory.path()), None);
        assert_eq!(digest(&directory.path().join("absent")), None);
    }
}
