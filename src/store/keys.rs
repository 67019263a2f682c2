//! The guard's own keys: files beside the store, one purpose each, for their owner's eyes only.
//!
//! A new key lies beside the one it replaces until the record says that it is in force, and then takes its
//! place: whenever the guard dies in between, the record says which of the two is meant.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::ambient::Ambient;
use crate::audit::checkpoint::{PublicKey, SeedRefused, Signer};
use crate::audit::rotation::CHECKPOINT;
use crate::model::digest::Fields;
use crate::model::time::Timestamp;

/// The name of the directory in the data directory.
pub const DIRECTORY: &str = "keys";
/// The name of the file with the public half of the key that signs heads, in hexadecimal.
pub const PUBLIC_FILE: &str = "checkpoint.pub";

/// Why the keys were not taken.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file or directory could not be made or read.
    #[error("{0} could not be opened")]
    File(PathBuf, #[source] std::io::Error),
    /// Somebody else owns it or may read or change it.
    #[error("{0} must belong to the guard's own user and be open to nobody else (mode {1:o})")]
    Exposed(PathBuf, u32),
    /// It is not 64 hexadecimal digits.
    #[error("{0} does not hold a key")]
    Malformed(PathBuf),
    /// The seed is no Ed25519 key.
    #[error("{0} does not hold a key")]
    Seed(PathBuf, #[source] SeedRefused),
}

/// What a key is for; its file bears the name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Signs heads of the record.
    Checkpoint,
    /// Keys the equality of calls, and the marks of values that were seen.
    Match,
    /// Keys permits that leave the guard.
    Permit,
    /// Keys the codes that people compare.
    Code,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 4] = [Self::Checkpoint, Self::Match, Self::Permit, Self::Code];

    /// The word, and the name of the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => CHECKPOINT,
            Self::Match => "match",
            Self::Permit => "permit",
            Self::Code => "code",
        }
    }

    /// The purpose of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == text)
    }

    /// The setting of the store that names the key in force, once it was changed.
    #[must_use]
    pub fn setting(self) -> String {
        format!("key {}", self.name())
    }
}

/// A key as it may be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// What it is for.
    pub purpose: Purpose,
    /// Its name, which tells nothing of it.
    pub id: String,
    /// When its file was written.
    pub since: Timestamp,
}

/// A new key that lies beside the one it is to replace.
pub struct Heir {
    purpose: Purpose,
    secret: [u8; 32],
    id: String,
}

impl Heir {
    /// What it is for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The key.
    #[must_use]
    pub const fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// Its name, which tells nothing of it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Every secret of the guard's own.
pub struct Keys {
    /// Signs heads of the record.
    pub checkpoint: Signer,
    /// Keys the equality of calls.
    pub matching: [u8; 32],
    /// Keys permits that leave the guard.
    pub permit: [u8; 32],
    /// Keys the codes that people compare.
    pub code: [u8; 32],
    /// Signs notifications: the seed of an Ed25519 key.
    pub webhook: [u8; 32],
}

impl Keys {
    /// Opens the keys in a data directory; those that are missing are made of fresh random bytes.
    ///
    /// # Errors
    /// [`KeysError`]; above all if anybody else could have read one.
    pub fn open(data: &Path, ambient: &Ambient) -> Result<Self, KeysError> {
        let directory = data.join(DIRECTORY);
        let made = DirBuilder::new().mode(0o700).create(&directory);
        match made {
            Err(fault) if fault.kind() != ErrorKind::AlreadyExists => {
                return Err(KeysError::File(directory, fault));
            }
            _ => {}
        }
        let opened = open(&directory, rustix::fs::OFlags::DIRECTORY)?;
        refuse_exposed(&directory, &opened)?;
        let key = |name| key(&directory.join(name), ambient);
        let checkpoint = signer(&directory.join(CHECKPOINT), &key(CHECKPOINT)?)?;
        let keys = Self {
            checkpoint,
            matching: key(Purpose::Match.name())?,
            permit: key(Purpose::Permit.name())?,
            code: key(Purpose::Code.name())?,
            webhook: key("webhook")?,
        };
        publish(&directory, keys.checkpoint.public())?;
        opened
            .sync_all()
            .map_err(|fault| KeysError::File(directory, fault))?;
        Ok(keys)
    }
}

/// Draws a new key and puts it beside the one it is to replace; one that an earlier try left there is
/// taken up, since it may be in force already.
///
/// # Errors
/// [`KeysError`].
pub fn draw(data: &Path, purpose: Purpose, ambient: &Ambient) -> Result<Heir, KeysError> {
    let path = beside(data, purpose);
    let secret = key(&path, ambient)?;
    sync(&data.join(DIRECTORY))?;
    Ok(Heir {
        purpose,
        id: name(purpose, &path, &secret)?,
        secret,
    })
}

/// Puts a new key into its place.
///
/// # Errors
/// [`KeysError::File`].
pub fn succeed(data: &Path, heir: &Heir) -> Result<(), KeysError> {
    let directory = data.join(DIRECTORY);
    let place = directory.join(heir.purpose.name());
    std::fs::rename(beside(data, heir.purpose), &place)
        .map_err(|fault| KeysError::File(place.clone(), fault))?;
    if heir.purpose == Purpose::Checkpoint {
        publish(&directory, signer(&place, &heir.secret)?.public())?;
    }
    sync(&directory)
}

/// Ends what a guard that died left half done: a new key that the record names as the one in force takes
/// its place, another is dropped, and so are drafts. Only the owner of the directory may call this.
///
/// # Errors
/// [`KeysError`].
pub fn recover(
    data: &Path,
    in_force: impl Fn(Purpose) -> Option<String>,
    ambient: &Ambient,
) -> Result<(), KeysError> {
    drop_drafts(&data.join(DIRECTORY))?;
    for purpose in Purpose::ALL {
        let path = beside(data, purpose);
        if !path.exists() {
            continue;
        }
        let heir = draw(data, purpose, ambient)?;
        match in_force(purpose).is_some_and(|id| id == heir.id) {
            true => succeed(data, &heir)?,
            false => {
                std::fs::remove_file(&path).map_err(|fault| KeysError::File(path, fault))?;
            }
        }
    }
    Ok(())
}

/// Files that [`make`] began and did not end.
fn drop_drafts(directory: &Path) -> Result<(), KeysError> {
    let failed = |fault| KeysError::File(directory.to_owned(), fault);
    let found = match std::fs::read_dir(directory) {
        Err(fault) if fault.kind() == ErrorKind::NotFound => return Ok(()),
        found => found.map_err(failed)?,
    };
    for file in found {
        let path = file.map_err(failed)?.path();
        let mark = path.extension().map(OsStr::as_encoded_bytes);
        if mark.is_some_and(|mark| data_encoding::HEXLOWER.decode_len(mark.len()) == Ok(MARK_BYTES))
        {
            std::fs::remove_file(&path).map_err(|fault| KeysError::File(path, fault))?;
        }
    }
    Ok(())
}

/// The keys that are there.
///
/// # Errors
/// [`KeysError`].
pub fn list(data: &Path) -> Result<Vec<Listed>, KeysError> {
    let mut listed = Vec::new();
    for purpose in Purpose::ALL {
        let path = data.join(DIRECTORY).join(purpose.name());
        if !path.exists() {
            continue;
        }
        let failed = |fault| KeysError::File(path.clone(), fault);
        let written = std::fs::metadata(&path).and_then(|found| found.modified());
        let since = written.map_err(failed)?.duration_since(UNIX_EPOCH);
        let millis = since.map_or(0, |since| since.as_millis());
        listed.push(Listed {
            purpose,
            id: name(purpose, &path, &read(&path)?)?,
            since: Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)),
        });
    }
    Ok(listed)
}

/// The name of a key: of one that signs, that of its public half.
fn name(purpose: Purpose, path: &Path, secret: &[u8; 32]) -> Result<String, KeysError> {
    if purpose == Purpose::Checkpoint {
        return Ok(signer(path, secret)?.public().id().to_owned());
    }
    let digest = Fields::new("countersign.key.v1")
        .field(purpose.name().as_bytes())
        .field(secret)
        .digest();
    Ok(digest.to_string().chars().take(16).collect())
}

fn signer(path: &Path, seed: &[u8; 32]) -> Result<Signer, KeysError> {
    Signer::from_seed(seed).map_err(|fault| KeysError::Seed(path.to_owned(), fault))
}

/// Where a key lies that is to replace another.
fn beside(data: &Path, purpose: Purpose) -> PathBuf {
    data.join(DIRECTORY)
        .join(format!("{}.next", purpose.name()))
}

fn sync(directory: &Path) -> Result<(), KeysError> {
    let synced = File::open(directory).and_then(|opened| opened.sync_all());
    synced.map_err(|fault| KeysError::File(directory.to_owned(), fault))
}

/// The key in a file, made first if it is not there.
fn key(path: &Path, ambient: &Ambient) -> Result<[u8; 32], KeysError> {
    if !path.exists() {
        make(path, ambient)?;
    }
    read(path)
}

fn read(path: &Path) -> Result<[u8; 32], KeysError> {
    let file = open(path, rustix::fs::OFlags::empty())?;
    refuse_exposed(path, &file)?;
    let mut text = String::new();
    file.take(HEX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|fault| KeysError::File(path.to_owned(), fault))?;
    data_encoding::HEXLOWER
        .decode(text.trim_end().as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| KeysError::Malformed(path.to_owned()))
}

/// Writes a fresh key beside its place and links it there: nobody ever sees half of one, and of two
/// guards that start at once both read the same.
fn make(path: &Path, ambient: &Ambient) -> Result<(), KeysError> {
    let secret: [u8; 32] = ambient.random();
    let mark: [u8; MARK_BYTES] = ambient.random();
    let draft = path.with_extension(data_encoding::HEXLOWER.encode(&mark));
    let written = write(&draft, &data_encoding::HEXLOWER.encode(&secret)).and_then(|()| {
        match std::fs::hard_link(&draft, path) {
            Err(fault) if fault.kind() == ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    });
    let removed = std::fs::remove_file(&draft);
    written
        .and(removed)
        .map_err(|fault| KeysError::File(path.to_owned(), fault))
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

/// Writes the public key for whoever verifies the record elsewhere.
fn publish(directory: &Path, key: &PublicKey) -> Result<(), KeysError> {
    let path = directory.join(PUBLIC_FILE);
    let text = format!("{key}\n");
    if std::fs::read_to_string(&path).is_ok_and(|written| written == text) {
        return Ok(());
    }
    std::fs::write(&path, text).map_err(|fault| KeysError::File(path, fault))
}

/// Never through a symbolic link: it could lead to a file that somebody else can change.
fn open(path: &Path, flags: rustix::fs::OFlags) -> Result<File, KeysError> {
    let flags = flags | rustix::fs::OFlags::NOFOLLOW;
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|fault| KeysError::File(path.to_owned(), fault))
}

fn refuse_exposed(path: &Path, file: &File) -> Result<(), KeysError> {
    let found = file
        .metadata()
        .map_err(|fault| KeysError::File(path.to_owned(), fault))?;
    let owned = found.uid() == rustix::process::geteuid().as_raw();
    let mode = found.mode() & 0o7777;
    match owned && mode & 0o077 == 0 {
        true => Ok(()),
        false => Err(KeysError::Exposed(path.to_owned(), mode)),
    }
}

/// Random bytes in the ending of a draft; no other file's ending is so long.
const MARK_BYTES: usize = 8;
/// 32 bytes in hexadecimal and a line end.
const HEX_BYTES: u64 = 65;
