//! A session as both listeners show it.

use serde_json::{Value, json};

use crate::model::session::{Session, SessionState};
use crate::model::taint::Taint;
use crate::model::text;

/// The document of a session.
pub(super) fn render(session: &Session) -> Value {
    let (state, cause) = match session.state {
        SessionState::Active => ("active", None),
        SessionState::Paused => ("paused", None),
        SessionState::Ended(cause) => ("ended", Some(cause.name())),
    };
    json!({
        "id": session.id.to_string(),
        "agent": session.principal.agent.as_str(),
        "on_behalf_of": session.principal.on_behalf_of.as_ref().map(|user| user.as_str()),
        "credential": session.principal.credential.to_string(),
        "state": state,
        "ended_by": cause,
        "default": session.default,
        "label": session.label,
        "opened": session.opened.to_string(),
        "seen": session.seen.to_string(),
        "taint": session.taint.as_ref().map(taint),
    })
}

/// What foreign words a session has heard.
pub(super) fn taint(taint: &Taint) -> Value {
    json!({
        "grade": taint.grade.name(),
        "since": taint.since.to_string(),
        "source": text::escape(&taint.source),
        "copied": taint.copied,
    })
}
