//! `countersign serve`: the guard of a configuration, until it is told to stop.

use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use super::owner::{Owner, Setup};
use super::place::{CONFIG_FILE, Place, read_config};
use super::print;
use crate::authn::jwt::TokenType;
use crate::guard::{PinPolicy, Reload};

/// Which configuration.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The configuration [default: ./countersign.yaml, else the one in the guard's directory]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let named = args.place.named();
    let config = read_config(args.config.as_deref(), named.as_deref())?.ok_or_else(|| {
        Failure::Input(format!(
            "there is no {CONFIG_FILE} here; `countersign init` writes one"
        ))
    })?;
    let data = named.unwrap_or_else(|| config.data.clone());
    if config.reload == Reload::Auto {
        print::tell(
            "reload: auto: whoever can write a manifest changes what agents may do, at once",
        );
    }
    let pin = config.pin.unwrap_or(PinPolicy::Accept);
    if pin == PinPolicy::FirstUse {
        print::tell("pin: first_use: whatever a server presents first is accepted as it is");
    }
    for issuer in &config.issuers {
        if issuer.keys.is_plain() {
            print::tell(format!(
                "allow_loopback_http: whoever takes that port of this machine gives the keys of {} and is any agent",
                issuer.name
            ));
        }
        if issuer.typ == TokenType::Any {
            print::tell(format!(
                "typ: jwt: every token of {} for the audience passes, its identity tokens too",
                issuer.name
            ));
        }
    }
    let setup = Setup {
        upstreams: config.resolve()?,
        notify: config.channels()?,
        anchors: config.resolve_anchors()?,
        issuers: config.issuers,
        scopes: config.scopes,
        agents: Some(config.listen.agents),
        names: config.listen.names,
        operators: config.listen.operators,
        console: config.console,
        all_synced: config.all_synced,
        reload: config.reload,
        pin,
        data: data.clone(),
    };
    // Before the guard starts: a signal that comes meanwhile must not be lost.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let owner = Owner::start(setup)
        .await?
        .ok_or_else(|| Failure::Refused(format!("another guard owns {}", data.display())))?;
    owner.greeting().iter().for_each(print::tell);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    print::tell("stopping: no more calls are taken, those in flight are settled");
    owner.stop().await
}
