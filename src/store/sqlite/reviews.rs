//! Uses of break-glass and how they were judged, open and closed ones alike.

use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::{Connection, named_params};

use super::column::{groups, names};
use crate::model::id::ReviewId;
use crate::model::review::{Closing, Review};
use crate::store::state::Row;

pub(super) fn write(
    db: &Connection,
    reviews: &IndexMap<ReviewId, Option<Arc<Review>>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO reviews (id, approval, grant_id, agent, groups, person, reason, opened,
             closed_by, closed_at, verdict, note)
         VALUES (:id, :approval, :grant, :agent, :groups, :person, :reason, :opened,
             :closed_by, :closed_at, :verdict, :note)
         ON CONFLICT (id) DO UPDATE SET closed_by = excluded.closed_by,
             closed_at = excluded.closed_at, verdict = excluded.verdict, note = excluded.note",
    )?;
    for review in reviews.values().flatten() {
        let closing = review.closing.as_ref();
        upsert.execute(named_params! {
            ":id": review.id,
            ":approval": review.approval,
            ":grant": review.grant,
            ":agent": review.agent,
            ":groups": names(&review.groups),
            ":person": review.by,
            ":reason": review.reason,
            ":opened": review.opened,
            ":closed_by": closing.map(|one| &one.by),
            ":closed_at": closing.map(|one| one.at),
            ":verdict": closing.map(|one| one.verdict),
            ":note": closing.map(|one| &one.note),
        })?;
    }
    Ok(())
}

/// Oldest first.
pub(super) fn load(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT * FROM reviews ORDER BY opened, id")?
        .query_map([], |row| {
            let review = review(row)?;
            Ok(Row::Review(review.id, Some(Arc::new(review))))
        })?
        .collect()
}

fn review(row: &rusqlite::Row<'_>) -> rusqlite::Result<Review> {
    let closing = match row.get("closed_by")? {
        None => None,
        Some(by) => Some(Closing {
            by,
            at: row.get("closed_at")?,
            verdict: row.get("verdict")?,
            note: row.get("note")?,
        }),
    };
    Ok(Review {
        id: row.get("id")?,
        approval: row.get("approval")?,
        grant: row.get("grant_id")?,
        agent: row.get("agent")?,
        groups: groups(row.get("groups")?)?,
        by: row.get("person")?,
        reason: row.get("reason")?,
        opened: row.get("opened")?,
        closing,
    })
}
