//! Taking old entries out of the record: sealed in a file first, and nothing that is still needed.

use std::path::Path;
use std::time::Duration;

use super::Guard;
use crate::audit::chain::GENESIS;
use crate::audit::entry::{EntryKind, StoredEntry, moment};
use crate::audit::segment::Segment;
use crate::limits::{ENTRIES_PER_PAGE_COUNT, SEGMENT_ENTRIES_COUNT};
use crate::model::digest::Digest;
use crate::model::time::Timestamp;
use crate::store::segments::{Sealing, SegmentError};
use crate::store::{Change, StoreError, Sync};

/// Which entries stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// Those made within this time.
    For(Duration),
    /// That place and everything after it.
    From(u64),
}

/// What was taken out, or would be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pruned {
    /// Place of the first entry that it begins with.
    pub first: u64,
    /// Entries that were taken out, or would be.
    pub count: u64,
    /// The segments that they are in; none of a try.
    pub segments: Vec<Segment>,
}

/// Why entries were not taken out; those of segments that were sealed before it are.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The segment could not be sealed.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Guard {
    /// Seals entries in files of `directory` and takes them out of the record, oldest first, as far as
    /// `keep` lets it and nothing needs them. Each segment is written, synced and read again before the
    /// entry that names it is recorded; that entry and the removal are one transaction.
    ///
    /// # Errors
    /// [`PruneError`].
    pub async fn prune(
        &self,
        by: &str,
        keep: Keep,
        directory: &Path,
    ) -> Result<Pruned, PruneError> {
        let _turn = self.pruning.lock().await;
        let mut pruned = self.begin_pruning().await?;
        let bound = self.bound(keep).await?;
        loop {
            let (first, previous) = self.sealed_through().await?;
            let Some(sealing) = self.fill(directory, first, previous, bound).await? else {
                return Ok(pruned);
            };
            // Syncing takes its time, in which calls go on.
            let sealed = tokio::task::spawn_blocking(move || sealing.seal()).await;
            let segment = sealed.map_err(|fault| StoreError::Unavailable(fault.to_string()))??;
            let change = Change::Prune(segment.clone());
            let body = segment.body(by);
            self.write(EntryKind::Guard, body, vec![change], Sync::Synced)
                .await?;
            pruned.count = pruned.count.saturating_add(segment.count());
            pruned.segments.push(segment);
        }
    }

    /// What [`Guard::prune`] would take out; nothing is written.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn prunable(&self, keep: Keep) -> Result<Pruned, StoreError> {
        let mut pruned = self.begin_pruning().await?;
        let bound = self.bound(keep).await?;
        let mut next = pruned.first;
        loop {
            let page = self.store.entries(next, ENTRIES_PER_PAGE_COUNT).await?;
            for entry in &page {
                if bound.keeps(entry) {
                    return Ok(pruned);
                }
                pruned.count = pruned.count.saturating_add(1);
                next = entry.seq.saturating_add(1);
            }
            if page.is_empty() {
                return Ok(pruned);
            }
        }
    }

    async fn begin_pruning(&self) -> Result<Pruned, StoreError> {
        Ok(Pruned {
            first: self.sealed_through().await?.0,
            count: 0,
            segments: Vec::new(),
        })
    }

    /// The place after the last sealed segment, and the hash that its entry follows.
    async fn sealed_through(&self) -> Result<(u64, Digest), StoreError> {
        let segments = self.store.segments().await?;
        Ok(segments.last().map_or((1, GENESIS), |segment| {
            (segment.last.saturating_add(1), segment.hash)
        }))
    }

    /// Writes the next segment, as far as it goes; nothing where there is none.
    async fn fill(
        &self,
        directory: &Path,
        first: u64,
        previous: Digest,
        bound: Bound,
    ) -> Result<Option<Sealing>, PruneError> {
        let mut sealing = None;
        let mut next = first;
        loop {
            let page = self.store.entries(next, ENTRIES_PER_PAGE_COUNT).await?;
            let is_last = page.is_empty();
            for entry in page {
                let filled = sealing.as_ref().map_or(0, Sealing::count);
                if bound.keeps(&entry) || filled >= SEGMENT_ENTRIES_COUNT {
                    return Ok(sealing);
                }
                next = entry.seq.saturating_add(1);
                let file = match &mut sealing {
                    Some(file) => file,
                    None => sealing.insert(Sealing::begin(directory, first, previous)?),
                };
                file.put(entry)?;
            }
            if is_last {
                return Ok(sealing);
            }
        }
    }

    /// How far entries may be taken out: what calls and approvals under way were recorded by stays, and
    /// so does the newest entry, which the next one follows.
    async fn bound(&self, keep: Keep) -> Result<Bound, StoreError> {
        let count = self.store.head().await?.map_or(0, |head| head.head.count);
        let flights = self.store.in_flight().await?.into_iter();
        let open = self.unended().await?.into_iter();
        let needed = flights
            .map(|flight| flight.since)
            .chain(open.map(|approval| approval.opened))
            .min();
        let (from, since) = match keep {
            Keep::From(from) => (from, None),
            Keep::For(time) => (u64::MAX, Some(self.ambient.now().before(time))),
        };
        Ok(Bound {
            from: from.min(count),
            since: needed.into_iter().chain(since).min(),
        })
    }
}

/// Where pruning ends.
#[derive(Clone, Copy)]
struct Bound {
    from: u64,
    since: Option<Timestamp>,
}

impl Bound {
    /// Whether an entry stays, and so all after it. One whose time cannot be read does.
    fn keeps(&self, entry: &StoredEntry) -> bool {
        entry.seq >= self.from
            || self
                .since
                .is_some_and(|since| moment(&entry.body).is_none_or(|at| at >= since))
    }
}
