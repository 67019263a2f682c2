//! All tables of what decisions depend on: written for a batch, loaded at the start.

use rusqlite::Connection;

use super::{
    agents, approvals, budgets, credentials, delegations, doubts, grants, history, in_flight,
    operators, pins, proofs, rates, reviews, segments, sessions, settings,
};
use crate::limits::CLOCK_SET_BACK_LONGEST;
use crate::model::time::Timestamp;
use crate::store::state::{REMEMBERED, Row, Rows};

/// Writes the rows of a batch.
pub(super) fn write(db: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    agents::write(db, &rows.agents)?;
    credentials::write(db, &rows.credentials)?;
    operators::write(db, &rows.operators)?;
    delegations::write(db, &rows.delegations)?;
    proofs::write(db, &rows.proofs)?;
    sessions::write(db, &rows.sessions)?;
    approvals::write(db, &rows.approvals)?;
    grants::write(db, &rows.grants)?;
    reviews::write(db, &rows.reviews)?;
    budgets::write(db, &rows.spends)?;
    in_flight::write(db, &rows.flights)?;
    rates::write(db, &rows.rates)?;
    settings::write(db, &rows.settings)?;
    history::write(db, rows)?;
    segments::write(db, &rows.segments)?;
    doubts::write(db, &rows.doubts)?;
    pins::write(db, &rows.pins)
}

/// Loads what still matters at `now`.
pub(super) fn load(db: &Connection, now: Timestamp) -> rusqlite::Result<Vec<Row>> {
    let since = now.before(REMEMBERED);
    Ok([
        agents::load(db)?,
        credentials::load(db)?,
        operators::load(db)?,
        delegations::load(db)?,
        proofs::load(db)?,
        sessions::load(db, since)?,
        approvals::load(db, since)?,
        grants::load(db, since)?,
        reviews::load(db)?,
        budgets::load(db, now.before(CLOCK_SET_BACK_LONGEST))?,
        in_flight::load(db)?,
        rates::load(db)?,
        segments::load(db)?,
        settings::load(db)?,
        history::load(db, since, now)?,
        pins::load(db)?,
        doubts::load(db)?,
    ]
    .into_iter()
    .flatten()
    .collect())
}

/// Removes what no decision asks for any more and no list shows.
pub(super) fn tidy(db: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    budgets::tidy(db, now.before(CLOCK_SET_BACK_LONGEST))?;
    history::tidy(db, now.before(REMEMBERED), now)
}
