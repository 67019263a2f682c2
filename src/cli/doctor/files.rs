//! Who may read and change the guard's files.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::report::Report;
use crate::cli::operator::TOKEN_FILE;
use crate::store::keys;

pub(super) fn examine(data: &Path, scopes: &Path, config: Option<&Path>, report: &mut Report) {
    if data.is_dir() {
        closed(data, OTHERS_WRITE, report);
        let secrets = [data.join(keys::DIRECTORY), data.join(TOKEN_FILE)];
        for path in secrets
            .into_iter()
            .chain(inside(&data.join(keys::DIRECTORY)))
        {
            let is_public = path
                .file_name()
                .is_some_and(|name| name == keys::PUBLIC_FILE);
            let mask = if is_public { OTHERS_WRITE } else { OTHERS_READ };
            closed(&path, mask, report);
        }
    } else {
        report.note(format!("{} is not there yet", data.display()));
    }
    if scopes.is_dir() {
        closed(scopes, OTHERS_WRITE, report);
        for path in inside(scopes) {
            closed(&path, OTHERS_WRITE, report);
        }
    } else {
        report.wrong(format!(
            "{} is no directory: without manifests every call is denied",
            scopes.display()
        ));
    }
    if let Some(config) = config {
        closed(config, OTHERS_WRITE, report);
    }
}

/// A file that is there must belong to this user or the system, and be closed to others.
fn closed(path: &Path, mask: u32, report: &mut Report) {
    let Ok(found) = std::fs::symlink_metadata(path) else {
        return;
    };
    let owner = found.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        report.wrong(format!("{} belongs to user {owner}", path.display()));
    }
    // A link's own mode says nothing; what it leads to is not the guard's file.
    let mode = found.mode() & 0o777;
    if !found.is_symlink() && mode & mask != 0 {
        let what = if mask == OTHERS_READ {
            "reach"
        } else {
            "change"
        };
        report.wrong(format!(
            "others may {what} {} (mode {mode:o}): run `chmod go= {}`",
            path.display(),
            path.display()
        ));
    }
}

fn inside(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

const OTHERS_WRITE: u32 = 0o022;
const OTHERS_READ: u32 = 0o077;
