//! Whether the record is anchored, and whether the clock stands where it says.

use std::path::Path;

use super::report::Report;
use crate::cli::audit;
use crate::cli::failure::Failure;
use crate::cli::owner::anchored;
use crate::config::AnchorRef;
use crate::model::json;
use crate::model::time::Timestamp;
use crate::store::anchor::{self, Anchor};
use crate::store::sqlite::FILE;

pub(super) fn examine(
    data: &Path,
    configured: &[AnchorRef],
    now: Timestamp,
    report: &mut Report,
) -> Result<(), Failure> {
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
    elsewhere(data, configured, signed, report);
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

/// What the guard wrote down of the anchors that the configuration names.
fn elsewhere(data: &Path, anchors: &[AnchorRef], signed: u64, report: &mut Report) {
    let known = anchored::read(data).unwrap_or_default();
    for (anchor, number) in anchors.iter().zip(1_u32..) {
        let place = anchor.place();
        match known.get(&number.to_string()) {
            None => report.note(format!("no head was sent to the anchor {place} yet")),
            Some(standing) => match &standing.fault {
                Some(fault) => report.wrong(format!(
                    "the anchor {place} has {} of {signed} signed entries: {fault}",
                    standing.count
                )),
                None => report.note(format!(
                    "the anchor {place} has {} of {signed} signed entries",
                    standing.count
                )),
            },
        }
    }
}
