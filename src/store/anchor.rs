//! An anchor: signed heads kept in a file of their own, so that a rewritten record does not match.
//!
//! It proves as much as the place it is kept in: beside the record it stops who can write only the
//! record; copied elsewhere it stops who can write both.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::lines::{LinesError, lines};
use crate::audit::checkpoint::SignedHead;
use crate::audit::line::Line;

/// The name of the file in the data directory.
pub const FILE: &str = "heads.jsonl";

/// Why an anchor failed.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The file could not be opened, written or synced.
    #[error("the anchor {0} failed")]
    File(PathBuf, #[source] std::io::Error),
    /// It holds something else than heads.
    #[error("the anchor {0} is not readable: {1}")]
    Unreadable(PathBuf, #[source] LinesError),
    /// It holds a line that is no head.
    #[error("the anchor {0} holds something else than heads")]
    NotAHead(PathBuf),
}

/// A file that heads are appended to.
pub struct Anchor {
    path: PathBuf,
    file: File,
}

impl Anchor {
    /// Opens the file to append to, and makes it if it is not there. A line that was interrupted while
    /// it was written is removed.
    ///
    /// # Errors
    /// [`AnchorError::File`].
    pub fn open(path: &Path) -> Result<Self, AnchorError> {
        let failed = |fault| AnchorError::File(path.to_owned(), fault);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        let whole = whole_lines(&mut file).map_err(failed)?;
        file.set_len(whole).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Appends a head and syncs it to the disk.
    ///
    /// # Errors
    /// [`AnchorError::File`].
    pub fn append(&mut self, head: &SignedHead) -> Result<(), AnchorError> {
        let mut line = Line::Head(head.clone()).render();
        line.push(b'\n');
        self.file
            .write_all(&line)
            .and_then(|()| self.file.sync_data())
            .map_err(|fault| AnchorError::File(self.path.clone(), fault))
    }

    /// The heads in a file, in its order.
    ///
    /// # Errors
    /// [`AnchorError`].
    pub fn read(path: &Path) -> Result<Vec<SignedHead>, AnchorError> {
        let file = File::open(path).map_err(|fault| AnchorError::File(path.to_owned(), fault))?;
        lines(BufReader::new(file))
            .map(|line| match line {
                Ok(Line::Head(head)) => Ok(head),
                Ok(_) => Err(AnchorError::NotAHead(path.to_owned())),
                Err(fault) => Err(AnchorError::Unreadable(path.to_owned(), fault)),
            })
            .collect()
    }
}

/// Length of the file up to the end of its last whole line.
fn whole_lines(file: &mut File) -> std::io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut block = [0; BLOCK_BYTES];
    while end > 0 {
        let begin = end.saturating_sub(BLOCK_BYTES as u64);
        let length = usize::try_from(end - begin).unwrap_or(BLOCK_BYTES);
        let block = block.get_mut(..length).unwrap_or_default();
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(block)?;
        if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}

const BLOCK_BYTES: usize = 4_096;
