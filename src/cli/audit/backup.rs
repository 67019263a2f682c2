//! `countersign audit backup`: a copy of the record as it stands at one moment, also while a guard runs.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::json;

use super::verify::verify_file;
use crate::cli::failure::Failure;
use crate::cli::place::Place;
use crate::cli::print;
use crate::store::sqlite::{FILE, Reader};

pub(super) fn run(place: &Place, file: &Path, as_json: bool) -> Result<(), Failure> {
    let data = place.data()?;
    let path = data.join(FILE);
    if !path.is_file() {
        return Err(Failure::Missing(format!(
            "there is no record in {}",
            data.display()
        )));
    }
    // SQLite writes into an empty file, which is private to its owner before anything is in it.
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    made.map_err(|error| unmade(file, &error))?;
    let copied = copy(&data, &path, file);
    match copied {
        Ok(entries) => told(file, entries, as_json),
        Err(failure) => {
            // What is there is no backup.
            let _ = std::fs::remove_file(file);
            Err(failure)
        }
    }
}

fn copy(data: &Path, path: &Path, file: &Path) -> Result<u64, Failure> {
    let reader = Reader::open(path).map_err(|error| Failure::because(&error))?;
    reader
        .copy_to(file)
        .map_err(|error| Failure::because(&error))?;
    let synced = File::open(file).and_then(|copy| copy.sync_all());
    synced.map_err(|error| unmade(file, &error))?;
    let report = verify_file(file, data)?;
    match report.ok() {
        true => Ok(report.entries),
        false => Err(Failure::Refused(format!(
            "the record that was copied does not verify: {report}"
        ))),
    }
}

fn told(file: &Path, entries: u64, as_json: bool) -> Result<(), Failure> {
    match as_json {
        true => print::json(&json!({"file": file.display().to_string(), "entries": entries}))?,
        false => print::say(format!(
            "{} holds {entries} entries and everything that decisions depend on; the keys are not in it",
            file.display()
        ))?,
    }
    Ok(())
}

fn unmade(file: &Path, error: &std::io::Error) -> Failure {
    Failure::Refused(format!("{} cannot be made: {error}", file.display()))
}
