//! Where an issuer's keys are read: an address of the configuration, or a file.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use reqwest::{Client, StatusCode};
use tokio::time::timeout;
use url::Url;

use crate::authn::answer::{BodyFault, body};
use crate::limits::{JWKS_ANSWER_TIMEOUT, JWKS_BYTES};
use crate::outbound::address::{self, Address};
use crate::outbound::{self, ClientError};

/// Where keys are read.
#[derive(Clone, Debug)]
pub struct KeySource(Home);

#[derive(Clone, Debug)]
enum Home {
    Address { url: Url, client: Client },
    File(PathBuf),
}

/// Why no keys were read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The configured address is not acceptable.
    #[error("the address of keys is not acceptable: {0}")]
    Unacceptable(&'static str),
    /// The platform gives no client.
    #[error("there is no client to ask with")]
    Client(#[source] ClientError),
    /// No answer came.
    #[error("the issuer could not be asked for its keys")]
    Unreachable(#[source] reqwest::Error),
    /// The answer was no success; a redirect is none.
    #[error("the issuer answered with HTTP status {0}")]
    Status(u16),
    /// The answer took too long.
    #[error("the issuer did not answer in time")]
    TimedOut,
    /// The keys are larger than [`JWKS_BYTES`].
    #[error("the keys are larger than {JWKS_BYTES} bytes")]
    TooLarge,
    /// The file cannot be read.
    #[error("the file of keys cannot be read")]
    File(#[source] std::io::Error),
    /// Others than the guard's own user or root may write to the file.
    #[error(
        "the file of keys must belong to the guard's own user or root, and nobody else may write to it"
    )]
    Exposed,
}

impl KeySource {
    /// An address: https, or http to this very machine where `allow_loopback_http` says so. A name is
    /// dialled only where it resolves to public addresses, unless `allow_private`.
    ///
    /// # Errors
    /// [`SourceError::Unacceptable`] with what is wrong.
    pub fn address(
        url: &str,
        allow_private: bool,
        allow_loopback_http: bool,
    ) -> Result<Self, SourceError> {
        let Address { url, is_local, .. } =
            address::judge(url).map_err(SourceError::Unacceptable)?;
        if url.scheme() == "http" && !allow_loopback_http {
            return Err(SourceError::Unacceptable(
                "http needs `allow_loopback_http: true`, for local work alone",
            ));
        }
        let client = outbound::build(is_local || allow_private).map_err(SourceError::Client)?;
        Ok(Self(Home::Address { url, client }))
    }

    /// A file, read anew whenever keys are looked at.
    #[must_use]
    pub const fn file(path: PathBuf) -> Self {
        Self(Home::File(path))
    }

    /// Whether whoever listens on this machine's network could have given the keys.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(&self.0, Home::Address { url, .. } if url.scheme() == "http")
    }

    /// The keys, as text.
    pub(super) async fn read(&self) -> Result<Vec<u8>, SourceError> {
        match &self.0 {
            Home::Address { url, client } => timeout(JWKS_ANSWER_TIMEOUT, ask(client, url))
                .await
                .map_err(|_| SourceError::TimedOut)?,
            Home::File(path) => {
                let path = path.clone();
                tokio::task::spawn_blocking(move || read_file(&path))
                    .await
                    .map_err(|fault| SourceError::File(fault.into()))?
            }
        }
    }
}

async fn ask(client: &Client, url: &Url) -> Result<Vec<u8>, SourceError> {
    let answer = client.get(url.clone()).send().await;
    let answer = answer.map_err(SourceError::Unreachable)?;
    if answer.status() != StatusCode::OK {
        return Err(SourceError::Status(answer.status().as_u16()));
    }
    body(answer, JWKS_BYTES).await.map_err(|fault| match fault {
        BodyFault::Broken(fault) => SourceError::Unreachable(fault),
        BodyFault::TooLarge => SourceError::TooLarge,
    })
}

/// Whoever may write this file decides who an agent is.
fn read_file(path: &Path) -> Result<Vec<u8>, SourceError> {
    let file = File::open(path).map_err(SourceError::File)?;
    let found = file.metadata().map_err(SourceError::File)?;
    let is_ours = found.uid() == rustix::process::geteuid().as_raw() || found.uid() == 0;
    if !is_ours || found.mode() & 0o022 != 0 {
        return Err(SourceError::Exposed);
    }
    let most = u64::try_from(JWKS_BYTES).unwrap_or(u64::MAX);
    let mut text = Vec::new();
    file.take(most.saturating_add(1))
        .read_to_end(&mut text)
        .map_err(SourceError::File)?;
    match text.len() > JWKS_BYTES {
        true => Err(SourceError::TooLarge),
        false => Ok(text),
    }
}
