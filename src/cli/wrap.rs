//! `countersign wrap`: the guard between one agent and one server, over the agent's own pipes.
//!
//! Every `wrap` bridges its pipes to the owner of the directory. The first becomes that owner itself;
//! when the owner goes, one of the others takes over, and every agent's connection goes on.

mod bridge;
mod memory;
mod name;
mod pipes;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};

use self::bridge::{Bridge, End};
use super::deed::parse_end;
use super::failure::Failure;
use super::hello::Hello;
use super::owner::socket::SOCKET;
use super::owner::{Owner, Setup};
use super::place::{Place, read_config};
use super::print;
use crate::config::{Config, Console};
use crate::guard::{PinPolicy, Reload};
use crate::limits::AGENT_MESSAGE_BYTES;
use crate::model::name::{AgentName, ServerName};
use crate::model::secret::Secret;

/// Whose pipes, and which server.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The agent, as its manifest names it
    #[arg(long, value_parser = AgentName::parse)]
    agent: AgentName,
    /// The guard's name for the server [default: made from the command]
    #[arg(long, value_parser = ServerName::parse)]
    server: Option<ServerName>,
    #[command(flatten)]
    place: Place,
    /// The directory of manifests [default: that of the configuration, else scopes in the guard's
    /// directory]
    #[arg(long, value_name = "DIR")]
    scopes: Option<PathBuf>,
    /// A variable of this environment that the server gets; may be given again
    #[arg(long = "env", value_name = "NAME")]
    env: Vec<String>,
    /// The server's command and its arguments
    #[arg(last = true, required = true, num_args = 1..)]
    command: Vec<String>,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let data = args.place.data()?;
    let config = read_config(None, Some(&data))?;
    let hello = hello(&args)?;
    let mut owned = None;
    let bridging = keep_up(&args, config.as_ref(), &data, &hello, &mut owned);
    let ended = tokio::select! {
        ended = bridging => ended,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    if let Some(owner) = owned {
        owner.stop().await?;
    }
    ended
}

/// Bridges until the agent goes, over as many owners as come and go meanwhile.
async fn keep_up(
    args: &Args,
    config: Option<&Config>,
    data: &Path,
    hello: &Hello,
    owned: &mut Option<Owner>,
) -> Result<(), Failure> {
    let mut bridge = Bridge::start();
    let mut in_vain = 0;
    loop {
        let stream = join(args, config, data, owned).await?;
        let Some(stream) = greet(stream, hello).await? else {
            // It was on its way out.
            in_vain += 1;
            if in_vain >= JOIN_TRIES_COUNT {
                return Err(Failure::Refused("no owner stays long enough".to_owned()));
            }
            tokio::time::sleep(JOIN_INTERVAL).await;
            continue;
        };
        match bridge.carry(stream).await? {
            End::AgentGone => return Ok(()),
            End::OwnerGone if owned.is_some() => {
                return Err(Failure::Refused("the guard ended".to_owned()));
            }
            End::OwnerGone => print::tell("the guard's owner is gone; looking for the next one"),
        }
    }
}

/// Connects to the owner of the directory, or becomes it.
async fn join(
    args: &Args,
    config: Option<&Config>,
    data: &Path,
    owned: &mut Option<Owner>,
) -> Result<UnixStream, Failure> {
    for _ in 0..JOIN_TRIES_COUNT {
        if let Ok(stream) = UnixStream::connect(data.join(SOCKET)).await {
            return Ok(stream);
        }
        if let Some(owner) = Owner::start(setup(args, config, data)?).await? {
            owner.greeting().iter().for_each(print::tell);
            warn_of_missing_scope(&owner, &args.agent);
            *owned = Some(owner);
        } else {
            // Somebody owns it and does not listen yet, or not any more.
            tokio::time::sleep(JOIN_INTERVAL).await;
        }
    }
    Err(Failure::Refused(format!(
        "another process holds {} and does not answer",
        data.display()
    )))
}

/// Says who asks for what; `None` where the owner went before it answered.
async fn greet(
    mut stream: UnixStream,
    hello: &Hello,
) -> Result<Option<BufReader<UnixStream>>, Failure> {
    let words = format!("{}\n", hello.render());
    if stream.write_all(words.as_bytes()).await.is_err() {
        return Ok(None);
    }
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    let read = (&mut stream)
        .take(AGENT_MESSAGE_BYTES as u64)
        .read_until(b'\n', &mut line)
        .await;
    match read {
        Ok(0) | Err(_) => Ok(None),
        Ok(_) => {
            parse_end(&line)?;
            Ok(Some(stream))
        }
    }
}

fn hello(args: &Args) -> Result<Hello, Failure> {
    let (command, rest) = args
        .command
        .split_first()
        .ok_or_else(|| Failure::Input("there is no command to wrap".to_owned()))?;
    let server = match &args.server {
        Some(server) => server.clone(),
        None => name::of(&args.command).ok_or_else(|| {
            Failure::Input(
                "no name can be made from the command; give one with --server".to_owned(),
            )
        })?,
    };
    let mut env = BTreeMap::new();
    for name in &args.env {
        let value = std::env::var(name).map_err(|_| {
            Failure::Input(format!("this environment has no readable variable {name}"))
        })?;
        env.insert(name.clone(), value);
    }
    Ok(Hello {
        agent: args.agent.clone(),
        server,
        command: command.clone(),
        args: rest.to_vec(),
        env,
        cwd: std::env::current_dir()?,
        key: std::env::var("COUNTERSIGN_KEY").ok().map(Secret::new),
    })
}

/// The owner that a `wrap` becomes: no listener for agents, and operators heard where the
/// configuration says, else on a free port that the directory names.
fn setup(args: &Args, config: Option<&Config>, data: &Path) -> Result<Setup, Failure> {
    let scopes = match (&args.scopes, config) {
        (Some(scopes), _) => scopes.clone(),
        (None, Some(config)) => config.scopes.clone(),
        (None, None) => data.join("scopes"),
    };
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Ok(Setup {
        data: data.to_owned(),
        scopes,
        agents: None,
        names: Vec::new(),
        operators: config.map_or(anywhere, |config| config.listen.operators),
        console: config.map_or_else(Console::default, |config| config.console.clone()),
        upstreams: BTreeMap::new(),
        // Tokens come over HTTP alone.
        issuers: Vec::new(),
        anchors: match config {
            Some(config) => config.resolve_anchors()?,
            None => Vec::new(),
        },
        all_synced: config.is_some_and(|config| config.all_synced),
        reload: config.map_or(Reload::Auto, |config| config.reload),
        pin: config
            .and_then(|config| config.pin)
            .unwrap_or(PinPolicy::FirstUse),
        notify: match config {
            Some(config) => config.channels()?,
            None => Vec::new(),
        },
    })
}

fn warn_of_missing_scope(owner: &Owner, agent: &AgentName) {
    if owner.guard().scopes().scope(agent).is_none() {
        print::tell(format!(
            "no manifest speaks of {agent}: its every call is denied"
        ));
    }
}

const JOIN_TRIES_COUNT: usize = 100;
const JOIN_INTERVAL: Duration = Duration::from_millis(100);
