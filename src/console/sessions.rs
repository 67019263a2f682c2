//! One session: whose it is, what it called, and what stops it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};

use super::form::Posted;
use super::frame::Room;
use super::refusal::Refusal;
use super::tail::Decided;
use super::viewer::Viewer;
use super::{Console, calls, foreign, frame, moment, plot, stopped};
use crate::guard::Stopped;
use crate::model::id::SessionId;
use crate::model::role::Right;
use crate::model::session::{EndCause, Session, SessionState};
use crate::model::taint::TaintGrade;
use crate::model::time::Timestamp;

/// The session, and its calls from the record.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    viewer: Viewer,
) -> Result<Markup, Refusal> {
    let id = SessionId::parse(&id).ok_or_else(Refusal::missing)?;
    let guard = &console.guard;
    let since = console.feed.place();
    let session = guard.session_named(id).await?;
    let session = session.ok_or_else(Refusal::missing)?;
    let sight = console.tail.look(guard).await?;
    let name = id.to_string();
    let own: Vec<&Decided> = sight.of_session(&name).collect();
    let now = guard.ambient().now();
    let body = html! {
        main #main .sheet {
            h1 { "Session of " (session.principal.agent) }
            (deeds(&session, &viewer))
            dl .facts {
                dt { "Session" } dd { code { (session.id) } }
                dt { "State" } dd { (state(&session)) }
                @if let Some(user) = &session.principal.on_behalf_of {
                    dt { "For" } dd { (foreign::text(user.as_str())) }
                }
                dt { "Credential" } dd { code { (session.principal.credential) } }
                @if let Some(label) = &session.label {
                    dt { "Label (unverified)" } dd { (foreign::text(label)) }
                }
                dt { "Has heard" } dd { (heard(&session, now)) }
                dt { "Opened" } dd { (moment::ago(session.opened, now)) }
                dt { "Last call" } dd { (moment::ago(session.seen, now)) }
            }
            @if !own.is_empty() {
                section .card {
                    h2 { "Its calls" }
                    (plot::ticks(&own, session.opened, now))
                    p .meta .axis { (moment::ago(session.opened, now)) span { "now" } }
                }
            }
            (calls::trail(own.into_iter().take(TRAIL_COUNT), now))
        }
    };
    Ok(frame::page(Room::Agents, "Session", &viewer, &since, body))
}

/// Pauses, resumes, revokes or reinstates it.
pub(super) async fn take(
    State(console): State<Arc<Console>>,
    Path((id, deed)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let right = match deed.as_str() {
        "resume" | "reinstate" => Right::Manage,
        _ => Right::Stop,
    };
    let (viewer, _) = posted.with(&console, right).await?;
    let id = SessionId::parse(&id).ok_or_else(Refusal::missing)?;
    let (guard, operator) = (&console.guard, &viewer.proven.operator.name);
    let mut done = Stopped::default();
    match deed.as_str() {
        "pause" => guard.pause_session(operator, id).await?,
        "resume" => guard.resume_session(operator, id).await?,
        "revoke" => done = guard.revoke_session(operator, id).await?,
        "reinstate" => guard.reinstate_session(operator, id).await?,
        _ => return Err(Refusal::missing()),
    }
    let back = format!("/sessions/{id}");
    Ok(stopped::answer(
        &console,
        &viewer,
        Room::Agents,
        &back,
        &done,
    ))
}

/// Sessions in rows.
pub(super) fn table(sessions: &[&Session], now: Timestamp) -> Markup {
    html! {
        table {
            thead { tr { th { "Session" } th { "State" } th { "For" } th { "Opened" } th { "Last call" } } }
            tbody {
                @for session in sessions {
                    tr {
                        td { a href={ "/sessions/" (session.id) } { code { (session.id) } } }
                        td { (state(session)) }
                        td {
                            @if let Some(user) = &session.principal.on_behalf_of {
                                (foreign::text(user.as_str()))
                            } @else { span .meta { "itself" } }
                        }
                        td { (moment::ago(session.opened, now)) }
                        td { (moment::ago(session.seen, now)) }
                    }
                }
            }
        }
    }
}

/// The foreign words in a session, and how little they are trusted.
pub(super) fn heard(session: &Session, now: Timestamp) -> Markup {
    let Some(taint) = &session.taint else {
        return html! { span .meta { "nothing foreign" } };
    };
    let class = match taint.grade {
        TaintGrade::Untrusted => "held",
        TaintGrade::Unvouched => "over",
    };
    html! {
        span class=(class) { (taint.grade.name()) } " words of " (foreign::text(&taint.source))
        @if taint.copied { ", in a session before it" }
        " " (moment::ago(taint.since, now))
    }
}

fn state(session: &Session) -> Markup {
    let class = match session.state {
        SessionState::Active => "permit",
        SessionState::Paused => "held",
        SessionState::Ended(_) => "over",
    };
    html! { span class=(class) { (session.state.name()) } }
}

fn deeds(session: &Session, viewer: &Viewer) -> Markup {
    let deed = |deed: &str, name: &str| {
        html! {
            form method="post" action={ "/sessions/" (session.id) "/" (deed) } {
                (frame::seal(viewer))
                button .quiet { (name) }
            }
        }
    };
    html! {
        div .deeds {
            @match session.state {
                SessionState::Active if viewer.may(Right::Stop) => (deed("pause", "Pause")),
                SessionState::Paused if viewer.may(Right::Manage) => (deed("resume", "Resume")),
                SessionState::Ended(EndCause::Revoked) if viewer.may(Right::Manage) => {
                    (deed("reinstate", "Let it come back"))
                }
                _ => {},
            }
            @if !matches!(session.state, SessionState::Ended(_)) && viewer.may(Right::Stop) {
                details {
                    summary .button.quiet { "Revoke…" }
                    div .panel {
                        p { "Ends the session, its held calls and its grants for good." }
                        (deed("revoke", "Revoke this session"))
                    }
                }
            }
        }
    }
}

const TRAIL_COUNT: usize = 50;
