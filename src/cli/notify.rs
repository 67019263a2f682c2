//! `countersign notify`: whether people can be told what waits, and how receivers know it is the guard.

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use url::Url;

use super::failure::Failure;
use super::head::Anywhere;
use super::operator::{OperatorArgs, field, list};
use super::owner::notice::Notice;
use super::place::{CONFIG_FILE, Place, read_config};
use super::print;
use super::table::Table;
use crate::ambient::Ambient;
use crate::config::Config;
use crate::model::name::ChannelName;
use crate::model::text::escape;
use crate::notify::{self, Answer, Desk, NoticeSigner};
use crate::store::keys::Keys;

/// What to do about channels.
pub(super) type Args = Anywhere<Deed>;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Deed {
    /// List the channels of the running guard and how they stand
    Ls {
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// Send a message that says it is a test, and say what the receiver answered
    Test {
        /// The channel, as the configuration names it
        #[arg(value_parser = ChannelName::parse)]
        name: ChannelName,
        #[command(flatten)]
        home: Home,
    },
    /// Switch a channel on again whose receiver was gone
    Enable {
        /// The channel, as the configuration names it
        #[arg(value_parser = ChannelName::parse)]
        name: ChannelName,
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// Print the public key that receivers verify webhooks with
    Key {
        #[command(flatten)]
        home: Home,
    },
}

/// Which guard.
#[derive(clap::Args, Debug)]
pub(super) struct Home {
    /// The configuration [default: ./countersign.yaml, else the one in the guard's directory]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    match args.deed {
        Deed::Ls { operator } => ls(&operator.open()?.get("/v1/channels").await?.body, as_json),
        Deed::Test { name, home } => test(&name, &home, as_json).await,
        Deed::Enable { name, operator } => {
            let path = format!("/v1/channels/{name}/enable");
            operator.open()?.post(&path, None, &[]).await?;
            match as_json {
                true => print::json(&json!({"name": name.as_str(), "state": "on"}))?,
                false => print::say(format!("{name}: on"))?,
            }
            Ok(())
        }
        Deed::Key { home } => {
            let key = home.signer(&home.data()?)?.public();
            match as_json {
                true => print::json(&json!({"public_key": key}))?,
                false => print::say(key)?,
            }
            Ok(())
        }
    }
}

impl Home {
    fn config(&self) -> Result<Config, Failure> {
        let named = self.place.named();
        read_config(self.config.as_deref(), named.as_deref())?
            .ok_or_else(|| Failure::Input(format!("there is no {CONFIG_FILE} here")))
    }

    fn data(&self) -> Result<PathBuf, Failure> {
        match (self.place.named(), &self.config) {
            (None, Some(_)) => Ok(self.config()?.data),
            _ => self.place.data(),
        }
    }

    fn signer(&self, data: &std::path::Path) -> Result<NoticeSigner, Failure> {
        super::owner::core::make_directory(data)?;
        let keys =
            Keys::open(data, &Ambient::system()).map_err(|error| Failure::because(&error))?;
        NoticeSigner::from_seed(&keys.webhook).map_err(|error| Failure::because(&error))
    }
}

/// Sent from here with the secrets as they are found here, whether or not the guard runs.
async fn test(name: &ChannelName, home: &Home, as_json: bool) -> Result<(), Failure> {
    let config = home.config()?;
    let channels = config.channels()?;
    let channel = channels
        .iter()
        .find(|channel| channel.name == *name)
        .ok_or_else(|| Failure::Missing(format!("the configuration names no channel {name}")))?;
    let data = home.data()?;
    let operators = Notice::read(&data).map_or(config.listen.operators, |one| one.operators);
    let here = format!("http://{operators}");
    let origin = config.console.origin.as_ref().unwrap_or(&here);
    let desk = Desk {
        console: Url::parse(origin).map_err(|error| Failure::because(&error))?,
        signer: home.signer(&data)?,
    };
    let (is_taken, answer, said) = match notify::test(channel, &desk, &Ambient::system()).await {
        Answer::Taken(said) => (true, "taken".to_owned(), said),
        Answer::Gone => (
            false,
            "the receiver says that it is gone (HTTP status 410)".to_owned(),
            String::new(),
        ),
        Answer::Failed { fault, said, .. } => (false, fault, said),
    };
    if as_json {
        print::json(&json!({
            "name": name.as_str(),
            "taken": is_taken,
            "answer": answer,
            "said": said,
        }))?;
    } else if is_taken {
        print::say(format!(
            "{name}: taken; the receiver said: {}",
            escape(&said)
        ))?;
    } else if !said.is_empty() {
        print::tell(format!("the receiver said: {}", escape(&said)));
    }
    match is_taken {
        true => Ok(()),
        false => Err(Failure::Refused(format!("{name}: {answer}"))),
    }
}

fn ls(body: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(body)?);
    }
    let mut table = Table::new(&["CHANNEL", "BY", "STATE", "SENT", "FAILED", "LAST FAILURE"]);
    let empty = Map::new();
    for channel in list(body, "channels") {
        let counts = channel.get("counts").and_then(Value::as_object);
        let count = |outcome: &str| {
            let count = counts.unwrap_or(&empty).get(outcome);
            count.map_or_else(|| "0".to_owned(), Value::to_string)
        };
        let state = match field(channel, "disabled") {
            "" => "on".to_owned(),
            at => format!("off since {at}"),
        };
        table.row([
            field(channel, "name"),
            field(channel, "how"),
            &state,
            &count("sent"),
            &count("failed"),
            field(channel, "fault"),
        ]);
    }
    table.print()
}
