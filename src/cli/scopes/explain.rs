//! `countersign scopes explain`: what the rules say of one call, without any guard.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::sources;
use crate::ambient::Ambient;
use crate::cli::failure::Failure;
use crate::cli::place::read_text;
use crate::cli::print;
use crate::engine::facts::{Facts, Pinned, Standing};
use crate::engine::supposed::approvers;
use crate::engine::{self, Matched, Requirements, trace};
use crate::limits::AGENT_MESSAGE_BYTES;
use crate::model::arguments::Arguments;
use crate::model::call::{Call, Mode, Principal};
use crate::model::id::{CallId, CredentialId, SessionId};
use crate::model::isolation::Isolation;
use crate::model::json;
use crate::model::name::{AgentName, ServerName};
use crate::model::target::Target;
use crate::model::text::escape;
use crate::scopes::{Scope, Scopes, ToolSchema};

/// Which call, under which manifests.
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    /// A file with {"agent", "tool": "server/tool", "arguments", "mode"?}
    call: PathBuf,
    /// The directory of manifests [default: that of ./countersign.yaml, else ./scopes]
    #[arg(long, value_name = "DIR")]
    scopes: Option<PathBuf>,
}

/// A fresh session is assumed, with nothing spent, and people enough in every group that may approve. The
/// tool's own schema is unknown here and taken to accept everything.
pub(super) fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    let scopes = Scopes::compile(&sources(args.scopes)?)?;
    let text = read_text(&args.call, AGENT_MESSAGE_BYTES)?;
    let fault = |what: &str| Failure::Input(format!("{}: {what}", args.call.display()));
    let Value::Object(written) =
        json::parse(text.as_bytes()).map_err(|error| fault(&error.to_string()))?
    else {
        return Err(fault("expected an object"));
    };
    let call = read(written).map_err(|what| fault(&what))?;
    let agent = &call.principal.agent;
    let Some(scope) = scopes.scope(agent) else {
        return Err(Failure::Missing(format!("no manifest speaks of {agent}")));
    };
    let lines = judge(&call, scope)?;
    match as_json {
        true => print::json(&lines.1)?,
        false => lines
            .0
            .iter()
            .map(|line| escape(line))
            .try_for_each(print::say)?,
    }
    Ok(())
}

fn judge(call: &Call, scope: &Scope) -> Result<(Vec<String>, Value), Failure> {
    let matched = Matched::find(scope, &call.target);
    let requirements = Requirements::of(&matched, call);
    let now = Ambient::system().now();
    let standing = Standing::fresh(call, approvers(scope), requirements.amounts.len(), now);
    let schema = ToolSchema::compile(&json!({})).map_err(|error| Failure::because(&error))?;
    let facts = Facts {
        standing: &standing,
        attached: None,
        tool: Some(&schema),
        // Offline nothing is presented: the question is what the manifest says of what is accepted.
        pinned: Pinned::ACCEPTED,
        exceeded: None,
        level: 1,
        isolation: Isolation::Host,
    };
    let evaluation = engine::decide(call, &matched, &requirements, &facts, now);
    let kinds = requirements.kinds.iter();
    let mut lines: Vec<String> = kinds
        .clone()
        .map(|(kind, pointer)| format!("{pointer} is of kind {}", kind.name()))
        .collect();
    let trace = trace::render(&evaluation, scope);
    let document = json!({
        "decision": evaluation.decision.name(),
        "privilege": evaluation.privilege.name(),
        "kinds": kinds
            .map(|(kind, pointer)| json!({"kind": kind.name(), "pointer": pointer}))
            .collect::<Value>(),
        "trace": trace,
    });
    lines.extend(trace);
    Ok((lines, document))
}

fn read(mut written: Map<String, Value>) -> Result<Call, String> {
    let mut text = |name: &str| match written.shift_remove(name) {
        Some(Value::String(text)) => Ok(Some(text)),
        None => Ok(None),
        Some(_) => Err(format!("`{name}` must be a string")),
    };
    let agent = text("agent")?.ok_or("`agent` is missing")?;
    let tool = text("tool")?.ok_or("`tool` is missing")?;
    let mode = text("mode")?.unwrap_or_else(|| "proxy".to_owned());
    let arguments = match written.shift_remove("arguments") {
        Some(Value::Object(map)) => Arguments::from_map(map),
        None => Arguments::none(),
        Some(_) => return Err("`arguments` must be an object".to_owned()),
    };
    if let Some(name) = written.keys().next() {
        return Err(format!("unknown member {name:?}"));
    }
    let (server, name) = tool.split_once('/').ok_or("`tool` must be `server/tool`")?;
    let server = ServerName::parse(server).map_err(|error| error.to_string())?;
    let ambient = Ambient::system();
    Ok(Call {
        id: CallId::random(&ambient),
        principal: Principal {
            agent: AgentName::parse(&agent).map_err(|error| error.to_string())?,
            credential: CredentialId::random(&ambient),
            on_behalf_of: None,
        },
        session: SessionId::random(&ambient),
        mode: Mode::parse(&mode).ok_or("`mode` must be `proxy` or `authorize`")?,
        method: Arc::from("tools/call"),
        target: Target::tool(server, name),
        arguments,
        extras: Map::new(),
        claims: Map::new(),
        idempotency_key: None,
        attached: None,
    })
}
