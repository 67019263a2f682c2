//! The directory of manifests and locks: read whole, and read again when it changed.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::failure::Failure;
use crate::cli::place::read_text;
use crate::cli::print;
use crate::guard::{Guard, Offered};
use crate::limits::{LOCK_BYTES, MANIFEST_BYTES, MANIFEST_FILES_COUNT};
use crate::scopes::{Scopes, Source};

/// The scopes of a directory that nobody else may write to, for a guard with that directory of its own.
pub(super) fn load(directory: &Path, data: &Path) -> Result<Scopes, Failure> {
    refuse_exposed(directory)?;
    compile(&read(directory)?, directory, data)
}

fn compile(sources: &[Source], directory: &Path, data: &Path) -> Result<Scopes, Failure> {
    let mut scopes = Scopes::compile(sources)?;
    scopes.keep_out(&own(directory, data))?;
    Ok(scopes)
}

/// The guard's own directories and its program, as they really are.
pub(in crate::cli) fn own(directory: &Path, data: &Path) -> Vec<PathBuf> {
    [directory, data]
        .into_iter()
        .map(Path::to_owned)
        .chain(std::env::current_exe().ok())
        .filter_map(|path| path.canonicalize().ok())
        .collect()
}

/// Every manifest and lock of a directory, in the order of their names.
pub(in crate::cli) fn read(directory: &Path) -> Result<Vec<Source>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::Input(format!("{} cannot be read: {error}", directory.display()))
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_named = path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml" || end == "lock");
        // Tests of manifests stand beside them.
        let is_test = path.to_string_lossy().ends_with(".test.yaml");
        if is_named && !is_test && path.is_file() {
            paths.push(path);
        }
        if paths.len() > MANIFEST_FILES_COUNT {
            return Err(Failure::Input(format!(
                "{} has more than {MANIFEST_FILES_COUNT} manifests",
                directory.display()
            )));
        }
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            Ok(Source {
                text: read_text(&path, most_bytes(&path))?,
                name: path.display().to_string(),
            })
        })
        .collect()
}

fn most_bytes(path: &Path) -> usize {
    match path.extension().is_some_and(|end| end == "lock") {
        true => LOCK_BYTES,
        false => MANIFEST_BYTES,
    }
}

/// Offers the scopes to the guard whenever the directory changed, until the guard stops.
pub(super) async fn follow(directory: PathBuf, data: PathBuf, guard: Arc<Guard>) {
    let stopping = guard.stopping();
    let mut hangup = signal(SignalKind::hangup()).ok();
    let mut seen = read(&directory).unwrap_or_default();
    loop {
        let asked = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        let was_asked = tokio::select! {
            () = stopping.cancelled() => return,
            _ = asked => true,
            () = tokio::time::sleep(LOOK_INTERVAL) => false,
        };
        match read(&directory) {
            Ok(sources) if sources != seen => {
                offer(&directory, &data, &sources, &guard).await;
                seen = sources;
            }
            Ok(_) if was_asked => print::tell("the manifests are those already known"),
            Ok(_) => {}
            Err(failure) => {
                tracing::error!(%failure, "the manifests cannot be read; the old ones stay")
            }
        }
    }
}

async fn offer(directory: &Path, data: &Path, sources: &[Source], guard: &Guard) {
    let scopes = refuse_exposed(directory).and_then(|()| compile(sources, directory, data));
    let scopes = match scopes {
        Ok(scopes) => scopes,
        Err(failure) => {
            print::tell(format!("{failure}\nthe old scopes stay in force"));
            return;
        }
    };
    match guard.offer(scopes).await {
        Ok(Offered::InForce) => print::tell("changed scopes are in force (reload: auto)"),
        Ok(Offered::Waiting(digest)) => print::tell(format!(
            "changed scopes wait to be accepted: countersign scopes accept {digest}"
        )),
        Ok(Offered::Unchanged) => {}
        Err(error) => {
            tracing::error!(%error, "changed scopes could not be recorded; the old ones stay")
        }
    }
}

/// Whoever may write a manifest decides what agents may do.
fn refuse_exposed(directory: &Path) -> Result<(), Failure> {
    let found = std::fs::metadata(directory).map_err(|error| {
        Failure::Input(format!("{} cannot be read: {error}", directory.display()))
    })?;
    let uid = found.uid();
    let is_ours = uid == rustix::process::geteuid().as_raw() || uid == 0;
    match is_ours && found.mode() & 0o022 == 0 {
        true => Ok(()),
        false => Err(Failure::Refused(format!(
            "{} must belong to the guard's own user or root, and nobody else may write to it",
            directory.display()
        ))),
    }
}

const LOOK_INTERVAL: Duration = Duration::from_secs(1);
