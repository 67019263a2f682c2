//! Reading the file without writing it: for lists that memory does not hold, and for an audit while a
//! guard runs.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::{
    OpenError, approvals, credentials, entries, grants, heads, operators, proofs, reviews,
    rotations, schema, segments, sessions, settings,
};
use crate::audit::checkpoint::{PublicKey, SignedHead};
use crate::audit::entry::StoredEntry;
use crate::audit::segment::Segment;
use crate::model::approval::Approval;
use crate::model::credential::{Credential, Operator};
use crate::model::grant::Grant;
use crate::model::id::{ApprovalId, SessionId};
use crate::model::proof::Proof;
use crate::model::review::Review;
use crate::model::session::Session;
use crate::store::StoreError;
use crate::store::state::Row;

/// A record opened for reading only.
pub struct Reader(Connection);

impl Reader {
    /// Opens a record file, whether or not a guard writes to it.
    ///
    /// # Errors
    /// [`OpenError`] if there is none, it cannot be read, or its tables are newer than this program.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let db = schema::open_to_read(path)?;
        schema::version(&db)?;
        Ok(Self(db))
    }

    /// From here on every read sees the record as it stands at the first of them, however much a guard
    /// writes meanwhile: otherwise entries and heads of a running guard would not fit each other.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be read.
    pub fn freeze(&self) -> Result<(), StoreError> {
        Ok(self.0.execute_batch("BEGIN")?)
    }

    /// Entries from sequence number `from` on, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be read.
    pub fn entries(&self, from: u64, most: usize) -> Result<Vec<StoredEntry>, StoreError> {
        Ok(entries::read(&self.0, from, most)?)
    }

    /// Segments that were sealed and taken out, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be read.
    pub fn segments(&self) -> Result<Vec<Segment>, StoreError> {
        Ok(segments::read(&self.0)?)
    }

    /// Entries that change the key that signs heads, oldest first; those of sealed segments too.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be read.
    pub fn rotations(&self) -> Result<Vec<StoredEntry>, StoreError> {
        Ok(rotations::read(&self.0)?)
    }

    /// A small setting of the guard's own.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be read.
    pub fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(settings::read(&self.0, name)?)
    }

    /// The newest signed head of each run of the guard, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be read.
    pub fn heads(&self) -> Result<Vec<SignedHead>, StoreError> {
        Ok(heads::read(&self.0)?)
    }

    /// The public keys that the record itself names. They prove nothing against whoever can write the
    /// file; a key that was kept elsewhere does.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be read.
    pub fn keys(&self) -> Result<Vec<PublicKey>, StoreError> {
        Ok(heads::read_keys(&self.0)?)
    }

    /// Every credential of an agent, revoked ones too.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be read.
    pub fn credentials(&self) -> Result<Vec<Credential>, StoreError> {
        let rows = credentials::load(&self.0)?.into_iter();
        let known = rows.filter_map(|row| match row {
            Row::Credential(_, credential) => credential.map(Arc::unwrap_or_clone),
            _ => None,
        });
        Ok(known.collect())
    }

    /// Every operator, removed ones too.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be read.
    pub fn operators(&self) -> Result<Vec<Operator>, StoreError> {
        let rows = operators::load(&self.0)?.into_iter();
        let known = rows.filter_map(|row| match row {
            Row::Operator(_, operator) => operator.map(Arc::unwrap_or_clone),
            _ => None,
        });
        Ok(known.collect())
    }

    /// Everything that proves operators, ended ones too.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be read.
    pub fn proofs(&self) -> Result<Vec<Proof>, StoreError> {
        let rows = proofs::load(&self.0)?.into_iter();
        let known = rows.filter_map(|row| match row {
            Row::Proof(_, proof) => proof.map(Arc::unwrap_or_clone),
            _ => None,
        });
        Ok(known.collect())
    }

    /// Every review of a use of break-glass, closed ones too.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be read.
    pub fn reviews(&self) -> Result<Vec<Review>, StoreError> {
        let rows = reviews::load(&self.0)?.into_iter();
        let known = rows.filter_map(|row| match row {
            Row::Review(_, review) => review.map(Arc::unwrap_or_clone),
            _ => None,
        });
        Ok(known.collect())
    }

    /// Copies everything, as it stands at one moment, into an empty file.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it cannot be copied.
    pub fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        let file = file
            .to_str()
            .ok_or_else(|| StoreError::Unavailable(format!("{} is not UTF-8", file.display())))?;
        self.0.execute("VACUUM INTO ?1", [file])?;
        Ok(())
    }

    pub(super) fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
        Ok(approvals::read(&self.0, id)?)
    }

    pub(super) fn approvals(&self, most: usize) -> Result<Vec<Arc<Approval>>, StoreError> {
        Ok(approvals::newest(&self.0, most)?)
    }

    pub(super) fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        Ok(sessions::read(&self.0, id)?)
    }

    pub(super) fn grants(&self, most: usize) -> Result<Vec<Grant>, StoreError> {
        Ok(grants::newest(&self.0, most)?)
    }
}
