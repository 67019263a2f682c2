//! The file: how it is opened, and how its tables come to be.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::OpenError;

/// The name of the file in the data directory.
pub const FILE: &str = "record.db";

/// Opens the file for the one writer, private to its owner, and brings its tables up to date.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    // SQLite would create it with the process's own mask; the files beside it inherit this mode. One that
    // is there is not opened here: closing it would end the locks of every connection of the process.
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => {}
        Err(fault) if fault.kind() == ErrorKind::AlreadyExists => {}
        Err(fault) => return Err(OpenError::File(path.to_owned(), fault)),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "wal_autocheckpoint", NEVER)?;
    db.pragma_update(None, "journal_size_limit", WAL_KEPT_BYTES)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_COUNT);
    migrate(&mut db)?;
    Ok(db)
}

/// Opens the file to copy the log into it, beside the writer.
pub(super) fn open_to_copy(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(BUSY)?;
    // Below `normal` a copy would sync neither the log nor the file.
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "wal_autocheckpoint", NEVER)?;
    Ok(db)
}

/// Opens the file for reading only, also while a guard writes to it.
pub(super) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(BUSY)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_COUNT);
    Ok(db)
}

/// Refuses a file whose tables are newer than this program.
pub(super) fn version(db: &Connection) -> Result<usize, OpenError> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match usize::try_from(version) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        _ => Err(OpenError::TooNew(version)),
    }
}

fn migrate(db: &mut Connection) -> Result<(), OpenError> {
    let done = version(db)?;
    for (number, migration) in (1_i64..).zip(MIGRATIONS).skip(done) {
        let step = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        step.execute_batch(migration)?;
        step.pragma_update(None, "user_version", number)?;
        step.commit()?;
    }
    Ok(())
}

/// In the order of their numbers; one that was released never changes.
const MIGRATIONS: [&str; 14] = [
    include_str!("migrations/0001_record.sql"),
    include_str!("migrations/0002_state.sql"),
    include_str!("migrations/0003_history.sql"),
    include_str!("migrations/0004_permits.sql"),
    include_str!("migrations/0005_pins.sql"),
    include_str!("migrations/0006_segments.sql"),
    include_str!("migrations/0007_taint.sql"),
    include_str!("migrations/0008_kinds.sql"),
    include_str!("migrations/0009_rotations.sql"),
    include_str!("migrations/0010_people.sql"),
    include_str!("migrations/0011_votes.sql"),
    include_str!("migrations/0012_patterns.sql"),
    include_str!("migrations/0013_reviews.sql"),
    include_str!("migrations/0014_sign_in.sql"),
];

/// Only a reader that recovers the log after a crash, or a backup tool, ever holds the file longer.
const BUSY: Duration = Duration::from_secs(5);
/// A commit copies no log into the file: the copier does.
const NEVER: i64 = 0;
const WAL_KEPT_BYTES: i64 = 64 * 1_024 * 1_024;
const STATEMENTS_COUNT: usize = 64;
