//! What operators prove themselves with, ended ones too.

use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, named_params};

use super::column::{Texts, Unreadable, words};
use crate::model::account::Account;
use crate::model::digest::Digest;
use crate::model::passkey::{Passkey, PublicKey};
use crate::model::proof::{Proof, ProofKind};
use crate::model::role::TokenScope;
use crate::store::state::Row;

pub(super) fn write(
    db: &Connection,
    proofs: &IndexMap<Digest, Option<Arc<Proof>>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(UPSERT)?;
    for one in proofs.values().flatten() {
        let scopes = match &one.kind {
            ProofKind::Token { scopes } => Some(scopes),
            ProofKind::Link | ProofKind::Passkey(_) | ProofKind::Account(_) => None,
        };
        let scopes = scopes.map(|scopes| Texts(scopes.iter().map(|one| one.name()).collect()));
        let passkey = one.passkey();
        let confirmed = passkey.and_then(|passkey| passkey.confirmed.as_ref());
        upsert.execute(named_params! {
            ":key": one.key,
            ":version": one.version,
            ":operator": one.operator,
            ":kind": one.word(),
            ":added": one.added,
            ":expires": one.expires,
            ":used": one.used,
            ":ended": one.ended,
            ":scopes": scopes,
            ":credential": passkey.map(|passkey| passkey.id.as_slice()),
            ":label": passkey.map(|passkey| passkey.label.as_str()),
            ":public_key": passkey.map(|passkey| passkey.public.to_string()),
            ":counter": passkey.map(|passkey| passkey.counter),
            ":party": passkey.map(|passkey| passkey.party.as_str()),
            ":confirmed_by": confirmed.map(|(by, _)| by.as_str()),
            ":confirmed_at": confirmed.map(|(_, at)| *at),
            ":issuer": one.account().map(|account| account.issuer.as_str()),
            ":subject": one.account().map(|account| account.subject.as_str()),
        })?;
    }
    Ok(())
}

pub(super) fn load(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT * FROM proofs ORDER BY rowid")?
        .query_map([], |row| {
            let proof = Proof {
                key: row.get("key")?,
                version: row.get("version")?,
                operator: row.get("operator")?,
                added: row.get("added")?,
                expires: row.get("expires")?,
                used: row.get("used")?,
                ended: row.get("ended")?,
                kind: kind(row)?,
            };
            Ok(Row::Proof(proof.key, Some(Arc::new(proof))))
        })?
        .collect()
}

fn kind(row: &rusqlite::Row<'_>) -> rusqlite::Result<ProofKind> {
    let kind: String = row.get("kind")?;
    match kind.as_str() {
        "token" => Ok(ProofKind::Token {
            scopes: words(row.get("scopes")?, TokenScope::parse, "scope")?,
        }),
        "link" => Ok(ProofKind::Link),
        "passkey" => {
            let public: String = row.get("public_key")?;
            let public = PublicKey::parse(&public);
            let confirmed: Option<String> = row.get("confirmed_by")?;
            Ok(ProofKind::Passkey(Passkey {
                id: row.get("credential")?,
                label: row.get("label")?,
                public: public.ok_or_else(|| FromSqlError::from(Unreadable("public key")))?,
                counter: row.get("counter")?,
                party: row.get("party")?,
                confirmed: match confirmed {
                    Some(by) => Some((by, row.get("confirmed_at")?)),
                    None => None,
                },
            }))
        }
        "account" => Ok(ProofKind::Account(Account {
            issuer: row.get("issuer")?,
            subject: row.get("subject")?,
        })),
        _ => Err(FromSqlError::from(Unreadable("kind of proof")).into()),
    }
}

const UPSERT: &str = "
    INSERT INTO proofs
        (key, version, operator, kind, added, expires, used, ended, scopes, credential, label,
         public_key, counter, party, confirmed_by, confirmed_at, issuer, subject)
    VALUES
        (:key, :version, :operator, :kind, :added, :expires, :used, :ended, :scopes, :credential,
         :label, :public_key, :counter, :party, :confirmed_by, :confirmed_at, :issuer, :subject)
    ON CONFLICT (key) DO UPDATE SET version = excluded.version, expires = excluded.expires,
        used = excluded.used, ended = excluded.ended, label = excluded.label,
        counter = excluded.counter, confirmed_by = excluded.confirmed_by,
        confirmed_at = excluded.confirmed_at";
