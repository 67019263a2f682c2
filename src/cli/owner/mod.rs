//! The process that owns a guard's directory: store, guard, socket, listeners, and their end.
//!
//! There is one at a time. Everybody else on the machine who wants this guard connects to its socket.

mod anchor;
pub(super) mod anchored;
pub(crate) mod core;
pub(super) mod isolation;
mod listen;
pub(crate) mod notice;
pub(crate) mod socket;
pub(super) mod watch;
mod wrapped;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use self::core::Core;
use self::notice::Notice;
use self::socket::Door;
use self::wrapped::Wrapped;
use super::failure::Failure;
use crate::authn::jwt::{IssuerSpec, Issuers};
use crate::config::{Anchor, Console};
use crate::guard::{Doorway, Guard, PinPolicy, Reload, Upstreams};
use crate::limits::SHUTDOWN_GRACE;
use crate::mcp::Edge;
use crate::mcp::downstream::http::{self, Hosts};
use crate::mcp::listing::Listing;
use crate::mcp::upstream::{Runner, UpstreamSpec};
use crate::model::digest::Digest;
use crate::model::isolation::Isolation;
use crate::model::name::ServerName;
use crate::notify::{self, Channel, Desk};

/// What an owner needs to know before it starts.
pub(crate) struct Setup {
    /// The directory it owns.
    pub(crate) data: PathBuf,
    /// The directory of manifests.
    pub(crate) scopes: PathBuf,
    /// Where agents are heard over HTTP, if at all.
    pub(crate) agents: Option<SocketAddr>,
    /// The names, beside those of this machine for itself, under which agents reach it.
    pub(crate) names: Vec<String>,
    /// Where operators are heard.
    pub(crate) operators: SocketAddr,
    /// Where people reach the console, and with what they enter it.
    pub(crate) console: Console,
    /// The upstreams of the configuration.
    pub(crate) upstreams: BTreeMap<ServerName, UpstreamSpec>,
    /// The issuers whose tokens may prove an agent.
    pub(crate) issuers: Vec<IssuerSpec>,
    /// Where heads go, beside the file in the directory.
    pub(crate) anchors: Vec<Anchor>,
    /// Whether reads are synced too.
    pub(crate) all_synced: bool,
    /// Who puts changed scopes into force.
    pub(crate) reload: Reload,
    /// Who accepts what servers present for the first time.
    pub(crate) pin: PinPolicy,
    /// The channels by which people are told what waits.
    pub(crate) notify: Vec<Channel>,
}

/// A guard that serves.
pub(crate) struct Owner {
    core: Core,
    runner: Arc<Runner>,
    data: PathBuf,
    notice: Notice,
    isolation: Isolation,
    issuers: Vec<String>,
    serving: Vec<JoinHandle<()>>,
}

impl Owner {
    /// Takes the directory and serves; `None` where another process owns it.
    ///
    /// # Errors
    /// Faults of the manifests, and whatever of directory, keys, record or listeners is not to be had.
    pub(crate) async fn start(setup: Setup) -> Result<Option<Self>, Failure> {
        core::make_directory(&setup.data)?;
        let scopes = watch::load(&setup.scopes, &setup.data)?;
        let isolation = isolation::compute(&setup.data, &setup.scopes, setup.agents);
        let (reload, pin) = (setup.reload, setup.pin);
        let opened = Core::open(&setup.data, reload, pin, setup.all_synced, isolation);
        let Some(mut core) = opened.await? else {
            return Ok(None);
        };
        core.anchor_at(setup.anchors.clone());
        match Self::serve(&core, &setup, scopes).await {
            Ok((runner, notice, serving)) => Ok(Some(Self {
                isolation,
                issuers: setup.issuers.into_iter().map(|one| one.name).collect(),
                data: setup.data,
                core,
                runner,
                notice,
                serving,
            })),
            Err(failure) => {
                core.close().await?;
                Err(failure)
            }
        }
    }

    /// The guard.
    pub(crate) const fn guard(&self) -> &Arc<Guard> {
        &self.core.guard
    }

    /// Where it listens.
    pub(crate) const fn notice(&self) -> &Notice {
        &self.notice
    }

    /// What to tell the person who started it.
    pub(crate) fn greeting(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "isolation: {}",
            isolation::sentence(self.isolation)
        )];
        let notice = self.notice();
        if let Some(agents) = notice.agents {
            lines.push(format!("agents:    http://{agents}"));
        }
        lines.push(format!("operators: http://{}", notice.operators));
        if let Some(doorway) = self.core.guard.doorway() {
            lines.push(format!("console:   {}", doorway.origin()));
        }
        if self.core.guard.scopes().agents().next().is_none() {
            lines.push("no scope is in force: every call is denied".to_owned());
        }
        let scopes = self.core.guard.scopes();
        for scope in scopes.agents() {
            if let Some(rule) = &scope.credentials.jwt
                && notice.agents.is_some()
                && !self.issuers.contains(&rule.issuer)
            {
                lines.push(format!(
                    "{} cannot prove itself by tokens of {}: `issuers` does not name it",
                    scope.agent, rule.issuer
                ));
            }
        }
        if let Some(digest) = self.core.guard.offered() {
            lines.push(format!(
                "changed scopes wait to be accepted: countersign scopes accept {digest}"
            ));
        }
        lines
    }

    /// Stops taking calls, settles what is in flight within [`SHUTDOWN_GRACE`], and lets go of the
    /// directory.
    ///
    /// # Errors
    /// When the record's last entries could not be written.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        let closed = self.core.close().await;
        Notice::withdraw(&self.data);
        // What the guard had in flight is settled; connections that still linger are cut.
        let all = futures_util::future::join_all(self.serving);
        if tokio::time::timeout(SHUTDOWN_GRACE, all).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        if tokio::time::timeout(SHUTDOWN_GRACE, self.runner.close())
            .await
            .is_err()
        {
            tracing::warn!("some upstreams did not end in time");
        }
        closed
    }

    async fn serve(
        core: &Core,
        setup: &Setup,
        scopes: crate::scopes::Scopes,
    ) -> Result<(Arc<Runner>, Notice, Vec<JoinHandle<()>>), Failure> {
        core.begin(scopes, setup.reload).await?;
        let guard = &core.guard;
        let listing = Arc::new(Listing::new());
        let runner = Arc::new(Runner::new(setup.upstreams.clone(), Arc::clone(&listing)));
        let agents = match setup.agents {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let operators = bind(setup.operators).await?;
        let notice = Notice {
            agents: match &agents {
                Some(listener) => Some(listener.local_addr()?),
                None => None,
            },
            operators: operators.local_addr()?,
        };
        let doorway = doorway(&setup.console, notice.operators)?;
        let here = format!("http://{}", notice.operators);
        let origin = setup.console.origin.as_ref().unwrap_or(&here);
        let desk = Desk {
            console: Url::parse(origin).map_err(|error| Failure::because(&error))?,
            signer: core.signer.clone(),
        };
        notify::start(guard, setup.notify.clone(), desk)
            .await
            .map_err(|error| Failure::because(&error))?;
        if let Some(doorway) = doorway {
            guard.open_doorway(doorway);
        }
        let wrapped = Wrapped::new(
            Arc::clone(guard),
            Arc::clone(&listing),
            identities(&setup.upstreams).await?,
        );
        let door = Door::open(&setup.data)?;
        notice.publish(&setup.data)?;
        let mut serving = vec![
            tokio::spawn(door.serve(Arc::clone(guard), wrapped)),
            tokio::spawn(listen::serve(
                operators,
                crate::console::router_with(
                    Arc::clone(guard),
                    setup.console.provider()?,
                    crate::api::operators::router(Arc::clone(guard)),
                ),
                guard.stopping(),
            )),
            tokio::spawn(watch::follow(
                setup.scopes.clone(),
                setup.data.clone(),
                Arc::clone(guard),
            )),
        ];
        if let Some(listener) = agents {
            let upstreams: Arc<dyn Upstreams> = Arc::clone(&runner) as _;
            let edge = Edge::new(Arc::clone(guard), setup.upstreams.clone(), listing)
                .map_err(|error| Failure::because(&error))?;
            let hosts = Hosts::new(setup.names.iter().cloned());
            let issuers = Issuers::new(setup.issuers.iter().cloned());
            let router = crate::api::agents::router(Arc::clone(guard), upstreams, issuers.clone())
                .merge(http::router(edge, hosts, issuers));
            serving.push(tokio::spawn(listen::serve(
                listener,
                router,
                guard.stopping(),
            )));
        }
        Ok((runner, notice, serving))
    }
}

/// Where people reach the console: where the configuration says, else at the listener on this machine.
fn doorway(console: &Console, listener: SocketAddr) -> Result<Option<Doorway>, Failure> {
    let origin = match &console.origin {
        Some(origin) => origin.clone(),
        None if listener.ip().is_loopback() => format!("http://localhost:{}", listener.port()),
        // Behind something that speaks TLS for it, whose name nobody told.
        None if console.token_sign_in && !console.require_passkeys => return Ok(None),
        None => {
            return Err(Failure::Input(
                "the console is entered with passkeys, and nobody says where it is: \
                 write `console: {origin: https://…}`"
                    .to_owned(),
            ));
        }
    };
    let mut doorway = Doorway::parse(&origin).map_err(|fault| Failure::because(&fault))?;
    doorway.takes_tokens = console.token_sign_in;
    doorway.is_strict = console.require_passkeys;
    Ok(Some(doorway))
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure::Refused(format!("{address} cannot be listened on: {error}")))
}

/// The identities of the servers of the configuration; reads their programs.
async fn identities(
    upstreams: &BTreeMap<ServerName, UpstreamSpec>,
) -> Result<Vec<(ServerName, Digest)>, Failure> {
    let upstreams = upstreams.clone();
    let pins = tokio::task::spawn_blocking(move || {
        let pins = upstreams.into_iter().map(|(name, spec)| (name, spec.pin()));
        pins.collect()
    });
    pins.await.map_err(|error| Failure::because(&error))
}
