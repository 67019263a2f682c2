//! The votes on an approval, in their order.

use rusqlite::types::FromSqlError;
use rusqlite::{Connection, named_params};

use super::column::{Count, Millis, Texts, Unreadable, pins};
use crate::model::approval::Approval;
use crate::model::ballot::{Ballot, Choice};

/// Writes those that count now in the place of those that did.
pub(super) fn write(db: &Connection, approval: &Approval) -> rusqlite::Result<()> {
    // Nobody has voted on one that was just opened.
    if approval.version == 1 {
        return Ok(());
    }
    db.prepare_cached("DELETE FROM votes WHERE approval = ?1")?
        .execute([approval.id])?;
    let mut insert = db.prepare_cached(
        "INSERT INTO votes (approval, stage, person, lender, place, at, own, choice, uses, life, message, pins)
         VALUES (:approval, :stage, :person, :lender, :place, :at, :own, :choice, :uses, :life, :message, :pins)",
    )?;
    for (place, ballot) in (0_u64..).zip(&approval.ballots) {
        let (uses, life, pins, message) = match &ballot.choice {
            Choice::Approve { uses, life, pins } => {
                let pins = pins.as_ref().map(|pins| Texts(pins.iter().collect()));
                (Some(*uses), life.map(Millis), pins, None)
            }
            Choice::Deny { message } => (None, None, None, message.as_deref()),
        };
        insert.execute(named_params! {
            ":approval": approval.id,
            ":stage": Count(ballot.stage as u64),
            ":person": ballot.person,
            ":lender": ballot.lender,
            ":place": Count(place),
            ":at": ballot.at,
            ":own": ballot.own,
            ":choice": ballot.choice.name(),
            ":uses": uses,
            ":life": life,
            ":message": message,
            ":pins": pins,
        })?;
    }
    Ok(())
}

/// The approval with its votes.
pub(super) fn with(db: &Connection, mut approval: Approval) -> rusqlite::Result<Approval> {
    approval.ballots = db
        .prepare_cached("SELECT * FROM votes WHERE approval = ?1 ORDER BY place")?
        .query_map([approval.id], ballot)?
        .collect::<Result<_, _>>()?;
    Ok(approval)
}

fn ballot(row: &rusqlite::Row<'_>) -> rusqlite::Result<Ballot> {
    let Count(stage) = row.get("stage")?;
    let name: String = row.get("choice")?;
    let life: Option<Millis> = row.get("life")?;
    let choice = match name.as_str() {
        "approve" => Choice::Approve {
            uses: row.get("uses")?,
            life: life.map(|Millis(life)| life),
            pins: pins(row.get("pins")?)?,
        },
        "deny" => Choice::Deny {
            message: row.get("message")?,
        },
        _ => return Err(FromSqlError::from(Unreadable("vote")).into()),
    };
    Ok(Ballot {
        stage: usize::try_from(stage).map_err(|_| FromSqlError::from(Unreadable("stage")))?,
        person: row.get("person")?,
        lender: row.get("lender")?,
        at: row.get("at")?,
        own: row.get("own")?,
        choice,
    })
}
