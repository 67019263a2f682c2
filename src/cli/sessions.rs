//! `countersign sessions`: the guard's relations with agents.

use serde_json::Value;

use super::failure::Failure;
use super::head::OnListener;
use super::operator::{field, list};
use super::print;
use super::stopped;
use super::table::Table;
use crate::model::id::SessionId;

/// What to do about sessions.
pub(super) type Args = OnListener<Deed>;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Deed {
    /// List sessions
    Ls,
    /// Let none of a session's calls pass until it is resumed
    Pause {
        /// The session, for example se_…
        #[arg(value_parser = id)]
        id: SessionId,
    },
    /// Let a session's calls pass again
    Resume {
        /// The session
        #[arg(value_parser = id)]
        id: SessionId,
    },
    /// End a session for ever, with its grants and holds
    Revoke {
        /// The session
        #[arg(value_parser = id)]
        id: SessionId,
    },
    /// Let the credential of a revoked session open new ones
    Reinstate {
        /// The session
        #[arg(value_parser = id)]
        id: SessionId,
    },
}

pub(super) async fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    let (operators, deed) = args.open()?;
    let (id, verb) = match deed {
        Deed::Ls => {
            let reply = operators.get("/v1/sessions").await?;
            return ls(&reply.body, as_json);
        }
        Deed::Pause { id } => (id, "pause"),
        Deed::Resume { id } => (id, "resume"),
        Deed::Revoke { id } => (id, "revoke"),
        Deed::Reinstate { id } => (id, "reinstate"),
    };
    let path = format!("/v1/sessions/{id}/{verb}");
    let reply = operators.post(&path, None, &[]).await?;
    stopped::print(&id.to_string(), verb, &reply.body, as_json)
}

fn ls(body: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(body)?);
    }
    let mut table = Table::new(&[
        "SESSION",
        "AGENT",
        "STATE",
        "OPENED",
        "SEEN",
        "HAS HEARD",
        "LABEL",
    ]);
    for session in list(body, "sessions") {
        let state = match field(session, "ended_by") {
            "" => field(session, "state").to_owned(),
            cause => format!("ended ({cause})"),
        };
        table.row([
            field(session, "id"),
            field(session, "agent"),
            &state,
            field(session, "opened"),
            field(session, "seen"),
            session
                .get("taint")
                .map_or("", |taint| field(taint, "grade")),
            field(session, "label"),
        ]);
    }
    table.print()
}

fn id(text: &str) -> Result<SessionId, String> {
    SessionId::parse(text).ok_or_else(|| "a session's name begins with se_".to_owned())
}
