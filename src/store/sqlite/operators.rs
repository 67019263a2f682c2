//! Operators, removed ones too.

use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::{Connection, params};

use super::column::{groups, names};
use crate::model::credential::Operator;
use crate::model::name::OperatorName;
use crate::store::state::Row;

pub(super) fn write(
    db: &Connection,
    operators: &IndexMap<OperatorName, Option<Arc<Operator>>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO operators (name, groups, secret, added, expires, revoked)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (name) DO UPDATE SET groups = excluded.groups, secret = excluded.secret,
             added = excluded.added, expires = excluded.expires, revoked = excluded.revoked",
    )?;
    for one in operators.values().flatten() {
        upsert.execute(params![
            one.name,
            names(&one.groups),
            one.secret,
            one.added,
            one.expires,
            one.revoked,
        ])?;
    }
    Ok(())
}

pub(super) fn load(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT * FROM operators ORDER BY rowid")?
        .query_map([], |row| {
            let operator = Operator {
                name: row.get("name")?,
                groups: groups(row.get("groups")?)?,
                secret: row.get("secret")?,
                added: row.get("added")?,
                expires: row.get("expires")?,
                revoked: row.get("revoked")?,
            };
            let name = operator.name.clone();
            Ok(Row::Operator(name, Some(Arc::new(operator))))
        })?
        .collect()
}
