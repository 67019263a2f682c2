//! `/v1/approvals`: what waits for a person, and the decisions of persons.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::super::body::{Members, missing, wrong};
use super::super::prefer;
use super::super::problem::Problem;
use super::super::query::Asked;
use super::super::reply;
use super::super::wake;
use super::approval::render;
use super::caller::{Caller, Decider, Voter};
use super::reviews::brief;
use crate::guard::{Guard, Resolution, Vote};
use crate::limits::{DECISION_ID_BYTES, GRANT_LIFE, GRANT_USES_COUNT, PATTERN_USES_COUNT};
use crate::model::approval::Approval;
use crate::model::credential::Operator;
use crate::model::digest::{Digest, Fields};
use crate::model::id::ApprovalId;
use crate::model::passkey::Assertion;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;

/// The approvals, newest first. With `If-None-Match` and `Prefer: wait` it waits for a change.
pub(super) async fn list(
    State(guard): State<Arc<Guard>>,
    Caller(operator): Caller,
    mut asked: Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let state = asked.text("state");
    asked.done()?;
    let all = match state.as_deref() {
        None | Some("open") => false,
        Some("all") => true,
        Some(_) => return Err(wrong("state", "`open` or `all`")),
    };
    let wait = prefer::wait(&headers);
    let known = headers.get(IF_NONE_MATCH).cloned();
    let ends = guard.ambient().monotonic() + wait;
    loop {
        let mut wakes = guard.wakes();
        let approvals = guard.approvals(all).await?;
        let now = guard.ambient().now();
        let tag = list_tag(&approvals, now);
        let left = ends.saturating_sub(guard.ambient().monotonic());
        if known.as_ref() != Some(&tag) {
            let mut list = Vec::with_capacity(approvals.len());
            for approval in &approvals {
                list.push(document(&guard, approval, &operator).await?);
            }
            let response = ([(ETAG, tag)], reply::ok(json!({"approvals": list})));
            return Ok(prefer::applied(wait, response));
        }
        if left.is_zero() {
            return Ok(prefer::applied(
                wait,
                (StatusCode::NOT_MODIFIED, [(ETAG, tag)]),
            ));
        }
        wake::approvals(&mut wakes, left.min(LOOK_INTERVAL)).await;
    }
}

/// One approval; its `ETag` is the version that a decision names.
pub(super) async fn show(
    State(guard): State<Arc<Guard>>,
    Caller(operator): Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let approval = guard.approval(parse_id(&id)?).await?;
    let approval = approval.ok_or_else(|| Problem::new(Reason::NotFound))?;
    standing(&guard, &approval, &operator).await
}

/// Decides: on the version that was shown, for the digest that was shown, once.
pub(super) async fn decide(
    State(guard): State<Arc<Guard>>,
    Voter(proven): Voter,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    let version = if_match(request.headers())?;
    let vote = read_vote(version, Members::read(request).await?)?;
    if vote.is_bare_approval() {
        guard.confirmed(&proven, id).await?;
    }
    let operator = proven.operator;
    let approval = guard.resolve(&operator, id, vote).await?;
    standing(&guard, &approval, &operator).await
}

/// Takes the operator's own vote back, while it decided nothing yet.
pub(super) async fn withdraw(
    State(guard): State<Arc<Guard>>,
    Decider(operator): Decider,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    let version = if_match(&headers)?;
    let approval = guard.withdraw_vote(&operator, id, version).await?;
    standing(&guard, &approval, &operator).await
}

/// An approval as it stands for an operator; its `ETag` is the version that a decision names.
pub(super) async fn standing(
    guard: &Guard,
    approval: &Approval,
    operator: &Operator,
) -> Result<Response, Problem> {
    let tag = version_tag(approval.version);
    let document = document(guard, approval, operator).await?;
    Ok(([(ETAG, tag)], reply::ok(document)).into_response())
}

/// An approval with what its session has heard by now.
async fn document(
    guard: &Guard,
    approval: &Approval,
    operator: &Operator,
) -> Result<Value, Problem> {
    let session = guard.session_named(approval.session).await?;
    let part = guard.part(approval, operator).await?;
    let now = guard.ambient().now();
    let review = guard.review_of(approval.id).await?;
    let mut document = render(approval, session.as_ref(), &part, now);
    if let Value::Object(document) = &mut document {
        document.insert("review".to_owned(), review.as_ref().map(brief).into());
    }
    Ok(document)
}

fn read_vote(version: u32, mut members: Members) -> Result<Vote, Problem> {
    let decision = members.needed_text("decision")?;
    let digest = members.needed_text("action_digest")?;
    let client_id = members.needed_text("decision_id")?;
    let grant = members.text("grant")?;
    let pins = members.texts("pins")?;
    let uses = members.number("uses")?;
    let life = members.number("life_seconds")?;
    let message = members.text("message")?;
    let assertion = members.object("assertion")?;
    members.done()?;
    let digest = read_digest(&digest)?;
    if !(1..=DECISION_ID_BYTES).contains(&client_id.len())
        || !client_id.bytes().all(|b| b.is_ascii_graphic())
    {
        return Err(wrong("decision_id", "1 to 128 printable characters"));
    }
    let decision = match decision.as_str() {
        "approve" if message.is_some() => {
            return Err(Problem::malformed("`message` goes with `deny`"));
        }
        "approve" => match (grant.as_deref(), pins) {
            (None | Some("exact"), None) => Resolution::Approve {
                uses: read_uses(uses, GRANT_USES_COUNT)?,
                life: read_life(life, GRANT_LIFE)?,
            },
            (Some("pattern"), Some(pins)) => Resolution::Pattern {
                pins,
                uses: read_uses(uses, PATTERN_USES_COUNT)?,
                life: read_life(life, GRANT_LIFE)?,
            },
            (Some("pattern"), None) => return Err(missing("pins")),
            (None | Some("exact"), Some(_)) => {
                return Err(Problem::malformed("`pins` goes with the grant `pattern`"));
            }
            (Some(_), _) => return Err(wrong("grant", "`exact` or `pattern`")),
        },
        "deny"
            if [uses, life].iter().any(Option::is_some)
                || [grant.is_some(), pins.is_some(), assertion.is_some()].contains(&true) =>
        {
            return Err(Problem::malformed(
                "`grant`, `pins`, `uses`, `life_seconds` and `assertion` go with `approve`",
            ));
        }
        "deny" => Resolution::Deny { message },
        _ => return Err(wrong("decision", "`approve` or `deny`")),
    };
    Ok(Vote {
        answer: read_answer(assertion)?,
        version,
        digest,
        decision,
        client_id,
    })
}

pub(super) fn read_digest(text: &str) -> Result<Digest, Problem> {
    Digest::from_hex(text)
        .ok_or_else(|| wrong("action_digest", "64 hexadecimal digits in lower case"))
}

/// What a passkey signed, where it was sent.
pub(super) fn read_answer(
    assertion: Option<Map<String, Value>>,
) -> Result<Option<Assertion>, Problem> {
    let answer = assertion.map(|members| Assertion::parse(&Value::Object(members)));
    let answer = answer.transpose();
    answer.map_err(|fault| Problem::malformed(fault.to_string()))
}

pub(super) fn read_uses(uses: Option<u64>, most: u32) -> Result<u32, Problem> {
    match u32::try_from(uses.unwrap_or(1)) {
        Ok(uses) if (1..=most).contains(&uses) => Ok(uses),
        _ => Err(wrong("uses", &format!("1 to {most}"))),
    }
}

pub(super) fn read_life(
    seconds: Option<u64>,
    longest: Duration,
) -> Result<Option<Duration>, Problem> {
    match seconds.map(Duration::from_secs) {
        Some(life) if life.is_zero() || life > longest => {
            let most = longest.as_secs();
            Err(wrong("life_seconds", &format!("1 to {most}")))
        }
        life => Ok(life),
    }
}

pub(super) fn parse_id(text: &str) -> Result<ApprovalId, Problem> {
    ApprovalId::parse(text).ok_or_else(|| Problem::new(Reason::NotFound))
}

/// The version that was shown: a strong tag, named once, never `*`.
pub(super) fn if_match(headers: &HeaderMap) -> Result<u32, Problem> {
    let mut values = headers.get_all(IF_MATCH).iter();
    let (Some(only), None) = (values.next(), values.next()) else {
        return Err(missing("If-Match"));
    };
    only.to_str()
        .ok()
        .and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"'))
        .and_then(|version| version.parse().ok())
        .ok_or_else(|| wrong("If-Match", "the ETag of the version that was shown"))
}

fn version_tag(version: u32) -> HeaderValue {
    tag(&version.to_string())
}

/// Changes with every change of any state, also where only time changed it.
fn list_tag(approvals: &[Arc<Approval>], now: Timestamp) -> HeaderValue {
    let fields = approvals
        .iter()
        .fold(Fields::new("countersign.list.v1"), |fields, approval| {
            fields
                .field(approval.id.as_bytes())
                .field(&approval.version.to_be_bytes())
                .field(approval.state_at(now).name().as_bytes())
        });
    tag(&fields.digest().to_string())
}

fn tag(text: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{text}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Expiry is computed when read and wakes nobody, so a wait looks again by itself.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
