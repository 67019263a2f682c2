//! Whether the record is anchored, and whether the clock stands where it says.

use std::path::Path;

use super::report::Report;
use crate::cli::audit;
use crate::cli::failure::Failure;
use crate::model::json;
use crate::model::time::Timestamp;
use crate::store::anchor::{self, Anchor};
use crate::store::sqlite::FILE;

pub(super) fn examine(data: &Path, now: Timestamp, report: &mut Report) -> Result<(), Failure> {
    if !data.join(FILE).is_file() {
        return Ok(());
    }
    let reader = audit::open(data)?;
    let heads = reader.heads().map_err(|error| Failure::because(&error))?;
    let signed = heads.iter().map(|head| head.head.count).max().unwrap_or(0);
    let anchors = match Anchor::read(&data.join(anchor::FILE)) {
        Ok(heads) => heads,
        Err(error) => {
            report.wrong(format!("the record is not anchored: {error}"));
            Vec::new()
        }
    };
    match anchors.iter().map(|head| head.head.count).max() {
        Some(anchored) if anchored > signed => report.wrong(format!(
            "the anchor knows {anchored} entries and the record only {signed}: it was cut or restored from a copy; \
             run `countersign audit verify --anchors {}`",
            data.join(anchor::FILE).display()
        )),
        Some(anchored) => report.note(format!(
            "{} anchors {anchored} of {signed} signed entries and lies beside the record: keep a copy elsewhere",
            anchor::FILE
        )),
        None => {}
    }
    let last = reader.entries(signed.max(1), 1);
    let last = last.map_err(|error| Failure::because(&error))?;
    let at = last.first().and_then(|entry| {
        let body = json::parse(&entry.body).ok()?;
        Timestamp::parse(body.get("at")?.as_str()?)
    });
    if let Some(at) = at.filter(|at| *at > now) {
        report.wrong(format!(
            "the clock stands at {now}, before the record's entry of {at}"
        ));
    }
    Ok(())
}
