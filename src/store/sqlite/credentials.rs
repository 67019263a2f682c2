//! Credentials of agents, revoked ones too.

use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::{Connection, params};

use crate::model::credential::Credential;
use crate::model::id::CredentialId;
use crate::store::state::Row;

pub(super) fn write(
    db: &Connection,
    credentials: &IndexMap<CredentialId, Option<Arc<Credential>>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO credentials (id, agent, kind, secret, issued, expires, revoked)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (id) DO UPDATE SET revoked = excluded.revoked",
    )?;
    for one in credentials.values().flatten() {
        upsert.execute(params![
            one.id,
            one.agent,
            one.kind,
            one.secret,
            one.issued,
            one.expires,
            one.revoked,
        ])?;
    }
    Ok(())
}

pub(super) fn load(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT * FROM credentials ORDER BY rowid")?
        .query_map([], |row| {
            let credential = Credential {
                id: row.get("id")?,
                agent: row.get("agent")?,
                kind: row.get("kind")?,
                secret: row.get("secret")?,
                issued: row.get("issued")?,
                expires: row.get("expires")?,
                revoked: row.get("revoked")?,
            };
            Ok(Row::Credential(credential.id, Some(Arc::new(credential))))
        })?
        .collect()
}
