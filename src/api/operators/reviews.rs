//! `/v1/reviews`: break-glass, and how another person judges it.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::super::body::{Members, wrong};
use super::super::problem::Problem;
use super::super::query::Asked;
use super::super::reply;
use super::approvals::{
    if_match, parse_id, read_answer, read_digest, read_life, read_uses, standing,
};
use super::caller::{Breaker, Caller, Reviewer};
use crate::guard::{Glass, Guard, StoreError, sentence};
use crate::limits::{GLASS_LIFE, GRANT_USES_COUNT};
use crate::model::credential::Operator;
use crate::model::id::ReviewId;
use crate::model::reason::Reason;
use crate::model::review::{Review, ReviewVerdict};

/// The reviews, newest first.
pub(super) async fn list(
    State(guard): State<Arc<Guard>>,
    Caller(operator): Caller,
    mut asked: Asked,
) -> Result<Response, Problem> {
    let state = asked.text("state");
    asked.done()?;
    let all = match state.as_deref() {
        None | Some("open") => false,
        Some("all") => true,
        Some(_) => return Err(wrong("state", "`open` or `all`")),
    };
    let reviews = guard.reviews(all).await?;
    let mut list = Vec::with_capacity(reviews.len());
    for review in &reviews {
        list.push(render(&guard, review, &operator).await?);
    }
    Ok(reply::ok(json!({"reviews": list})))
}

/// Closes one.
pub(super) async fn close(
    State(guard): State<Arc<Guard>>,
    Reviewer(operator): Reviewer,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let id = ReviewId::parse(&id).ok_or_else(|| Problem::new(Reason::NotFound))?;
    let mut members = Members::read(request).await?;
    let verdict = members.needed_text("verdict")?;
    let note = members.needed_text("note")?;
    members.done()?;
    let verdict = ReviewVerdict::parse(&verdict)
        .ok_or_else(|| wrong("verdict", "`justified` or `not-justified`"))?;
    let (review, stopped) = guard.close_review(&operator, id, verdict, &note).await?;
    let closed = render(&guard, &review, &operator).await?;
    let running: Vec<String> = stopped.running.iter().map(ToString::to_string).collect();
    Ok(reply::ok(json!({"review": closed, "running": running})))
}

/// Lets a held call run alone, and opens the review of that.
pub(super) async fn break_glass(
    State(guard): State<Arc<Guard>>,
    Breaker(operator): Breaker,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    let version = if_match(request.headers())?;
    let glass = read(version, Members::read(request).await?)?;
    let approval = guard.break_glass(&operator, id, glass).await?;
    standing(&guard, &approval, &operator).await
}

fn read(version: u32, mut members: Members) -> Result<Glass, Problem> {
    let digest = members.needed_text("action_digest")?;
    let reason = members.needed_text("reason")?;
    let uses = members.number("uses")?;
    let life = members.number("life_seconds")?;
    let assertion = members.object("assertion")?;
    members.done()?;
    Ok(Glass {
        version,
        digest: read_digest(&digest)?,
        uses: read_uses(uses, GRANT_USES_COUNT)?,
        life: read_life(life, GLASS_LIFE)?,
        reason,
        answer: read_answer(assertion)?,
    })
}

/// What stands of it beside an approval.
pub(super) fn brief(review: &Review) -> Value {
    json!({
        "id": review.id.to_string(),
        "state": review.standing(),
        "by": review.by.as_str(),
        "reason": review.reason,
    })
}

async fn render(guard: &Guard, review: &Review, operator: &Operator) -> Result<Value, StoreError> {
    let approval = guard.approval(review.approval).await?;
    let bar = guard.review_bar(review, operator).await?;
    let bar = bar.filter(|_| review.closing.is_none());
    let closing = review.closing.as_ref().map(|closing| {
        json!({
            "by": closing.by.as_str(),
            "at": closing.at.to_string(),
            "verdict": closing.verdict.name(),
            "note": closing.note,
        })
    });
    Ok(json!({
        "id": review.id.to_string(),
        "state": review.standing(),
        "approval": review.approval.to_string(),
        "grant": review.grant.to_string(),
        "agent": review.agent.as_str(),
        "sentence": approval.as_ref().map(sentence),
        "by": review.by.as_str(),
        "reason": review.reason,
        "opened": review.opened.to_string(),
        "may_close": review.groups.iter().map(|group| group.as_str()).collect::<Vec<_>>(),
        "eligible": bar.is_none() && review.closing.is_none(),
        "barred": bar.map(|bar| bar.sentence()),
        "closed": closing,
    }))
}
