//! Files of JSON lines: an exported record, or heads kept as an anchor.

use std::io::{BufRead, Read};

use crate::audit::line::{Line, LineFault};
use crate::limits::AUDIT_LINE_BYTES;

/// Why a file of lines could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    /// The file could not be read.
    #[error("line {0} could not be read")]
    Read(usize, #[source] std::io::Error),
    /// It holds a line that is none.
    #[error("line {0}: {1}")]
    Line(usize, #[source] LineFault),
    /// It holds a line beyond the bound.
    #[error("line {0} is longer than {AUDIT_LINE_BYTES} bytes")]
    TooLong(usize),
}

/// Reads line after line; ends after the first fault. A last line without an end is not there: its
/// writer was interrupted.
pub fn lines(mut file: impl BufRead) -> impl Iterator<Item = Result<Line, LinesError>> {
    let mut number = 0;
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        number += 1;
        let line = read(&mut file, number).transpose();
        ended = !matches!(line, Some(Ok(_)));
        line
    })
}

fn read(file: &mut impl BufRead, number: usize) -> Result<Option<Line>, LinesError> {
    let mut line = String::new();
    let bound = AUDIT_LINE_BYTES as u64 + 1;
    file.by_ref()
        .take(bound)
        .read_line(&mut line)
        .map_err(|fault| LinesError::Read(number, fault))?;
    match line.strip_suffix('\n') {
        Some(line) => Line::parse(line)
            .map(Some)
            .map_err(|fault| LinesError::Line(number, fault)),
        None if line.len() > AUDIT_LINE_BYTES => Err(LinesError::TooLong(number)),
        None => Ok(None),
    }
}
