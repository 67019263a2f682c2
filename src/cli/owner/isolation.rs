//! How far agents and tools are kept from the guard itself: computed at the start, and said.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::model::isolation::Isolation;

/// From the guard's own account, the owners and modes of its files, and where it listens for agents.
pub(in crate::cli) fn compute(data: &Path, scopes: &Path, agents: Option<SocketAddr>) -> Isolation {
    let uid = rustix::process::geteuid().as_raw();
    let binary = std::env::current_exe().ok();
    let is_closed = [Some(data), Some(scopes), binary.as_deref()]
        .into_iter()
        .flatten()
        .all(|path| is_closed(path, uid));
    match (is_closed, agents) {
        (false, _) | (true, None) => Isolation::None,
        (true, Some(agents)) if !agents.ip().is_loopback() => Isolation::Host,
        // People's accounts begin at 1000; what runs below is an account of the guard's own.
        (true, Some(_)) if uid < FIRST_PERSON_UID => Isolation::Uid,
        (true, Some(_)) => Isolation::None,
    }
}

/// The word, and what it means where it means that nothing is kept apart.
pub(in crate::cli) fn sentence(isolation: Isolation) -> String {
    match isolation {
        Isolation::None => format!(
            "{isolation} (advisory: code that runs as the same user can change the guard itself; \
             `destroy`, `money` and `admin` are refused unless the manifest says `accept_local: true`)"
        ),
        Isolation::Uid | Isolation::Host => isolation.to_string(),
    }
}

fn is_closed(path: &Path, uid: u32) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|found| (found.uid() == uid || found.uid() == 0) && found.mode() & 0o022 == 0)
}

const FIRST_PERSON_UID: u32 = 1_000;
