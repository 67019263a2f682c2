//! A guard over its directory: the lock, the keys, the record.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::anchor::Post;
use super::anchored::Standings;
use crate::ambient::Ambient;
use crate::audit::checkpoint::SignedHead;
use crate::cli::failure::Failure;
use crate::cli::print;
use crate::config::Anchor;
use crate::guard::{Guard, Offered, Parts, PinPolicy, Reload};
use crate::limits::RECORD_SHARE_BYTES;
use crate::model::id::BootId;
use crate::model::isolation::Isolation;
use crate::model::name::OperatorName;
use crate::notify::NoticeSigner;
use crate::scopes::Scopes;
use crate::store::Store;
use crate::store::keys::{self, Keys, Purpose};
use crate::store::sqlite::{FILE, Reader, Sqlite};

/// A started guard, and what goes when it goes.
pub(crate) struct Core {
    /// The guard.
    pub(crate) guard: Arc<Guard>,
    /// Signs what people are told.
    pub(crate) signer: NoticeSigner,
    store: Arc<Sqlite>,
    /// The digest of the scopes that were last put into force in this directory.
    accepted: Option<String>,
    posts: Vec<(Post, JoinHandle<()>)>,
    standings: Arc<Standings>,
    /// Held as long as this process owns the directory.
    lock: File,
}

impl Core {
    /// Takes the directory, without any scope in force; `None` where another process owns it.
    pub(crate) async fn open(
        data: &Path,
        reload: Reload,
        pin: PinPolicy,
        all_synced: bool,
        isolation: Isolation,
    ) -> Result<Option<Self>, Failure> {
        make_directory(data)?;
        let Some(lock) = take_lock(&data.join(LOCK))? else {
            return Ok(None);
        };
        let ambient = Ambient::system();
        settle_keys(data, &ambient)?;
        let keys = Keys::open(data, &ambient).map_err(|error| Failure::because(&error))?;
        let signer = NoticeSigner::from_seed(&keys.webhook);
        let signer = signer.map_err(|error| Failure::because(&error))?;
        let boot = BootId::random(&ambient);
        let store = Sqlite::open(data, keys.checkpoint, boot, ambient.clone(), all_synced)
            .map_err(|error| Failure::because(&error))?;
        let store = Arc::new(store);
        let accepted = store
            .setting(ACCEPTED)
            .await
            .map_err(|error| Failure::because(&error))?;
        let guard = Guard::start(Parts {
            store: Arc::clone(&store) as _,
            scopes: Scopes::empty(),
            ambient,
            match_key: keys.matching,
            code_key: keys.code,
            permit_key: keys.permit,
            all_synced,
            record_share_bytes: RECORD_SHARE_BYTES,
            reload,
            pin,
            isolation,
        })
        .await
        .map_err(|error| Failure::because(&error))?;
        let mut core = Self {
            guard,
            signer,
            store,
            accepted,
            posts: Vec::new(),
            standings: Arc::new(Standings::new(data)),
            lock,
        };
        core.follow(Post::own(data));
        Ok(Some(core))
    }

    /// Sends heads there too, from now on.
    pub(crate) fn anchor_at(&mut self, anchors: Vec<Anchor>) {
        for post in Post::all(anchors) {
            self.follow(post);
        }
    }

    fn follow(&mut self, post: Post) {
        let (guard, standings) = (Arc::clone(&self.guard), Arc::clone(&self.standings));
        let following = post.clone().follow(guard, standings);
        self.posts.push((post, following));
    }

    /// Puts the first scopes into force, or leaves them to an operator where others were in force
    /// when this directory was last owned.
    pub(crate) async fn begin(&self, scopes: Scopes, reload: Reload) -> Result<(), Failure> {
        let digest = scopes.digest();
        let is_known = match (&self.accepted, reload) {
            (Some(accepted), Reload::Accept) => *accepted == digest.to_string(),
            (None, _) | (_, Reload::Auto) => true,
        };
        let offered = self.guard.offer(scopes).await;
        match offered.map_err(|error| Failure::because(&error))? {
            Offered::Waiting(digest) if is_known => {
                let by =
                    OperatorName::parse("launcher").map_err(|error| Failure::because(&error))?;
                self.guard
                    .accept_scopes(&by, digest)
                    .await
                    .map_err(|error| Failure::because(&error))
            }
            Offered::Waiting(_) => {
                print::tell(
                    "the manifests changed while no guard ran; until an operator accepts them no scope is in force",
                );
                Ok(())
            }
            Offered::InForce | Offered::Unchanged => Ok(()),
        }
    }

    /// Settles, writes the last head to the record and to the anchors, and lets go of the directory. An
    /// anchor elsewhere that cannot be reached keeps nobody: that is told, and stands in `doctor`.
    pub(crate) async fn close(mut self) -> Result<(), Failure> {
        let stopped = self.guard.stop().await;
        let mut posts = Vec::new();
        for (post, following) in std::mem::take(&mut self.posts) {
            following.abort();
            // It may be writing still; how it ended is of no interest.
            let _ = following.await;
            posts.push(post);
        }
        let head = self.store.head().await;
        let anchored = match head {
            Ok(Some(head)) => self.anchor_last(&posts, &head).await,
            Ok(None) => Ok(()),
            Err(error) => Err(Failure::because(&error)),
        };
        drop(self.lock);
        stopped.map_err(|error| Failure::because(&error))?;
        anchored
    }

    async fn anchor_last(&self, posts: &[Post], head: &SignedHead) -> Result<(), Failure> {
        let sent = posts
            .iter()
            .map(|post| post.last(&self.guard, &self.standings, head));
        // The first is the guard's own file.
        let mut sent = futures_util::future::join_all(sent).await.into_iter();
        sent.next().unwrap_or(Ok(()))
    }
}

/// Makes the directory for the guard's own user, or refuses one that others may write to.
pub(crate) fn make_directory(data: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::Refused(format!("{} cannot be used: {error}", data.display()))
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .map_err(failed)?;
    let found = std::fs::metadata(data).map_err(failed)?;
    let is_ours = found.uid() == rustix::process::geteuid().as_raw();
    match is_ours && found.mode() & 0o022 == 0 {
        true => Ok(()),
        false => Err(Failure::Refused(format!(
            "{} must belong to the guard's own user, and nobody else may write to it",
            data.display()
        ))),
    }
}

/// Ends a change of a key that broke off, as the record says.
fn settle_keys(data: &Path, ambient: &Ambient) -> Result<(), Failure> {
    let path = data.join(FILE);
    let mut named = Vec::new();
    if path.is_file() {
        let reader = Reader::open(&path).map_err(|error| Failure::because(&error))?;
        for purpose in Purpose::ALL {
            let id = reader.setting(&purpose.setting());
            named.push((purpose, id.map_err(|error| Failure::because(&error))?));
        }
    }
    let in_force = |asked: Purpose| {
        let found = named.iter().find(|(purpose, _)| *purpose == asked);
        found.and_then(|(_, id)| id.clone())
    };
    keys::recover(data, in_force, ambient).map_err(|error| Failure::because(&error))
}

fn take_lock(path: &Path) -> Result<Option<File>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::Refused(format!("{} cannot be locked: {error}", path.display()))
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

const LOCK: &str = "lock";
/// The guard's own name for this setting.
const ACCEPTED: &str = "scopes accepted";
