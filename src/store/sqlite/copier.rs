//! Copying the log into the file, on a thread and a connection of its own: who commits waits for it only
//! once the log has grown past its bound.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;

use super::shared::Tally;
use super::{OpenError, schema};
use crate::limits::{RECORD_LOG_COPIED_PAGES, RECORD_LOG_MOST_PAGES};

/// The writer's hold on the thread that copies; the thread ends with it.
pub(super) struct Copier {
    desk: Arc<Desk>,
    /// Absent only while it is dropped.
    bell: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// How long the log was when the bell was last rung; nothing once it began anew.
    rung_pages: u64,
}

impl Copier {
    pub(super) fn start(path: &Path, tally: Arc<Tally>) -> Result<Self, OpenError> {
        let desk = Arc::new(Desk {
            db: Mutex::new(schema::open_to_copy(path)?),
            pen: Mutex::default(),
            tally,
        });
        let (bell, rings) = sync_channel(1);
        let copied = Arc::clone(&desk);
        let thread = std::thread::Builder::new()
            .name("record-copy".to_owned())
            .spawn(move || copied.run(&rings))
            .map_err(OpenError::Thread)?;
        Ok(Self {
            desk,
            bell: Some(bell),
            thread: Some(thread),
            rung_pages: 0,
        })
    }

    /// Held while a transaction is written: the last of a copy is done while nobody writes.
    pub(super) fn pen(&self) -> MutexGuard<'_, ()> {
        self.desk.pen.lock()
    }

    /// Looks at the log after a commit on `db`, without the pen, and has it copied where it is due. What
    /// fails here fails no commit: the log keeps all that is not yet in the file.
    pub(super) fn look(&mut self, db: &Connection) {
        let Ok(log) = Log::left_by(db, Copy::Nothing) else {
            return;
        };
        if log.pages < self.rung_pages {
            self.rung_pages = 0;
        }
        // Rung once for each such length, also where a reader who stays keeps the log from beginning anew.
        if log.pages < self.rung_pages.saturating_add(RECORD_LOG_COPIED_PAGES) {
            return;
        }
        self.rung_pages = log.pages;
        if let Some(bell) = &self.bell {
            // One that rings already is heard, and who is gone hears nothing.
            let _ = bell.try_send(());
        }
        if log.pages >= RECORD_LOG_MOST_PAGES {
            self.desk.tally.wait();
            self.desk.copy_rest();
        }
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        drop(self.bell.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that copies the log broke off");
        }
    }
}

/// What the thread and the writer share.
struct Desk {
    /// The connection that copies, held by whoever does.
    db: Mutex<Connection>,
    pen: Mutex<()>,
    tally: Arc<Tally>,
}

impl Desk {
    /// Copies whenever the bell rings, until nobody is left to ring it.
    fn run(&self, rings: &Receiver<()>) {
        while rings.recv().is_ok() {
            match self.copy() {
                Ok(()) => self.tally.copy(),
                Err(fault) => tell(&fault),
            }
        }
    }

    /// Copies while others write, until little is left, and that little while nobody does: the next
    /// commit then finds all of the log in the file, and begins it anew.
    fn copy(&self) -> rusqlite::Result<()> {
        let db = self.db.lock();
        for _ in 0..PASSES_COUNT {
            if Log::left_by(&db, Copy::Nothing)?.uncopied() <= LAST_PASS_PAGES {
                break;
            }
            Log::left_by(&db, Copy::Passive)?;
        }
        let _pen = self.pen.lock();
        Log::left_by(&db, Copy::Passive).map(drop)
    }

    /// Waits for a copy that is under way and copies what it left; for whoever writes, who so writes nothing
    /// meanwhile.
    fn copy_rest(&self) {
        if let Err(fault) = Log::left_by(&self.db.lock(), Copy::Passive) {
            tell(&fault);
        }
    }
}

/// How long the log is, and how much of it is in the file.
struct Log {
    pages: u64,
    copied_pages: u64,
}

impl Log {
    /// As it is after so much of a copy. None waits for readers or writers, and each syncs the log before
    /// it copies and the file before it calls anything copied.
    /// <https://sqlite.org/pragma.html#pragma_wal_checkpoint>
    fn left_by(db: &Connection, copy: Copy) -> rusqlite::Result<Self> {
        let mut pragma = db.prepare_cached(match copy {
            Copy::Nothing => "PRAGMA wal_checkpoint(NOOP)",
            Copy::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
        })?;
        pragma.query_row([], |row| {
            // Below nothing where there is no log.
            let pages = |column| {
                row.get(column)
                    .map(|count: i64| u64::try_from(count).unwrap_or(0))
            };
            Ok(Self {
                pages: pages(1)?,
                copied_pages: pages(2)?,
            })
        })
    }

    const fn uncopied(&self) -> u64 {
        self.pages.saturating_sub(self.copied_pages)
    }
}

/// How much of the log is copied.
#[derive(Clone, Copy)]
enum Copy {
    /// Nothing: it is only looked at.
    Nothing,
    /// All that no reader needs as it was.
    Passive,
}

/// Passes of one copy beside a writer who adds to the log meanwhile.
const PASSES_COUNT: usize = 4;
/// So little is copied in the time of a commit or two.
const LAST_PASS_PAGES: u64 = 256;

fn tell(fault: &rusqlite::Error) {
    tracing::warn!(%fault, "the log could not be copied; it keeps what is not in the file");
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// A writer's connection, beside a copier that is not heard: its bell leads nowhere.
    struct Desktop {
        db: Connection,
        copier: Copier,
        _rings: Receiver<()>,
        _directory: tempfile::TempDir,
    }

    impl Desktop {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("log.db");
            let db = schema::open(&path).unwrap();
            db.execute_batch("CREATE TABLE filler (bytes BLOB)")
                .unwrap();
            let (bell, rings) = sync_channel(1);
            let copier = Copier {
                desk: Arc::new(Desk {
                    db: Mutex::new(schema::open_to_copy(&path).unwrap()),
                    pen: Mutex::default(),
                    tally: Arc::default(),
                }),
                bell: Some(bell),
                thread: None,
                rung_pages: 0,
            };
            Self {
                db,
                copier,
                _rings: rings,
                _directory: directory,
            }
        }

        /// Adds at least so much to the log in one commit.
        fn write(&self, pages: u64) {
            let bytes = pages * 4_096;
            self.db
                .execute("INSERT INTO filler VALUES (zeroblob(?1))", [bytes as i64])
                .unwrap();
        }

        fn log(&self) -> Log {
            Log::left_by(&self.db, Copy::Nothing).unwrap()
        }

        fn waits(&self) -> u64 {
            self.copier.desk.tally.written().waits
        }
    }

    #[test]
    fn who_commits_waits_for_no_copy_before_the_log_is_past_its_bound() {
        let mut desktop = Desktop::new();
        let desk = Arc::clone(&desktop.copier.desk);
        // As while a copy is under way that takes its time.
        let busy = desk.db.lock();
        let pages = RECORD_LOG_COPIED_PAGES / 2;
        while desktop.log().pages < RECORD_LOG_MOST_PAGES - pages - 64 {
            desktop.write(pages);
            desktop.copier.look(&desktop.db);
        }
        assert_eq!(desktop.log().copied_pages, 0);
        assert_eq!(desktop.waits(), 0);
        drop(busy);
    }

    #[test]
    fn past_its_bound_the_log_waits_for_its_copy_and_begins_anew() {
        let mut desktop = Desktop::new();
        let desk = Arc::clone(&desktop.copier.desk);
        let (locked, is_locked) = channel();
        let (go, gone) = channel::<()>();
        let busy = std::thread::spawn(move || {
            let _busy = desk.db.lock();
            locked.send(()).unwrap();
            gone.recv().unwrap();
        });
        is_locked.recv().unwrap();
        desktop.write(RECORD_LOG_MOST_PAGES);
        go.send(()).unwrap();
        desktop.copier.look(&desktop.db);
        busy.join().unwrap();
        assert_eq!(desktop.waits(), 1);
        assert_eq!(desktop.log().uncopied(), 0);
        desktop.write(1);
        assert!(desktop.log().pages < 64);
    }

    #[test]
    fn a_copy_beside_a_writer_lets_the_log_begin_anew() {
        let desktop = Desktop::new();
        desktop.write(RECORD_LOG_COPIED_PAGES);
        desktop.copier.desk.copy().unwrap();
        assert_eq!(desktop.log().uncopied(), 0);
        desktop.write(1);
        assert!(desktop.log().pages < 64);
    }

    #[test]
    fn a_copy_that_fails_fails_nobody_else() {
        let mut desktop = Desktop::new();
        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(elsewhere.path(), "no database at all, but long".repeat(100)).unwrap();
        *desktop.copier.desk.db.lock() = Connection::open(elsewhere.path()).unwrap();
        assert!(desktop.copier.desk.copy().is_err());
        for _ in 0..2 {
            desktop.write(RECORD_LOG_MOST_PAGES);
            desktop.copier.look(&desktop.db);
        }
        assert_eq!(desktop.waits(), 2);
        assert_eq!(desktop.log().copied_pages, 0);
        let kept: i64 = desktop
            .db
            .query_row("SELECT count(*) FROM filler", [], |row| row.get(0))
            .unwrap();
        assert_eq!(kept, 2);
    }
}
