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

/// What is verified, and against what.
pub(super) struct Asked<'a> {
    /// An export instead of the record.
    pub(super) export: Option<&'a Path>,
    /// The directory of sealed segments.
    pub(super) segments: Option<&'a Path>,
    /// A file of heads.
    pub(super) anchors: Option<&'a Path>,
    /// A file of public keys.
    pub(super) keys: Option<&'a Path>,
    /// A file of the passkeys that sign decisions.
    pub(super) operators: Option<&'a Path>,
}

/// Where the keys that are trusted were found, which is what their word is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Told,
    Beside,
    Record,
}

impl Origin {
    const fn name(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Beside => "beside the record",
            Self::Record => "the record itself",
        }
    }
}

pub(super) fn run(place: &Place, asked: Asked<'_>, as_json: bool) -> Result<(), Failure> {
    let anchors = asked
        .anchors
        .map(|path| Anchor::read(path).map_err(|error| Failure::because(&error)))
        .transpose()?;
    let witnesses = asked.operators.map(read_witnesses).transpose()?;
    let outside = Outside {
        anchors: anchors.as_deref(),
        witnesses: witnesses.as_ref(),
    };
    let told = asked.keys.map(read_keys).transpose()?;
    let (report, origin) = match asked.export {
        Some(path) => verify_export(path, asked.segments, outside, told)?,
        None => {
            let data = place.data()?;
            let reader = open(&data)?;
            let (trusted, origin) = trusted(&reader, &data, told)?;
            let report = verify_reader(&reader, &trusted, asked.segments, outside)?;
            (report, origin)
        }
    };
    report_on(&report, origin, as_json)
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
    let (trusted, _) = trusted(&reader, data, key.map(|key| vec![key]))?;
    verify_reader(&reader, &trusted, files, outside)
}

/// Verifies a copy of the record of a guard's directory.
pub(super) fn verify_file(file: &Path, data: &Path) -> Result<Report, Failure> {
    let reader = Reader::open(file).map_err(|error| Failure::because(&error))?;
    let (trusted, _) = trusted(&reader, data, None)?;
    verify_reader(&reader, &trusted, None, Outside::default())
}

/// The keys to trust. The one beside the record is not the record's own word for it, but lies in the same
/// hands.
fn trusted(
    reader: &Reader,
    data: &Path,
    told: Option<Vec<PublicKey>>,
) -> Result<(Vec<PublicKey>, Origin), Failure> {
    if let Some(told) = told {
        return Ok((told, Origin::Told));
    }
    if let Ok(keys) = read_keys(&data.join(keys::DIRECTORY).join(keys::PUBLIC_FILE)) {
        return Ok((keys, Origin::Beside));
    }
    let named = reader.keys().map_err(|error| Failure::because(&error))?;
    let heads = reader.heads().map_err(|error| Failure::because(&error))?;
    Ok((first_key(named, &heads), Origin::Record))
}

/// Of the keys that a record names itself, the one that signed first: every other must follow from it.
fn first_key(mut named: Vec<PublicKey>, heads: &[SignedHead]) -> Vec<PublicKey> {
    let first = heads
        .iter()
        .min_by_key(|head| (head.head.count, head.head.at));
    named.retain(|key| first.is_none_or(|head| head.key == key.id()));
    named
}

/// The entries of sealed segments that change the key.
pub(super) fn sealed_rotations(reader: &Reader) -> Result<Vec<StoredEntry>, Failure> {
    let segments = reader.segments();
    let segments = segments.map_err(|error| Failure::because(&error))?;
    let sealed = segments.last().map_or(0, |segment| segment.last);
    let mut rotations = reader
        .rotations()
        .map_err(|error| Failure::because(&error))?;
    rotations.retain(|entry| entry.seq <= sealed);
    Ok(rotations)
}

fn verify_reader(
    reader: &Reader,
    trusted: &[PublicKey],
    files: Option<&Path>,
    outside: Outside<'_>,
) -> Result<Report, Failure> {
    let heads = reader.heads().map_err(|error| Failure::because(&error))?;
    let segments = reader.segments();
    let sealed = Sealed {
        segments: &segments.map_err(|error| Failure::because(&error))?,
        are_read: files.is_some(),
        rotations: &sealed_rotations(reader)?,
    };
    let entries = Pages::new(reader, 1);
    verify_all(files, sealed, entries, &heads, trusted, outside)
}

/// Verifies entries, after those of the sealed segments where their files are at hand.
fn verify_all(
    files: Option<&Path>,
    sealed: Sealed<'_>,
    entries: impl Iterator<Item = Result<StoredEntry, Failure>>,
    heads: &[SignedHead],
    keys: &[PublicKey],
    outside: Outside<'_>,
) -> Result<Report, Failure> {
    let segments = sealed.segments;
    let Outside { anchors, witnesses } = outside;
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
    told: Option<Vec<PublicKey>>,
) -> Result<(Report, Origin), Failure> {
    refuse_broken_off(path)?;
    // Twice: heads and keys may stand anywhere, and entries are not kept in memory.
    let (mut heads, mut named) = (Vec::new(), Vec::new());
    let (mut segments, mut rotations) = (Vec::new(), Vec::new());
    for line in read_lines(path)? {
        match line? {
            Line::Head(head) => heads.push(head),
            Line::Key(key) => named.push(key),
            Line::Segment(segment) => segments.push(segment),
            Line::Rotation(entry) => rotations.push(entry),
            Line::Record(_) => {}
        }
    }
    let (trusted, origin) = match told {
        Some(told) => (told, Origin::Told),
        None => (first_key(named, &heads), Origin::Record),
    };
    let entries = read_lines(path)?.filter_map(|line| match line {
        Ok(Line::Record(entry)) => Some(Ok(entry)),
        Ok(Line::Head(_) | Line::Key(_) | Line::Segment(_) | Line::Rotation(_)) => None,
        Err(failure) => Some(Err(failure)),
    });
    let sealed = Sealed {
        segments: &segments,
        are_read: files.is_some(),
        rotations: &rotations,
    };
    let report = verify_all(files, sealed, entries, &heads, &trusted, outside)?;
    Ok((report, origin))
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

/// Public keys, one a line.
fn read_keys(path: &Path) -> Result<Vec<PublicKey>, Failure> {
    let text = read_text(path, SECRET_FILE_BYTES as usize)?;
    let keys: Option<Vec<PublicKey>> = text.lines().map(PublicKey::from_hex).collect();
    keys.filter(|keys| !keys.is_empty())
        .ok_or_else(|| Failure::Input(format!("{} does not hold a public key", path.display())))
}

fn read_witnesses(path: &Path) -> Result<Witnesses, Failure> {
    let text = read_text(path, WITNESSES_BYTES)?;
    Witnesses::parse(&text).map_err(|fault| Failure::Input(format!("{}: {fault}", path.display())))
}

fn report_on(report: &Report, origin: Origin, as_json: bool) -> Result<(), Failure> {
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
                "key_changes": report.rotations,
                "key_from": origin.name(),
                "countersigned": report.countersigned,
                "by_break_glass": report.glasses,
                "open_reviews": report.unreviewed,
                "unwitnessed": report.unwitnessed,
                "witnessed_by_itself": report.witnessed_by_itself,
                "findings": findings,
                "more": report.more,
            }))?;
        }
        false => print::say(report.to_string())?,
    }
    if origin != Origin::Told && !as_json {
        print::tell(format!(
            "the key that signs heads was taken from {}: name one that was kept elsewhere with --key",
            origin.name()
        ));
    }
    match report.ok() {
        true => Ok(()),
        false => Err(Failure::Refused("the record does not verify".to_owned())),
    }
}
