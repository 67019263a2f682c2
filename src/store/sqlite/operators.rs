//! Operators, removed ones too.

use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::{Connection, params};

use super::column::{Texts, groups, names, words};
use crate::model::credential::Operator;
use crate::model::name::OperatorName;
use crate::model::role::Role;
use crate::store::state::Row;

pub(super) fn write(
    db: &Connection,
    operators: &IndexMap<OperatorName, Option<Arc<Operator>>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO operators (name, groups, roles, added, revoked)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (name) DO UPDATE SET groups = excluded.groups, roles = excluded.roles,
             added = excluded.added, revoked = excluded.revoked",
    )?;
    for one in operators.values().flatten() {
        upsert.execute(params![
            one.name,
            names(&one.groups),
            Texts(one.roles.iter().map(|role| role.name()).collect()),
            one.added,
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
                roles: words(row.get("roles")?, Role::parse, "role")?,
                added: row.get("added")?,
                revoked: row.get("revoked")?,
            };
            let name = operator.name.clone();
            Ok(Row::Operator(name, Some(Arc::new(operator))))
        })?
        .collect()
}
