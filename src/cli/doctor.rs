//! `countersign doctor`: what is misconfigured, which guarantees are switched off, and the isolation.

mod files;
mod manifests;
mod notices;
mod people;
mod record;
mod report;
mod reviews;
mod settings;

use std::path::PathBuf;

use self::people::People;
use self::report::Report;
use super::failure::Failure;
use super::owner::isolation;
use super::place::{CONFIG_FILE, Place, read_config};
use crate::ambient::Ambient;

/// Which guard.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The configuration [default: ./countersign.yaml, else the one in the guard's directory]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// Looks at files alone and changes none, so that it works beside a running guard.
pub(super) fn run(args: &Args, as_json: bool) -> Result<(), Failure> {
    let named = args.place.named();
    let config = read_config(args.config.as_deref(), named.as_deref())?;
    let data = match (named, &config) {
        (Some(data), _) => data,
        (None, Some(config)) => config.data.clone(),
        (None, None) => args.place.data()?,
    };
    let scopes = match &config {
        Some(config) => config.scopes.clone(),
        None => data.join("scopes"),
    };
    let agents = config.as_ref().map(|config| config.listen.agents);
    let now = Ambient::system().now();
    let isolation = isolation::compute(&data, &scopes, agents);
    let mut report = Report::new(isolation);
    let written = args.config.clone().or_else(|| {
        [PathBuf::from(CONFIG_FILE), data.join(CONFIG_FILE)]
            .into_iter()
            .find(|path| path.is_file())
    });
    files::examine(&data, &scopes, written.as_deref(), &mut report);
    if let Some(config) = &config {
        settings::examine(config, &mut report);
        notices::examine(config, &data, &mut report)?;
    }
    let people = People::read(&data)?;
    people.examine(now, &mut report);
    reviews::examine(&data, now, &mut report)?;
    manifests::examine(&scopes, &data, &people, now, isolation, &mut report);
    let anchors = config.map(|config| config.anchors).unwrap_or_default();
    record::examine(&data, &anchors, now, &mut report)?;
    report.print(as_json)
}
