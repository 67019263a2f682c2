//! How far agents and tools are kept from the guard itself: computed at the start, and said.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Setup;

/// What keeps an agent from the guard's own files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Isolation {
    /// Nothing: code of the same user can read the keys and change the record and the scopes. The
    /// guard advises a model that has only the guarded tools; it stops no program.
    None,
    /// The guard runs as an account of its own.
    Uid,
    /// Agents come over the network from elsewhere.
    Host,
}

impl Isolation {
    /// From the guard's own account, the owners and modes of its files, and where it listens.
    pub(super) fn of(setup: &Setup) -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let binary = std::env::current_exe().ok();
        let is_closed = [
            Some(setup.data.as_path()),
            Some(&setup.scopes),
            binary.as_deref(),
        ]
        .into_iter()
        .flatten()
        .all(|path| is_closed(path, uid));
        match (is_closed, setup.agents) {
            (false, _) | (true, None) => Self::None,
            (true, Some(agents)) if !agents.ip().is_loopback() => Self::Host,
            // People's accounts begin at 1000; what runs below is an account of the guard's own.
            (true, Some(_)) if uid < FIRST_PERSON_UID => Self::Uid,
            (true, Some(_)) => Self::None,
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => {
                "none (advisory: code that runs as the same user can change the guard itself)"
            }
            Self::Uid => "uid",
            Self::Host => "host",
        })
    }
}

fn is_closed(path: &Path, uid: u32) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|found| (found.uid() == uid || found.uid() == 0) && found.mode() & 0o022 == 0)
}

const FIRST_PERSON_UID: u32 = 1_000;
