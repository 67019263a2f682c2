//! The program behind a command: where it lies and what its bytes are.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};

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
pub(super) fn digest(path: &Path) -> Option<Digest> {
    let mut file = File::open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
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
    use std::os::unix::fs::PermissionsExt;
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
        std::fs::write(&path, vec![7; 600_000]).unwrap();
        assert_eq!(digest(&path), Some(Digest::of(&vec![7; 600_000])));
        assert_eq!(digest(directory.path()), None);
        assert_eq!(digest(&directory.path().join("absent")), None);
    }
}
