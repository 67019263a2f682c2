//! Clocks that part: what was open is void, windows are kept, and the record says so.
//!
//! Everything runs on the clock that nothing moves, from what the wall clock said when the guard began.
//! Once the wall clock is too far from that, somebody was wrong about the time, and nobody can tell when.

use std::sync::atomic::Ordering;

use serde_json::{Map, Value};

use super::Guard;
use super::approvals::Ended;
use crate::audit::entry::{Entry, EntryKind};
use crate::limits::{CLOCKS_PART_LONGEST, LISTED_COUNT};
use crate::model::json;
use crate::model::time::Timestamp;
use crate::store::{Change, Commit, Leg, StoreError, Sync};

impl Guard {
    /// Follows the wall clock where it was moved too far: open approvals, grants and permits end first,
    /// and whatever is written from then on is judged anew. Whoever depends on the time asks this before.
    ///
    /// # Errors
    /// When the store does not answer; the clock is not followed then.
    pub(super) async fn keep_time(&self) -> Result<(), StoreError> {
        if !self.has_parted() {
            return Ok(());
        }
        let _turn = self.timekeeping.lock().await;
        // Another saw to it meanwhile.
        if !self.has_parted() {
            return Ok(());
        }
        let moved_ms = self.ambient.parted_ms();
        let mut ended = self.end_open().await?;
        let now = self.ambient.now().moved(moved_ms);
        let body = moved("clock-moved", moved_ms, ended);
        self.write_clock(body, now, vec![Change::MoveClock(moved_ms)])
            .await?;
        // Whoever was judged before and opened something between the two is met by this.
        ended += self.end_open().await?;
        self.limits.move_clock(moved_ms);
        self.partings.fetch_add(1, Ordering::SeqCst);
        self.ambient.follow(moved_ms);
        self.revoked_something();
        tracing::warn!(
            moved_ms,
            ended,
            "the wall clock was moved; what was open is void"
        );
        Ok(())
    }

    /// At the start: a clock that is behind the record was set back while no guard ran.
    pub(super) async fn begin_time(&self) -> Result<(), StoreError> {
        let Some(last) = self.last_moment().await? else {
            return Ok(());
        };
        let now = self.ambient.now();
        if last.since(now) <= CLOCKS_PART_LONGEST {
            return Ok(());
        }
        let ended = self.end_open().await?;
        let moved_ms = now.millis().saturating_sub(last.millis());
        // What was spent in what is now the future counts until it has passed once more.
        self.write_clock(moved("clock-set-back", moved_ms, ended), now, Vec::new())
            .await
    }

    /// Counts how often the clocks parted; a permit minted at another count is void.
    pub(super) fn partings(&self) -> u64 {
        self.partings.load(Ordering::SeqCst)
    }

    /// Whether the wall clock was moved too far, and nobody has seen to it yet.
    pub(super) fn has_parted(&self) -> bool {
        u128::from(self.ambient.parted_ms().unsigned_abs()) > CLOCKS_PART_LONGEST.as_millis()
    }

    /// When the last entry of the record was made.
    async fn last_moment(&self) -> Result<Option<Timestamp>, StoreError> {
        let Some(head) = self.store.head().await? else {
            return Ok(None);
        };
        let last = self.store.entries(head.head.count, 1).await?;
        let body = last.first().and_then(|entry| json::parse(&entry.body).ok());
        Ok(body.and_then(|body| Timestamp::parse(body.get("at")?.as_str()?)))
    }

    /// Ends every approval that is open or approved, every grant with a use left, and every permit that
    /// nobody redeemed; how many matters it were.
    async fn end_open(&self) -> Result<u64, StoreError> {
        let mut matters: Vec<_> = self.unended().await?.iter().map(|one| one.id).collect();
        let grants = self.store.grants(LISTED_COUNT).await?.into_iter();
        let left = grants.filter(|grant| grant.revoked.is_none() && grant.used < grant.uses);
        matters.extend(left.map(|grant| grant.approval));
        let mut ended = 0;
        for id in matters {
            let is_ended = self.end_approval(id, |_| Some(Ended::Invalidated), Some("clock"));
            ended += u64::from(is_ended.await?);
        }
        for left in self.store.in_flight().await? {
            if let Leg::Signed { until, .. } = left.leg {
                self.lapse(&left, until.max(self.ambient.now())).await?;
                ended += 1;
            }
        }
        Ok(ended)
    }

    async fn write_clock(
        &self,
        body: Map<String, Value>,
        at: Timestamp,
        changes: Vec<Change>,
    ) -> Result<(), StoreError> {
        let entry = Entry {
            kind: EntryKind::Guard,
            at,
            body,
            disclosure: None,
        };
        let commit = Commit {
            expects: None,
            entry,
            changes,
            sync: Sync::Synced,
        };
        self.commit(commit).await.map(drop)
    }
}

fn moved(state: &str, moved_ms: i64, ended: u64) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("state".into(), state.into());
    body.insert("moved_ms".into(), moved_ms.into());
    body.insert("ended".into(), ended.into());
    body
}
