//! The demo's guard: an ordinary owner of an embedded store, with the three servers behind it.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;

use super::super::failure::Failure;
use super::super::operator::Operators;
use super::super::owner::{Owner, Setup};
use super::stage::Stage;
use super::tools::Kind;
use crate::config::Console;
use crate::guard::{PinPolicy, Reload};
use crate::mcp::upstream::{StdioSpec, TransportSpec, UpstreamSpec};
use crate::model::name::{AgentName, GroupName, OperatorName, ServerName};
use crate::model::secret::Secret;

/// A guard that serves, and what the demo's agent and operator know of it.
pub(super) struct House {
    owner: Owner,
    /// Where agents are heard.
    pub(super) agents: String,
    /// Where operators are heard.
    pub(super) operators: String,
    /// The agent's key.
    pub(super) key: Secret<String>,
    token: Secret<String>,
}

impl House {
    /// Starts the guard on free ports of this machine and issues both credentials.
    pub(super) async fn open(stage: &Stage) -> Result<Self, Failure> {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let owner = Owner::start(Setup {
            data: stage.data(),
            scopes: stage.scopes(),
            agents: Some(anywhere),
            operators: anywhere,
            upstreams: upstreams(stage)?,
            issuers: Vec::new(),
            anchors: Vec::new(),
            all_synced: false,
            reload: Reload::Auto,
            pin: PinPolicy::FirstUse,
            names: Vec::new(),
            notify: Vec::new(),
            console: Console::default(),
        })
        .await?
        .ok_or_else(|| Failure::Refused("another guard owns the demo's directory".to_owned()))?;
        match Self::furnish(&owner, stage).await {
            Ok((key, token)) => {
                let notice = owner.notice();
                Ok(Self {
                    agents: notice.agents.map(url).unwrap_or_default(),
                    operators: url(notice.operators),
                    owner,
                    key,
                    token,
                })
            }
            Err(failure) => {
                owner.stop().await?;
                Err(failure)
            }
        }
    }

    /// The operators' listener, as the demo's operator reaches it.
    pub(super) fn operator(&self) -> Result<Operators, Failure> {
        Operators::at(&self.operators, self.token.clone())
    }

    /// Ends the guard, its listeners and the servers behind it.
    pub(super) async fn close(self) -> Result<(), Failure> {
        self.owner.stop().await
    }

    async fn furnish(
        owner: &Owner,
        stage: &Stage,
    ) -> Result<(Secret<String>, Secret<String>), Failure> {
        let guard = owner.guard();
        let agent = AgentName::parse(AGENT).map_err(|error| Failure::because(&error))?;
        let operator = OperatorName::parse(OPERATOR).map_err(|error| Failure::because(&error))?;
        let groups: Result<Vec<GroupName>, _> =
            GROUPS.iter().map(|group| GroupName::parse(group)).collect();
        let groups = groups.map_err(|error| Failure::because(&error))?;
        let (_, key) = guard
            .add_agent_key("demo", &agent, None)
            .await
            .map_err(|error| Failure::because(&error))?;
        let (_, token) = guard
            .add_operator("demo", operator, groups)
            .await
            .map_err(|error| Failure::because(&error))?;
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(stage.token())?
            .write_all(token.as_bytes())?;
        Ok((Secret::new(key), Secret::new(token)))
    }
}

fn upstreams(stage: &Stage) -> Result<BTreeMap<ServerName, UpstreamSpec>, Failure> {
    let program = std::env::current_exe()?.to_string_lossy().into_owned();
    let things = stage.things().to_string_lossy().into_owned();
    let mut upstreams = BTreeMap::new();
    for kind in Kind::ALL {
        let name = ServerName::parse(kind.name()).map_err(|error| Failure::because(&error))?;
        let words = ["demo-tools", &*things, "--server", kind.name()];
        let transport = TransportSpec::Stdio(StdioSpec {
            command: program.clone(),
            args: words.map(str::to_owned).into(),
            env: BTreeMap::new(),
            cwd: None,
        });
        let spec = UpstreamSpec {
            name: name.clone(),
            transport,
        };
        upstreams.insert(name, spec);
    }
    Ok(upstreams)
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// The agent, as its manifest names it.
pub(super) const AGENT: &str = "demo-agent";
/// The operator, who belongs to every group that the manifest names.
pub(super) const OPERATOR: &str = "demo-operator";
/// The operator's groups.
pub(super) const GROUPS: [&str; 2] = ["operators", "finance"];
