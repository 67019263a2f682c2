//! Agents that `wrap` bridges to the owner, each with the server it brought.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::cli::deed::render_end;
use crate::cli::failure::Failure;
use crate::cli::hello::Hello;
use crate::guard::Guard;
use crate::mcp::Edge;
use crate::mcp::downstream::stdio;
use crate::mcp::listing::Listing;
use crate::mcp::upstream::{StdioSpec, TransportSpec, UpstreamSpec};
use crate::model::call::Principal;
use crate::model::digest::Digest;
use crate::model::name::ServerName;

/// The servers that bridged agents brought, so that one name means one server.
pub(super) struct Wrapped {
    guard: Arc<Guard>,
    listing: Arc<Listing>,
    known: Mutex<HashMap<ServerName, Digest>>,
}

impl Wrapped {
    /// Knows the servers of the configuration, whose names nobody else may take.
    pub(super) fn new(
        guard: Arc<Guard>,
        listing: Arc<Listing>,
        configured: impl IntoIterator<Item = (ServerName, Digest)>,
    ) -> Self {
        Self {
            guard,
            listing,
            known: Mutex::new(configured.into_iter().collect()),
        }
    }

    /// Speaks with one bridged agent until either side ends.
    pub(super) async fn serve(
        &self,
        hello: Hello,
        reader: impl AsyncRead + Unpin + Send + 'static,
        mut writer: impl AsyncWrite + Unpin + Send + 'static,
    ) -> io::Result<()> {
        let server = hello.server.clone();
        let admitted = self.admit(hello).await;
        let end = match &admitted {
            Ok(_) => Ok(json!({})),
            Err(failure) => Err(Failure::Refused(failure.to_string())),
        };
        writer
            .write_all(format!("{}\n", render_end(&end)).as_bytes())
            .await?;
        writer.flush().await?;
        match admitted {
            Ok((edge, principal)) => stdio::serve(&edge, principal, server, reader, writer).await,
            Err(_) => writer.shutdown().await,
        }
    }

    async fn admit(&self, hello: Hello) -> Result<(Arc<Edge>, Principal), Failure> {
        let principal = match &hello.key {
            Some(key) => self.guard.principal(Some(key.reveal())).await,
            None => self.guard.local_principal(&hello.agent).await,
        };
        let principal = principal.map_err(|denial| {
            let row = denial.reason().row();
            Failure::Refused(format!("{} {} ({})", row.sentence, row.remedy, row.code))
        })?;
        if principal.agent != hello.agent {
            return Err(Failure::Refused(format!(
                "the key is not that of {}",
                hello.agent
            )));
        }
        let spec = UpstreamSpec {
            name: hello.server.clone(),
            transport: TransportSpec::Stdio(StdioSpec {
                command: hello.command,
                args: hello.args,
                env: hello.env,
                cwd: Some(hello.cwd),
            }),
        };
        let spec = self.claim(spec).await?;
        let upstreams = BTreeMap::from([(hello.server, spec)]);
        let edge = Edge::new(
            Arc::clone(&self.guard),
            upstreams,
            Arc::clone(&self.listing),
        );
        let edge = edge.map_err(|error| Failure::because(&error))?;
        Ok((edge, principal))
    }

    /// What was approved for one server must not run on another that took its name.
    async fn claim(&self, spec: UpstreamSpec) -> Result<UpstreamSpec, Failure> {
        // The identity covers the program's bytes, and reading them may take a moment.
        let (spec, pin) = tokio::task::spawn_blocking(move || {
            let pin = spec.pin();
            (spec, pin)
        })
        .await
        .map_err(|error| Failure::because(&error))?;
        let mut known = self.known.lock();
        match known.get(&spec.name) {
            Some(other) if *other != pin => Err(Failure::Refused(format!(
                "another server is called {} here; name this one with --server",
                spec.name
            ))),
            _ => {
                known.insert(spec.name.clone(), pin);
                Ok(spec)
            }
        }
    }
}
