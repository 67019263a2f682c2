//! Whether somebody broke the glass and nobody has judged it.

use std::path::Path;

use super::report::Report;
use crate::cli::audit;
use crate::cli::failure::Failure;
use crate::limits::REVIEW_LONGEST;
use crate::model::text::escape;
use crate::model::time::Timestamp;
use crate::store::sqlite::FILE;

pub(super) fn examine(data: &Path, now: Timestamp, report: &mut Report) -> Result<(), Failure> {
    if !data.join(FILE).is_file() {
        return Ok(());
    }
    let reviews = audit::open(data)?.reviews();
    let reviews = reviews.map_err(|error| Failure::because(&error))?;
    let open = reviews.iter().filter(|review| review.closing.is_none());
    for review in open.filter(|review| now.since(review.opened) > REVIEW_LONGEST) {
        report.wrong(format!(
            "{} broke the glass for {} at {} ({}), and nobody has judged it; another person closes it: \
             countersign reviews close {} --verdict VERDICT --note TEXT",
            review.by,
            review.agent,
            review.opened,
            escape(&review.reason),
            review.id
        ));
    }
    Ok(())
}
