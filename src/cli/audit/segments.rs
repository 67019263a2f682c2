//! The files of sealed segments, as a verification reads them.

use std::path::Path;

use crate::audit::entry::StoredEntry;
use crate::audit::report::{Finding, Place};
use crate::audit::segment::Segment;
use crate::store::segments::{digest, entries};

/// What is wrong with the files as such.
pub(super) fn findings(directory: &Path, segments: &[Segment]) -> Vec<Finding> {
    let checked = segments.iter().map(|segment| {
        let what = match digest(&directory.join(segment.file())) {
            Ok(found) if found == segment.digest => return None,
            Ok(_) => "its file is not the one that was sealed".to_owned(),
            Err(fault) => format!("its file cannot be read: {fault}"),
        };
        let (from, to) = (segment.first, segment.last);
        let place = Place::Segment { from, to };
        Some(Finding { place, what })
    });
    checked.flatten().collect()
}

/// The entries of all files, as far as they can be read: of a file that breaks off the rest is missing,
/// and its digest is another.
pub(super) fn read<'a>(
    directory: &'a Path,
    segments: &'a [Segment],
) -> impl Iterator<Item = StoredEntry> + 'a {
    segments
        .iter()
        .filter_map(|segment| entries(&directory.join(segment.file())).ok())
        .flat_map(|entries| entries.map_while(Result::ok))
}
