//! Where an upstream is and how it is started or reached: the operator's words, checked once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use url::{Host, Url};

use super::fault::LinkError;
use super::program;
use crate::model::digest::{Digest, Fields};
use crate::model::json;
use crate::model::name::ServerName;
use crate::model::secret::Secret;
use crate::outbound;

/// One upstream server.
#[derive(Clone, Debug)]
pub struct UpstreamSpec {
    /// The guard's name for it.
    pub name: ServerName,
    /// How it is reached.
    pub transport: TransportSpec,
}

impl UpstreamSpec {
    /// The server's identity: command, arguments and the bytes of the program, or the address. What may
    /// hold a secret, arguments and the query of an address, stands in it as a digest.
    ///
    /// Reads the program's file, so that it may take a moment; ask for it off the async threads.
    #[must_use]
    pub fn identity(&self) -> Value {
        match &self.transport {
            TransportSpec::Stdio(stdio) => stdio.identity(),
            TransportSpec::Http(http) => http.identity(),
        }
    }

    /// The digest of the identity.
    #[must_use]
    pub fn pin(&self) -> Digest {
        Digest::of(&json::canonical(&self.identity()))
    }
}

/// How an upstream is reached.
#[derive(Clone, Debug)]
pub enum TransportSpec {
    /// As a child process, over its standard input and output.
    Stdio(StdioSpec),
    /// Over streamable HTTP.
    Http(HttpSpec),
}

/// A child process.
#[derive(Clone, Debug)]
pub struct StdioSpec {
    /// The program: a path, or a name that is looked up in `PATH`.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment beyond the few variables every child gets.
    pub env: BTreeMap<String, String>,
    /// Its working directory, if not the guard's own.
    pub cwd: Option<PathBuf>,
}

impl StdioSpec {
    /// The file that would be started, if there is one.
    #[must_use]
    pub fn program(&self) -> Option<PathBuf> {
        program::find(&self.command, self.cwd.as_deref())
    }

    fn identity(&self) -> Value {
        let program = self.program();
        // An interpreter says little about the server; the script it is given first says more.
        let script = self.args.first().and_then(|first| {
            let path = self
                .cwd
                .as_deref()
                .map_or_else(|| PathBuf::from(first), |cwd| cwd.join(first));
            program::digest(&path)
        });
        let program = program.as_deref().and_then(program::digest);
        let arguments = self.args.iter().fold(
            Fields::new("countersign.upstream.arguments.v1"),
            |all, arg| all.field(arg.as_bytes()),
        );
        json!({
            "command": self.command,
            "program": program.map(|digest| digest.to_string()),
            "script": script.map(|digest| digest.to_string()),
            "arguments": arguments.digest().to_string(),
        })
    }
}

/// An HTTP endpoint.
#[derive(Clone, Debug)]
pub struct HttpSpec {
    url: Url,
    credential: Option<Secret<String>>,
    client: reqwest::Client,
}

impl HttpSpec {
    /// Checks the address and builds the one client that dials it.
    ///
    /// A name is dialled only where it resolves to public addresses, unless `allow_private`; an
    /// address written out, and `localhost`, are dialled as written.
    ///
    /// # Errors
    /// [`LinkError::Unacceptable`] with what is wrong.
    pub fn new(
        url: &str,
        credential: Option<Secret<String>>,
        allow_private: bool,
    ) -> Result<Self, LinkError> {
        let refuse = |text: &str| LinkError::Unacceptable(text.to_owned());
        let url = Url::parse(url).map_err(|error| LinkError::Unacceptable(error.to_string()))?;
        let is_local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(refuse("the address has no host")),
        };
        match url.scheme() {
            "https" => {}
            "http" if is_local || allow_private => {}
            "http" => return Err(refuse("http is accepted only on this machine")),
            _ => return Err(refuse("the address must begin with https or http")),
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(refuse(
                "the address carries a user, a password or a fragment",
            ));
        }
        Ok(Self {
            client: outbound::build(is_local || allow_private)
                .map_err(|error| refuse(&error.to_string()))?,
            url,
            credential,
        })
    }

    /// The address.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    pub(super) const fn credential(&self) -> Option<&Secret<String>> {
        self.credential.as_ref()
    }

    pub(super) const fn client(&self) -> &reqwest::Client {
        &self.client
    }

    fn identity(&self) -> Value {
        let mut shown = self.url.clone();
        shown.set_query(None);
        json!({
            "url": shown.as_str(),
            "query": self.url.query().map(|query| Digest::of(query.as_bytes()).to_string()),
        })
    }
}
