//! The owner's socket: one strict line says what is wanted, then a deed is done or an agent bridged.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::wrapped::Wrapped;
use crate::cli::deed::{Deed, Home, render_end};
use crate::cli::failure::Failure;
use crate::cli::hello::Hello;
use crate::guard::Guard;
use crate::limits::{AGENT_MESSAGE_BYTES, SHUTDOWN_GRACE};
use crate::model::json;

/// The socket's name in the guard's directory.
pub(crate) const SOCKET: &str = "guard.sock";

/// The socket, bound and not yet answering.
pub(super) struct Door {
    listener: UnixListener,
    path: PathBuf,
    data: PathBuf,
}

impl Door {
    /// Binds the socket for the guard's own user. Only the owner of the directory may call this: a
    /// socket that is found there belongs to an owner that is gone.
    pub(super) fn open(data: &Path) -> Result<Self, Failure> {
        let path = data.join(SOCKET);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(|error| {
            Failure::Refused(format!("{} cannot be bound: {error}", path.display()))
        })?;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600))?;
        Ok(Self {
            listener,
            path,
            data: data.to_owned(),
        })
    }

    /// Answers until the guard stops.
    pub(super) async fn serve(self, guard: Arc<Guard>, wrapped: Wrapped) {
        let wrapped = Arc::new(wrapped);
        let data: Arc<Path> = self.data.into();
        let stopping = guard.stopping();
        let connections = tokio_util::task::TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = stopping.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (guard, wrapped) = (Arc::clone(&guard), Arc::clone(&wrapped));
                    let data = Arc::clone(&data);
                    connections.spawn(async move {
                        if let Err(error) = answer(stream, &guard, &wrapped, &data).await {
                            tracing::debug!(%error, "a connection to the socket ended");
                        }
                    });
                }
                Err(error) => {
                    tracing::error!(%error, "the socket does not accept");
                    // Out of descriptors, most likely; a moment later there may be some.
                    tokio::time::sleep(RECOVERY).await;
                }
            }
        }
        // Gone before the lock is let go, so that nobody removes the next owner's.
        let _ = std::fs::remove_file(&self.path);
        connections.close();
        if tokio::time::timeout(SHUTDOWN_GRACE, connections.wait())
            .await
            .is_err()
        {
            tracing::warn!("some bridged agents did not end in time");
        }
    }
}

async fn answer(
    stream: UnixStream,
    guard: &Arc<Guard>,
    wrapped: &Wrapped,
    data: &Path,
) -> std::io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    let own = rustix::process::geteuid().as_raw();
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let hello = tokio::time::timeout(HELLO_LONGEST, read_hello(&mut reader)).await;
    let end = match hello {
        Ok(Ok(hello)) if peer == own || peer == 0 => match Deed::parse(&hello) {
            Some(deed) => {
                let home = Home { data, serves: true };
                deed.perform(guard, &format!("uid {peer}"), home).await
            }
            None => match Hello::parse(&hello) {
                Some(hello) => return wrapped.serve(hello, reader, writer).await,
                None => Err(Failure::Input(
                    "the first line is not understood".to_owned(),
                )),
            },
        },
        Ok(Ok(_)) => Err(Failure::Refused(
            "this guard belongs to another user".to_owned(),
        )),
        Ok(Err(failure)) => Err(failure),
        Err(_) => Err(Failure::Input("no first line came".to_owned())),
    };
    writer
        .write_all(format!("{}\n", render_end(&end)).as_bytes())
        .await?;
    writer.shutdown().await
}

async fn read_hello(
    reader: &mut (impl AsyncBufReadExt + Unpin),
) -> Result<Map<String, Value>, Failure> {
    let mut line = Vec::new();
    reader
        .take(AGENT_MESSAGE_BYTES as u64)
        .read_until(b'\n', &mut line)
        .await?;
    match json::parse(&line) {
        Ok(Value::Object(hello)) if hello.get("v").and_then(Value::as_u64) == Some(1) => Ok(hello),
        _ => Err(Failure::Input(
            "the first line must be one JSON object of version 1".to_owned(),
        )),
    }
}

const HELLO_LONGEST: Duration = Duration::from_secs(10);
const RECOVERY: Duration = Duration::from_millis(100);
