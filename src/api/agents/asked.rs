//! What the body and headers of `POST /v1/calls` ask for.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName};
use serde_json::{Map, Value};

use super::super::body::{Members, missing, wrong};
use super::super::prefer;
use super::super::problem::Problem;
use crate::limits::IDEMPOTENCY_KEY_BYTES;
use crate::model::arguments::Arguments;
use crate::model::call::Mode;
use crate::model::digest::{Digest, Fields};
use crate::model::id::SessionId;
use crate::model::name::{ServerName, ToolName};
use crate::model::reason::Reason;
use crate::model::target::Target;

/// A call as asked for, not yet anybody's.
pub(super) struct Asked {
    pub(super) mode: Mode,
    pub(super) target: Target,
    pub(super) arguments: Arguments,
    pub(super) session: Option<SessionId>,
    /// The agent's own words; shown to people, never believed.
    pub(super) claims: Map<String, Value>,
    pub(super) key: Option<Arc<str>>,
    pub(super) wait: Duration,
}

impl Asked {
    pub(super) async fn read(request: Request) -> Result<Self, Problem> {
        let wait = prefer::wait(request.headers());
        let key = idempotency_key(request.headers())?;
        let mut members = Members::read(request).await?;
        let mode = members.needed_text("mode")?;
        let tool = members.needed_text("tool")?;
        let arguments = members.object("arguments")?;
        let session = members.text("session")?;
        let claims = members.object("context")?.unwrap_or_default();
        members.done()?;
        Ok(Self {
            mode: Mode::parse(&mode).ok_or_else(|| wrong("mode", "`proxy` or `authorize`"))?,
            target: target(&tool)?,
            arguments: Arguments::from_map(arguments.ok_or_else(|| missing("arguments"))?),
            session: session.as_deref().map(session_named).transpose()?,
            claims,
            key,
            wait,
        })
    }

    /// Tells apart what one idempotency key may not stand for twice.
    pub(super) fn fingerprint(&self) -> Digest {
        Fields::new("countersign.asked.v1")
            .field(self.target.server.as_str().as_bytes())
            .field(self.target.name.as_bytes())
            .field(self.arguments.canonical())
            .digest()
    }
}

/// A session by its name; one that cannot be a session's is simply unknown.
pub(super) fn session_named(text: &str) -> Result<SessionId, Problem> {
    SessionId::parse(text).ok_or_else(|| Problem::new(Reason::SessionUnknown))
}

fn target(tool: &str) -> Result<Target, Problem> {
    let (server, name) = tool
        .split_once('/')
        .ok_or_else(|| wrong("tool", "`server/tool`"))?;
    let server =
        ServerName::parse(server).map_err(|fault| Problem::malformed(fault.to_string()))?;
    let name = ToolName::parse(name).map_err(|fault| Problem::malformed(fault.to_string()))?;
    Ok(Target::tool(server, name.as_str()))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<Arc<str>>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(only) = values.next() else {
        return Ok(None);
    };
    match only.to_str() {
        Ok(key)
            if values.next().is_none()
                && (1..=IDEMPOTENCY_KEY_BYTES).contains(&key.len())
                && key.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            Ok(Some(Arc::from(key)))
        }
        _ => Err(Problem::malformed(format!(
            "`Idempotency-Key` must stand once, with 1 to {IDEMPOTENCY_KEY_BYTES} printable characters"
        ))),
    }
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
