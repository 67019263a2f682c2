//! What calls added to the sums of budgets.

use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::{Connection, params};

use crate::engine::facts::BudgetKey;
use crate::model::id::CallId;
use crate::model::time::Timestamp;
use crate::store::state::{Row, Spent};

pub(super) fn write(
    db: &Connection,
    spends: &IndexMap<(Arc<BudgetKey>, CallId), Option<Spent>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO spends (agent, budget, part, call, at, amount, until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (agent, budget, part, call) DO UPDATE SET until = excluded.until",
    )?;
    let mut delete = db.prepare_cached(
        "DELETE FROM spends WHERE agent = ?1 AND budget = ?2 AND part = ?3 AND call = ?4",
    )?;
    for ((key, call), spent) in spends {
        match spent {
            Some(spent) => upsert.execute(params![
                key.agent,
                key.budget,
                key.by,
                call,
                spent.at,
                spent.amount,
                spent.until,
            ])?,
            None => delete.execute(params![key.agent, key.budget, key.by, call])?,
        };
    }
    Ok(())
}

/// Those that some window reached after `since`.
pub(super) fn load(db: &Connection, since: Timestamp) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT * FROM spends WHERE until > ?1 ORDER BY at")?
        .query_map([since], |row| {
            let key = BudgetKey {
                agent: row.get("agent")?,
                budget: row.get("budget")?,
                by: row.get("part")?,
            };
            let spent = Spent {
                at: row.get("at")?,
                amount: row.get("amount")?,
                until: row.get("until")?,
            };
            Ok(Row::Spend(Arc::new(key), row.get("call")?, Some(spent)))
        })?
        .collect()
}

/// Removes what no window has reached since `before`.
pub(super) fn tidy(db: &Connection, before: Timestamp) -> rusqlite::Result<()> {
    db.execute("DELETE FROM spends WHERE until <= ?1", [before])?;
    Ok(())
}
