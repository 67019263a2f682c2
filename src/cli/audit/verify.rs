//! `countersign audit verify`: the record, or an export of it, against heads, keys and anchors.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::{Value, json};

use super::open;
use super::pages::Pages;
use super::segments;
use crate::audit::checkpoint::{PublicKey, SignedHead};
use crate::audit::entry::StoredEntry;
use crate::audit::line::Line;
use crate::audit::report::Report;
use crate::audit::segment::Segment;
use crate::audit::verify::{Sealed, verify_pruned};
use crate::audit::witnesses::Witnesses;
use crate::cli::failure::Failure;
use crate::cli::place::{Place, read_text};
use crate::cli::print;
use crate::limits::{SECRET_FILE_BYTES, WITNESSES_BYTES};
use crate::store::anchor::Anchor;
use crate::store::keys;
use crate::store::lines::lines;
use crate::store::sqlite::Reader;

pub(super) fn run(
    place: &Place,
    export: Option<&Path>,
    segments: Option<&Path>,
    anchors: Option<&Path>,
    key: Option<&Path>,
    operators: Option<&Path>,
    as_json: bool,
) -> Result<(), Failure> {
    let anchors = anchors
        .map(|path| Anchor::read(path).map_err(|error| Failure::because(&error)))
        .transpose()?;
    let key = key.map(read_key).transpose()?;
    let witnesses = operators.map(read_witnesses).transpose()?;
    let outside = Outside {
        anchors: anchors.as_deref(),
        witnesses: witnesses.as_ref(),
    };
    let report = match export {
        Some(path) => verify_export(path, segments, outside, key)?,
        None => verify_record(&place.data()?, segments, outside, key)?,
    };
    report_on(&report, as_json)
}

/// What was kept outside the record.
#[derive(Clone, Copy, Default)]
pub(in crate::cli) struct Outside<'a> {
    /// Heads.
    pub(in crate::cli) anchors: Option<&'a [SignedHead]>,
    /// Whose passkeys sign decisions.
    pub(in crate::cli) witnesses: Option<&'a Witnesses>,
}

/// Verifies the record in a guard's directory, from its first entry where `files` holds its segments.
pub(in crate::cli) fn verify_record(
    data: &Path,
    files: Option<&Path>,
    outside: Outside<'_>,
    key: Option<PublicKey>,
) -> Result<Report, Failure> {
    let reader = open(data)?;
    let trusted = match key {
        Some(key) => vec![key],
        None => keys_of(&reader, data)?,
    };
    verify_reader(&reader, &trusted, files, outside)
}

/// Verifies a copy of the record of a guard's directory.
pub(super) fn verify_file(file: &Path, data: &Path) -> Result<Report, Failure> {
    let reader = Reader::open(file).map_err(|error| Failure::because(&error))?;
    let trusted = keys_of(&reader, data)?;
    verify_reader(&reader, &trusted, None, Outside::default())
}

/// The key beside the record is not the record's own word for it, but lies in the same hands.
fn keys_of(reader: &Reader, data: &Path) -> Result<Vec<PublicKey>, Failure> {
    match read_key(&data.join(keys::DIRECTORY).join(keys::PUBLIC_FILE)) {
        Ok(key) => Ok(vec![key]),
        Err(_) => reader.keys().map_err(|error| Failure::because(&error)),
    }
}

fn verify_reader(
    reader: &Reader,
    trusted: &[PublicKey],
    files: Option<&Path>,
    outside: Outside<'_>,
) -> Result<Report, Failure> {
    let heads = reader.heads().map_err(|error| Failure::because(&error))?;
    let segments = reader.segments();
    let segments = segments.map_err(|error| Failure::because(&error))?;
    let entries = Pages::new(reader, 1);
    verify_all(files, &segments, entries, &heads, trusted, outside)
}

/// Verifies entries, after those of the sealed segments where their files are at hand.
fn verify_all(
    files: Option<&Path>,
    segments: &[Segment],
    entries: impl Iterator<Item = Result<StoredEntry, Failure>>,
    heads: &[SignedHead],
    keys: &[PublicKey],
    outside: Outside<'_>,
) -> Result<Report, Failure> {
    let Outside { anchors, witnesses } = outside;
    let are_read = files.is_some();
    let sealed = Sealed { segments, are_read };
    let Some(directory) = files else {
        return verify_pruned(sealed, entries, heads, keys, anchors, witnesses);
    };
    let entries = segments::read(directory, segments).map(Ok).chain(entries);
    let mut report = verify_pruned(sealed, entries, heads, keys, anchors, witnesses)?;
    for finding in segments::findings(directory, segments) {
        report.find(finding.place, finding.what);
    }
    Ok(report)
}

fn verify_export(
    path: &Path,
    files: Option<&Path>,
    outside: Outside<'_>,
    key: Option<PublicKey>,
) -> Result<Report, Failure> {
    refuse_broken_off(path)?;
    // Twice: heads and keys may stand anywhere, and entries are not kept in memory.
    let (mut heads, mut named, mut segments) = (Vec::new(), Vec::new(), Vec::new());
    for line in read_lines(path)? {
        match line? {
            Line::Head(head) => heads.push(head),
            Line::Key(key) => named.push(key),
            Line::Segment(segment) => segments.push(segment),
            Line::Record(_) => {}
        }
    }
    let trusted = key.map_or(named, |key| vec![key]);
    let entries = read_lines(path)?.filter_map(|line| match line {
        Ok(Line::Record(entry)) => Some(Ok(entry)),
        Ok(Line::Head(_) | Line::Key(_) | Line::Segment(_)) => None,
        Err(failure) => Some(Err(failure)),
    });
    verify_all(files, &segments, entries, &heads, &trusted, outside)
}

/// A last line without its end would be read as not there, and its entry as never written.
fn refuse_broken_off(path: &Path) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::Input(format!("{} cannot be read: {error}", path.display()))
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut last = [b'\n'];
    if file.metadata().map_err(unreadable)?.len() > 0 {
        file.seek(SeekFrom::End(-1)).map_err(unreadable)?;
        file.read_exact(&mut last).map_err(unreadable)?;
    }
    match last {
        [b'\n'] => Ok(()),
        _ => Err(Failure::Input(format!(
            "{} breaks off in its last line",
            path.display()
        ))),
    }
}

fn read_lines(path: &Path) -> Result<impl Iterator<Item = Result<Line, Failure>>, Failure> {
    let file = File::open(path)
        .map_err(|error| Failure::Input(format!("{} cannot be read: {error}", path.display())))?;
    let name = path.display().to_string();
    Ok(lines(BufReader::new(file))
        .map(move |line| line.map_err(|error| Failure::Input(format!("{name}: {error}")))))
}

fn read_key(path: &Path) -> Result<PublicKey, Failure> {
    let text = read_text(path, SECRET_FILE_BYTES as usize)?;
    PublicKey::from_hex(text.trim())
        .ok_or_else(|| Failure::Input(format!("{} does not hold a public key", path.display())))
}

fn read_witnesses(path: &Path) -> Result<Witnesses, Failure> {
    let text = read_text(path, WITNESSES_BYTES)?;
    Witnesses::parse(&text).map_err(|fault| Failure::Input(format!("{}: {fault}", path.display())))
}

fn report_on(report: &Report, as_json: bool) -> Result<(), Failure> {
    match as_json {
        true => {
            let findings: Vec<Value> = report
                .findings
                .iter()
                .map(|finding| json!({"place": finding.place.to_string(), "what": finding.what}))
                .collect();
            print::json(&json!({
                "ok": report.ok(),
                "entries": report.entries,
                "sealed": report.sealed,
                "signed_through": report.signed_through,
                "unsigned_tail": report.unsigned_tail,
                "anchored_through": report.anchored_through,
                "countersigned": report.countersigned,
                "unwitnessed": report.unwitnessed,
                "witnessed_by_itself": report.witnessed_by_itself,
                "findings": findings,
                "more": report.more,
            }))?;
        }
        false => print::say(report.to_string())?,
    }
    match report.ok() {
        true => Ok(()),
        false => Err(Failure::Refused("the record does not verify".to_owned())),
    }
}
