//! Agents and their sessions: who may act, and what stops them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};

use super::form::Posted;
use super::frame::Room;
use super::refusal::Refusal;
use super::sessions;
use super::tail::Sight;
use super::viewer::Viewer;
use super::{Console, foreign, frame, moment, plot, stopped};
use crate::guard::{AgentView, Stopped};
use crate::model::name::AgentName;
use crate::model::role::Right;
use crate::model::session::{AgentState, Session, SessionState};
use crate::model::time::Timestamp;

/// Every agent, with its sessions that have not ended.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
) -> Result<Markup, Refusal> {
    let guard = &console.guard;
    let since = console.feed.place();
    let agents = guard.agents().await?;
    let all = guard.sessions().await?;
    let sight = console.tail.look(guard).await?;
    let now = guard.ambient().now();
    let body = html! {
        main #main .sheet {
            h1 { "Agents" }
            @if agents.is_empty() {
                div .empty {
                    p { "No agent is known." }
                    p .meta { "An agent appears once a manifest speaks of it." }
                }
            }
            @for agent in &agents {
                (card(agent, &all, &sight, &viewer, now))
            }
        }
    };
    Ok(frame::page(Room::Agents, "Agents", &viewer, &since, body))
}

/// Pauses, resumes or revokes one.
pub(super) async fn take(
    State(console): State<Arc<Console>>,
    Path((name, deed)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let right = match deed.as_str() {
        "resume" => Right::Manage,
        _ => Right::Stop,
    };
    let (viewer, _) = posted.with(&console, right).await?;
    let agent = AgentName::parse(&name).map_err(|_| Refusal::missing())?;
    let (guard, operator) = (&console.guard, &viewer.proven.operator.name);
    let mut done = Stopped::default();
    match deed.as_str() {
        "pause" => done = guard.pause_agent(operator, &agent).await?,
        "resume" => guard.resume_agent(operator, &agent).await?,
        "revoke" => done = guard.revoke_agent(operator, &agent).await?,
        _ => return Err(Refusal::missing()),
    }
    Ok(stopped::answer(
        &console,
        &viewer,
        Room::Agents,
        "/agents",
        &done,
    ))
}

fn card(
    agent: &AgentView,
    all: &[Session],
    sight: &Sight,
    viewer: &Viewer,
    now: Timestamp,
) -> Markup {
    let day = sight.by_hour(now, DAY_HOURS, |one| one.agent == agent.name.as_str());
    let own: Vec<&Session> = all
        .iter()
        .filter(|session| session.principal.agent == agent.name)
        .filter(|session| !matches!(session.state, SessionState::Ended(_)))
        .collect();
    let seen = own.iter().map(|session| session.seen).max();
    let keys: Vec<_> = agent
        .credentials
        .iter()
        .filter(|key| key.revoked.is_none() && key.expires > now)
        .collect();
    let oldest = keys.iter().map(|key| key.issued).min();
    let ends = keys.iter().map(|key| key.expires).min();
    let state = agent.state;
    html! {
        section .card {
            header {
                h2 { (agent.name) }
                span class=(match state {
                    AgentState::Running => "permit",
                    AgentState::Paused => "held",
                    AgentState::Revoked => "deny",
                }) { (state.name()) }
                div .deeds {
                    @if state == AgentState::Running && viewer.may(Right::Stop) { (deed(agent, viewer, "pause", "Pause")) }
                    @if state == AgentState::Paused && viewer.may(Right::Manage) { (deed(agent, viewer, "resume", "Resume")) }
                    @if state != AgentState::Revoked && viewer.may(Right::Stop) {
                        details {
                            summary .button.quiet { "Revoke…" }
                            div .panel {
                                p { "Ends its keys, " (own.len()) " live sessions, " (agent.open)
                                    " held calls and all grants. It comes back only by a new key." }
                                (deed(agent, viewer, "revoke", "Revoke this agent"))
                            }
                        }
                    }
                }
            }
            dl .facts {
                dt { "Owner" } dd { (foreign::text(agent.owner.as_deref().unwrap_or("nobody is named"))) }
                dt { "Scope" } dd { @if agent.scoped { "in force" } @else { "none: every call is denied" } }
                dt { "Calls in 24 h" }
                dd { (plot::hours("Calls in 24 hours", &day)) }
                dt { "Held calls" } dd .number { (agent.open) }
                dt { "Live keys" }
                dd {
                    span .number { (keys.len()) }
                    @if let Some(oldest) = oldest { " · the oldest of " (moment::ago(oldest, now)) }
                    @if let Some(ends) = ends { " · the first ends " (moment::ago(ends, now)) }
                }
                dt { "Last seen" }
                dd { @if let Some(seen) = seen { (moment::ago(seen, now)) } @else { "no live session" } }
            }
            @if !own.is_empty() { (sessions::table(&own, now)) }
        }
    }
}

fn deed(agent: &AgentView, viewer: &Viewer, deed: &str, name: &str) -> Markup {
    html! {
        form method="post" action={ "/agents/" (agent.name) "/" (deed) } {
            (frame::seal(viewer))
            button .quiet { (name) }
        }
    }
}

const DAY_HOURS: usize = 24;
