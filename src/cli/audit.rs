//! `countersign audit`: verify, read and export the record; works beside a running guard.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::failure::Failure;
use super::place::{Place, read_text};
use super::print;
use crate::audit::checkpoint::{PublicKey, SignedHead};
use crate::audit::entry::StoredEntry;
use crate::audit::line::Line;
use crate::audit::report::Report;
use crate::audit::verify::verify;
use crate::limits::{ENTRIES_PER_PAGE_COUNT, SECRET_FILE_BYTES};
use crate::model::json;
use crate::model::text::{cut, escape};
use crate::store::anchor::Anchor;
use crate::store::keys;
use crate::store::lines::lines;
use crate::store::sqlite::{FILE, Reader};

/// What to do with the record.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    deed: Deed,
}

#[derive(clap::Subcommand, Debug)]
enum Deed {
    /// Prove the record, or list every place where it was changed (exit code 1)
    Verify {
        /// An export instead of the record in the guard's directory
        #[arg(long, value_name = "EXPORT")]
        file: Option<PathBuf>,
        /// Signed heads that were kept outside, one a line
        #[arg(long, value_name = "FILE")]
        anchors: Option<PathBuf>,
        /// The public key that signs heads, in hexadecimal, kept outside
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Print the newest entries
    Tail {
        /// How many
        #[arg(short = 'n', long, default_value_t = 20)]
        lines: usize,
    },
    /// Print the whole record as JSON lines, with its heads and keys
    Export {
        /// First entry
        #[arg(long, default_value_t = 1)]
        from: u64,
    },
}

pub(super) fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    match args.deed {
        Deed::Verify { file, anchors, key } => {
            let anchors = anchors
                .map(|path| Anchor::read(&path).map_err(|error| Failure::because(&error)))
                .transpose()?;
            let key = key.map(|path| read_key(&path)).transpose()?;
            let report = match file {
                Some(path) => verify_export(&path, anchors.as_deref(), key)?,
                None => verify_record(&args.place.data()?, anchors.as_deref(), key)?,
            };
            report_on(&report, as_json)
        }
        Deed::Tail { lines } => tail(&open(&args.place.data()?)?, lines, as_json),
        Deed::Export { from } => export(&open(&args.place.data()?)?, from),
    }
}

/// The record of a directory, as it stands at this moment.
pub(super) fn open(data: &Path) -> Result<Reader, Failure> {
    let path = data.join(FILE);
    if !path.is_file() {
        return Err(Failure::Missing(format!(
            "there is no record in {}",
            data.display()
        )));
    }
    let reader = Reader::open(&path).map_err(|error| Failure::because(&error))?;
    reader.freeze().map_err(|error| Failure::because(&error))?;
    Ok(reader)
}

/// Verifies the record of a directory.
pub(super) fn verify_record(
    data: &Path,
    anchors: Option<&[SignedHead]>,
    key: Option<PublicKey>,
) -> Result<Report, Failure> {
    let reader = open(data)?;
    let heads = reader.heads().map_err(|error| Failure::because(&error))?;
    let trusted = match key {
        Some(key) => vec![key],
        // The key beside the record is not the record's own word for it, but lies in the same hands.
        None => match read_key(&data.join(keys::DIRECTORY).join(keys::PUBLIC_FILE)) {
            Ok(key) => vec![key],
            Err(_) => reader.keys().map_err(|error| Failure::because(&error))?,
        },
    };
    let entries = Pages::new(&reader, 1);
    verify(entries, &heads, &trusted, anchors)
}

fn verify_export(
    path: &Path,
    anchors: Option<&[SignedHead]>,
    key: Option<PublicKey>,
) -> Result<Report, Failure> {
    refuse_broken_off(path)?;
    // Twice: heads and keys may stand anywhere, and entries are not kept in memory.
    let (mut heads, mut named) = (Vec::new(), Vec::new());
    for line in read_lines(path)? {
        match line? {
            Line::Head(head) => heads.push(head),
            Line::Key(key) => named.push(key),
            Line::Record(_) => {}
        }
    }
    let trusted = key.map_or(named, |key| vec![key]);
    let entries = read_lines(path)?.filter_map(|line| match line {
        Ok(Line::Record(entry)) => Some(Ok(entry)),
        Ok(Line::Head(_) | Line::Key(_)) => None,
        Err(failure) => Some(Err(failure)),
    });
    verify(entries, &heads, &trusted, anchors)
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
                "signed_through": report.signed_through,
                "unsigned_tail": report.unsigned_tail,
                "anchored_through": report.anchored_through,
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

fn tail(reader: &Reader, most: usize, as_json: bool) -> Result<(), Failure> {
    let count = reader
        .heads()
        .map_err(|error| Failure::because(&error))?
        .iter()
        .map(|head| head.head.count)
        .max()
        .unwrap_or(0);
    let from = count.saturating_sub(most as u64).saturating_add(1);
    let mut newest = VecDeque::new();
    for entry in Pages::new(reader, from) {
        newest.push_back(entry?);
        if newest.len() > most {
            newest.pop_front();
        }
    }
    for entry in newest {
        match as_json {
            true => print::say(String::from_utf8_lossy(&Line::Record(entry).render()))?,
            false => print::say(sentence(&entry))?,
        }
    }
    Ok(())
}

/// One line for people; the body is the guard's, but it quotes agents.
fn sentence(entry: &StoredEntry) -> String {
    let body = json::parse(&entry.body).unwrap_or(Value::Null);
    let text = |name: &str| escape(body.get(name).and_then(Value::as_str).unwrap_or_default());
    let rest: Vec<String> = body
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| !["at", "kind", "v"].contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            format!("{}={}", escape(name), cut(&escape(&value), VALUE_CHARS))
        })
        .collect();
    format!(
        "{:>6}  {}  {:<9} {}",
        entry.seq,
        text("at"),
        text("kind"),
        rest.join(" ")
    )
}

fn export(reader: &Reader, from: u64) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut put = |line: &Line| {
        out.write_all(&line.render())?;
        out.write_all(b"\n")
    };
    for key in reader.keys().map_err(|error| Failure::because(&error))? {
        put(&Line::Key(key))?;
    }
    for entry in Pages::new(reader, from) {
        put(&Line::Record(entry?))?;
    }
    for head in reader.heads().map_err(|error| Failure::because(&error))? {
        put(&Line::Head(head))?;
    }
    Ok(out.flush()?)
}

/// The entries of a record, page by page.
pub(super) struct Pages<'a> {
    reader: &'a Reader,
    next: u64,
    page: VecDeque<StoredEntry>,
    over: bool,
}

impl<'a> Pages<'a> {
    /// From a sequence number on.
    pub(super) const fn new(reader: &'a Reader, from: u64) -> Self {
        Self {
            reader,
            next: from,
            page: VecDeque::new(),
            over: false,
        }
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<StoredEntry, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty() && !self.over {
            match self.reader.entries(self.next, ENTRIES_PER_PAGE_COUNT) {
                Ok(page) => {
                    self.over = page.is_empty();
                    self.page = page.into();
                    if let Some(last) = self.page.back() {
                        self.next = last.seq.saturating_add(1);
                    }
                }
                Err(error) => {
                    self.over = true;
                    return Some(Err(Failure::because(&error)));
                }
            }
        }
        self.page.pop_front().map(Ok)
    }
}

const VALUE_CHARS: usize = 120;
