//! What commands write: results to standard output, everything said about them to standard error.

use std::io::{self, Write};

use serde_json::Value;

use crate::model::text::{Surface, show};

/// Writes one line of a result.
pub(super) fn say(line: impl AsRef<str>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(line.as_ref().as_bytes())?;
    out.write_all(b"\n")
}

/// Writes a result for programs, on one line.
pub(super) fn json(value: &Value) -> io::Result<()> {
    say(show(&value.to_string(), Surface::Json))
}

/// Tells a person something that is not the result.
pub(super) fn tell(line: impl AsRef<str>) {
    let mut err = io::stderr().lock();
    // Where standard error is gone there is nobody to tell.
    let _ = err.write_all(line.as_ref().as_bytes());
    let _ = err.write_all(b"\n");
}
