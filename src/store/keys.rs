//! The guard's own keys: files beside the store, one purpose each, for their owner's eyes only.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::ambient::Ambient;
use crate::audit::checkpoint::{PublicKey, SeedRefused, Signer};

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

/// Every secret of the guard's own.
pub struct Keys {
    /// Signs heads of the record.
    pub checkpoint: Signer,
    /// Keys the equality of calls.
    pub matching: [u8; 32],
    /// Keys permits that leave the guard.
    pub permit: [u8; 32],
    /// Keys state that a client carries for the guard.
    pub seal: [u8; 32],
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
        let seed = directory.join("checkpoint");
        let checkpoint =
            Signer::from_seed(&key("checkpoint")?).map_err(|fault| KeysError::Seed(seed, fault))?;
        let keys = Self {
            checkpoint,
            matching: key("match")?,
            permit: key("permit")?,
            seal: key("seal")?,
            code: key("code")?,
            webhook: key("webhook")?,
        };
        publish(&directory, keys.checkpoint.public())?;
        opened
            .sync_all()
            .map_err(|fault| KeysError::File(directory, fault))?;
        Ok(keys)
    }
}

/// The key in a file, made first if it is not there.
fn key(path: &Path, ambient: &Ambient) -> Result<[u8; 32], KeysError> {
    if !path.exists() {
        make(path, ambient)?;
    }
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
    let mark: [u8; 8] = ambient.random();
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

/// 32 bytes in hexadecimal and a line end.
const HEX_BYTES: u64 = 65;
