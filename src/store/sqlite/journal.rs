//! The writer's own connection: one transaction a batch, and the database read anew after a fault.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::copier::Copier;
use super::shared::Tally;
use super::{OpenError, entries, heads, rotations, schema, tables};
use crate::audit::chain::Chain;
use crate::audit::checkpoint::{PublicKey, SignedHead};
use crate::audit::entry::StoredEntry;
use crate::model::time::Timestamp;
use crate::store::Sync;
use crate::store::state::{Rows, State};

/// The connection that writes, and who copies its log.
pub(super) struct Journal {
    /// Before the connection, which is the last to close.
    copier: Copier,
    db: Connection,
    sync: Sync,
}

/// An entry that changes the key that signs heads, and the new one.
pub(super) type Rotated = (StoredEntry, PublicKey);

/// How the database stands.
pub(super) struct Read {
    pub(super) chain: Chain,
    pub(super) head: Option<SignedHead>,
    /// Once for the writer, and once for its readers, who see it a commit later; the values are shared.
    pub(super) ahead: State,
    pub(super) state: State,
}

impl Journal {
    pub(super) fn open(path: &Path, tally: &Arc<Tally>) -> Result<Self, OpenError> {
        let db = schema::open(path)?;
        Ok(Self {
            copier: Copier::start(path, Arc::clone(tally))?,
            db,
            // As `schema` opens it.
            sync: Sync::Synced,
        })
    }

    /// Reads everything that decisions depend on, and where the record ends.
    pub(super) fn read(&self, now: Timestamp) -> Result<Read, OpenError> {
        let chain = match entries::last(&self.db)? {
            Some((count, hash)) => Chain::resume(count, hash),
            None => Chain::begin(),
        };
        let head = heads::newest(&self.db)?;
        let (count, hash) = head
            .as_ref()
            .map_or((0, crate::audit::chain::GENESIS), |signed| {
                (signed.head.count, signed.head.hash)
            });
        // Entries and head share each transaction, so only another hand can part them.
        if (count, hash) != (chain.count(), chain.last()) {
            return Err(OpenError::Tampered {
                entries: chain.count(),
                head: count,
            });
        }
        let rows = tables::load(&self.db, now)?;
        Ok(Read {
            chain,
            head,
            ahead: State::of(rows.iter().cloned(), now),
            state: State::of(rows, now),
        })
    }

    pub(super) fn keep_key(&self, key: &PublicKey) -> rusqlite::Result<()> {
        heads::write_key(&self.db, key)
    }

    /// Writes a batch, or nothing of it.
    pub(super) fn write(
        &mut self,
        entries: &[StoredEntry],
        rows: &Rows,
        rotated: &[Rotated],
        head: &SignedHead,
        sync: Sync,
    ) -> rusqlite::Result<()> {
        self.set_sync(sync)?;
        let pen = self.copier.pen();
        let batch = begin(&mut self.db)?;
        entries::write(&batch, entries)?;
        for (entry, key) in rotated {
            rotations::write(&batch, entry)?;
            heads::write_key(&batch, key)?;
        }
        tables::write(&batch, rows)?;
        heads::write(&batch, head)?;
        batch.commit()?;
        drop(pen);
        Ok(())
    }

    /// Has the log copied into the file where that is due; for whoever has told of what it wrote.
    pub(super) fn copy(&mut self) {
        self.copier.look(&self.db);
    }

    /// Writes the last head and brings the log into the file.
    pub(super) fn close(mut self, head: Option<&SignedHead>) -> rusqlite::Result<()> {
        self.set_sync(Sync::Synced)?;
        let Self { copier, mut db, .. } = self;
        drop(copier);
        if let Some(head) = head {
            let batch = begin(&mut db)?;
            heads::write(&batch, head)?;
            batch.commit()?;
        }
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        db.close().map_err(|(_, fault)| fault)
    }

    pub(super) fn tidy(&mut self, now: Timestamp) -> rusqlite::Result<()> {
        let batch = begin(&mut self.db)?;
        tables::tidy(&batch, now)?;
        batch.commit()
    }

    /// In `NORMAL` the log is handed to the operating system, in `FULL` it is synced; the next synced
    /// commit syncs everything before it too. <https://sqlite.org/pragma.html#pragma_synchronous>
    fn set_sync(&mut self, sync: Sync) -> rusqlite::Result<()> {
        if self.sync != sync {
            let mode = match sync {
                Sync::Handed => "normal",
                Sync::Synced => "full",
            };
            self.db.pragma_update(None, "synchronous", mode)?;
            self.sync = sync;
        }
        Ok(())
    }
}

fn begin(db: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    db.transaction_with_behavior(TransactionBehavior::Immediate)
}
