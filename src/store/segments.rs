//! Files of sealed segments: written beside their place, synced and read again, and only then there.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};

use super::lines::{LinesError, lines};
use crate::audit::chain;
use crate::audit::entry::StoredEntry;
use crate::audit::line::Line;
use crate::audit::segment::Segment;
use crate::model::digest::Digest;

/// The directory of segments within the data directory, where no other is named.
pub const DIRECTORY: &str = "segments";

/// Why a segment could not be sealed or read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// A file or directory failed.
    #[error("{0} failed: {1}")]
    File(PathBuf, #[source] std::io::Error),
    /// A file is not what was written to it.
    #[error("{0} does not read back as it was written")]
    Differs(PathBuf),
    /// Another file has its name.
    #[error("{0} is there already, and is another")]
    Taken(PathBuf),
    /// It holds a line that is none.
    #[error("{0}: {1}")]
    Line(PathBuf, #[source] LinesError),
    /// It holds something else than entries.
    #[error("{0} holds something else than entries")]
    NotAnEntry(PathBuf),
    /// Nothing was put into it.
    #[error("a segment holds at least one entry")]
    Empty,
}

/// A segment on its way to its file.
pub struct Sealing {
    directory: PathBuf,
    path: PathBuf,
    file: BufWriter<File>,
    hasher: Context,
    first: u64,
    previous: Digest,
    last: Option<(u64, Digest)>,
}

impl Sealing {
    /// Begins the segment whose first entry is `first`, after the entry with hash `previous`.
    ///
    /// # Errors
    /// [`SegmentError::File`].
    pub fn begin(directory: &Path, first: u64, previous: Digest) -> Result<Self, SegmentError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|fault| SegmentError::File(directory.to_owned(), fault))?;
        let path = directory.join(UNSEALED);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .map_err(|fault| SegmentError::File(path.clone(), fault))?;
        Ok(Self {
            directory: directory.to_owned(),
            path,
            file: BufWriter::new(file),
            hasher: Context::new(&SHA256),
            first,
            previous,
            last: None,
        })
    }

    /// Adds the next entry.
    ///
    /// # Errors
    /// [`SegmentError::File`].
    pub fn put(&mut self, entry: StoredEntry) -> Result<(), SegmentError> {
        self.last = Some((entry.seq, entry.hash));
        let mut line = Line::Record(entry).render();
        line.push(b'\n');
        self.hasher.update(&line);
        self.file
            .write_all(&line)
            .map_err(|fault| SegmentError::File(self.path.clone(), fault))
    }

    /// How many entries it holds so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.last
            .map_or(0, |(last, _)| last.saturating_sub(self.first) + 1)
    }

    /// Syncs the file, reads it again, and gives it its name.
    ///
    /// # Errors
    /// [`SegmentError`]; no file has the segment's name then, or one that was there before.
    pub fn seal(self) -> Result<Segment, SegmentError> {
        let (last, hash) = self.last.ok_or(SegmentError::Empty)?;
        let path = self.path;
        let failed = |fault| SegmentError::File(path.clone(), fault);
        let file = self
            .file
            .into_inner()
            .map_err(|fault| failed(fault.into_error()))?;
        file.sync_all().map_err(failed)?;
        drop(file);
        let segment = Segment {
            first: self.first,
            last,
            previous: self.previous,
            hash,
            digest: taken(self.hasher),
        };
        check(&path, &segment)?;
        let sealed = self.directory.join(segment.file());
        if sealed.exists() {
            // An earlier try came as far as this and no further, or somebody put it there.
            return match digest(&sealed)? == segment.digest {
                true => Ok(segment),
                false => Err(SegmentError::Taken(sealed)),
            };
        }
        std::fs::rename(&path, &sealed).map_err(failed)?;
        let synced = File::open(&self.directory).and_then(|directory| directory.sync_all());
        synced.map_err(|fault| SegmentError::File(self.directory, fault))?;
        Ok(segment)
    }
}

/// The SHA-256 of a segment's file.
///
/// # Errors
/// [`SegmentError::File`].
pub fn digest(path: &Path) -> Result<Digest, SegmentError> {
    let failed = |fault| SegmentError::File(path.to_owned(), fault);
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = Context::new(&SHA256);
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        let length = file.read(&mut block).map_err(failed)?;
        if length == 0 {
            return Ok(taken(hasher));
        }
        hasher.update(block.get(..length).unwrap_or_default());
    }
}

/// The entries in a segment's file, in its order.
///
/// # Errors
/// [`SegmentError`].
pub fn entries(
    path: &Path,
) -> Result<impl Iterator<Item = Result<StoredEntry, SegmentError>> + use<>, SegmentError> {
    let path = path.to_owned();
    let file = File::open(&path).map_err(|fault| SegmentError::File(path.clone(), fault))?;
    Ok(lines(BufReader::new(file)).map(move |line| match line {
        Ok(Line::Record(entry)) => Ok(entry),
        Ok(_) => Err(SegmentError::NotAnEntry(path.clone())),
        Err(fault) => Err(SegmentError::Line(path.clone(), fault)),
    }))
}

/// Reads back what was written: the same bytes, and a chain from one end of the segment to the other.
fn check(path: &Path, segment: &Segment) -> Result<(), SegmentError> {
    let differs = || SegmentError::Differs(path.to_owned());
    if digest(path)? != segment.digest {
        return Err(differs());
    }
    let (mut seq, mut hash) = (segment.first.saturating_sub(1), segment.previous);
    for entry in entries(path)? {
        let entry = entry?;
        let follows = entry.seq == seq.saturating_add(1) && entry.previous == hash;
        if !follows || chain::hash(entry.seq, &entry.previous, &entry.body) != entry.hash {
            return Err(differs());
        }
        (seq, hash) = (entry.seq, entry.hash);
    }
    match (seq, hash) == (segment.last, segment.hash) {
        true => Ok(()),
        false => Err(differs()),
    }
}

fn taken(hasher: Context) -> Digest {
    let mut bytes = [0; 32];
    for (byte, of) in bytes.iter_mut().zip(hasher.finish().as_ref()) {
        *byte = *of;
    }
    Digest::from_bytes(bytes)
}

/// The name of a file that is no segment yet; the next try writes it anew.
const UNSEALED: &str = "unsealed.tmp";
const BLOCK_BYTES: usize = 64 * 1_024;
