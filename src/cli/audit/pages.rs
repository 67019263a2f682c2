//! The entries of a record, read page by page.

use std::collections::VecDeque;

use crate::audit::entry::StoredEntry;
use crate::cli::failure::Failure;
use crate::limits::ENTRIES_PER_PAGE_COUNT;
use crate::store::sqlite::Reader;

/// Entries, oldest first.
pub(in crate::cli) struct Pages<'a> {
    reader: &'a Reader,
    next: u64,
    page: VecDeque<StoredEntry>,
    over: bool,
}

impl<'a> Pages<'a> {
    /// From a sequence number on.
    pub(in crate::cli) const fn new(reader: &'a Reader, from: u64) -> Self {
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
