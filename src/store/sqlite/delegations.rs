//! Groups lent by one operator to another, also those that ended.

use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::{Connection, params};

use crate::model::delegation::Delegation;
use crate::store::state::{DelegationKey, Row};

pub(super) fn write(
    db: &Connection,
    delegations: &IndexMap<DelegationKey, Option<Arc<Delegation>>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO delegations (lender, deputy, since, until, ended)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (lender, deputy) DO UPDATE SET since = excluded.since,
             until = excluded.until, ended = excluded.ended",
    )?;
    for one in delegations.values().flatten() {
        upsert.execute(params![
            one.lender, one.deputy, one.since, one.until, one.ended
        ])?;
    }
    Ok(())
}

pub(super) fn load(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT * FROM delegations ORDER BY since, lender, deputy")?
        .query_map([], |row| {
            let delegation = Delegation {
                lender: row.get("lender")?,
                deputy: row.get("deputy")?,
                since: row.get("since")?,
                until: row.get("until")?,
                ended: row.get("ended")?,
            };
            let key = (delegation.lender.clone(), delegation.deputy.clone());
            Ok(Row::Delegation(key, Some(Arc::new(delegation))))
        })?
        .collect()
}
