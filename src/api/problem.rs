//! Every refusal over HTTP: an RFC 9457 problem made from one row of the table of reasons.
//!
//! The text comes from the row. What a rule said of the call, in the denial's own sentence, is for
//! operators and the record, and never stands here.

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::guard::{Challenge, Denial, OperateError, ResolveError, ReviewError, StoreError};
use crate::model::id::{ApprovalId, CallId};
use crate::model::reason::Reason;
use crate::model::text::{Surface, escape, show};

/// A refusal on its way to whoever asked.
#[derive(Debug)]
pub struct Problem(Box<Said>);

#[derive(Debug)]
struct Said {
    reason: Reason,
    detail: Option<String>,
    members: Map<String, Value>,
    message: Option<String>,
    retry_after: Option<Duration>,
}

impl Problem {
    /// The row of a reason, without more.
    #[must_use]
    pub fn new(reason: Reason) -> Self {
        Self(Box::new(Said {
            reason,
            detail: None,
            members: Map::new(),
            message: None,
            retry_after: None,
        }))
    }

    /// A request that is not well formed, with what is wrong in it.
    #[must_use]
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Reason::Malformed).detail(detail)
    }

    /// Says what was wrong this time; only ever about what the receiver itself sent.
    #[must_use]
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.0.detail = Some(text.into());
        self
    }

    /// Adds a member of its own.
    #[must_use]
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// Names the call it answers.
    #[must_use]
    pub fn call(self, call: CallId) -> Self {
        self.member("call_id", call.to_string())
    }

    /// Names the approval behind it.
    #[must_use]
    pub fn approval(self, approval: ApprovalId) -> Self {
        self.member("approval_id", approval.to_string())
    }

    /// Says when to come back.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// The row it stands on.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// What a record says of it.
    #[must_use]
    pub fn sentence(&self) -> &str {
        match &self.0.detail {
            Some(detail) => detail,
            None => self.0.reason.row().sentence,
        }
    }

    fn body(&self) -> Vec<u8> {
        let row = self.0.reason.row();
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("type", self.0.reason.problem_type().into());
        put("title", row.sentence.into());
        put("status", row.status.into());
        if let Some(detail) = &self.0.detail {
            put("detail", detail.as_str().into());
        }
        put("code", row.code.into());
        put("remedy", row.remedy.into());
        put("retry", row.retry.name().into());
        let message = match &self.0.message {
            Some(words) => format!("{}: {}", row.word, escape(words)),
            None => format!("{}: {} {}", row.word, row.sentence, row.remedy),
        };
        put("message_to_agent", message.into());
        body.extend(self.0.members.clone());
        show(&Value::Object(body).to_string(), Surface::Json).into_bytes()
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        let status = self.0.reason.row().status;
        if let Some(challenge) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        match (self.0.retry_after, status) {
            (Some(after), _) => headers.insert(RETRY_AFTER, seconds(after)),
            (None, 429 | 503) => headers.insert(RETRY_AFTER, seconds(RETRY_AFTER_UNKNOWN)),
            (None, _) => None,
        };
        headers
    }

    /// RFC 6750, 3: a request without a credential is told the scheme and no error code.
    fn challenge(&self) -> Option<HeaderValue> {
        if self.0.reason.row().status != 401 {
            return None;
        }
        Some(match self.0.reason {
            Reason::CredentialMissing => HeaderValue::from_static(r#"Bearer realm="countersign""#),
            Reason::StepUpNeeded => self.step_up(),
            // RFC 9470, 3: phishing-resistant, and now.
            Reason::UserUnverified => HeaderValue::from_static(
                r#"Bearer realm="countersign", error="insufficient_user_authentication", acr_values="phr", max_age=0"#,
            ),
            Reason::TokenUnconfirmed => HeaderValue::from_static(
                r#"Bearer realm="countersign", error="insufficient_user_authentication", max_age=300"#,
            ),
            Reason::RightsUnread => HeaderValue::from_static(
                r#"Bearer realm="countersign", error="insufficient_user_authentication", max_age=900"#,
            ),
            _ => HeaderValue::from_static(r#"Bearer realm="countersign", error="invalid_token""#),
        })
    }
}

impl Problem {
    /// RFC 9470, 3.
    fn step_up(&self) -> HeaderValue {
        const PLAIN: &str =
            r#"Bearer realm="countersign", error="insufficient_user_authentication""#;
        let level = self.0.members.get("required_level").and_then(Value::as_u64);
        level
            .and_then(|level| {
                HeaderValue::from_str(&format!(r#"{PLAIN}, acr_values="level-{level}""#)).ok()
            })
            .unwrap_or(HeaderValue::from_static(PLAIN))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.reason.row().status)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, self.headers(), self.body()).into_response()
    }
}

impl From<Denial> for Problem {
    fn from(denial: Denial) -> Self {
        let mut problem = Self::new(denial.reason());
        if let Some(call) = denial.call {
            problem = problem.call(call);
        }
        if let Some(approval) = denial.approval {
            problem = problem.approval(approval);
        }
        problem.0.message = denial.message;
        problem.0.retry_after = denial.retry_after;
        problem
    }
}

impl From<Challenge> for Problem {
    fn from(challenge: Challenge) -> Self {
        Self::new(Reason::StepUpNeeded)
            .call(challenge.call)
            .member("required_level", challenge.required)
            .member("level", challenge.level)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store did not answer an edge");
        Self::new(Reason::StoreUnavailable)
    }
}

impl From<ResolveError> for Problem {
    fn from(error: ResolveError) -> Self {
        let problem = Self::new(error.reason());
        match error {
            ResolveError::Stale { version } => problem.member("version", version),
            ResolveError::Decided { state, by, at } => {
                let problem = problem.member("state", state);
                let problem = match by {
                    Some(by) => problem.member("by", by.as_str()),
                    None => problem,
                };
                match at {
                    Some(at) => problem.member("at", at.to_string()),
                    None => problem,
                }
            }
            ResolveError::Voted { ref by, at, vote } => problem
                .member("by", by.as_str())
                .member("at", at.to_string())
                .member("vote", vote)
                .detail(error.to_string()),
            ResolveError::NotEligible(bar) => problem.detail(bar.sentence()),
            ResolveError::BadGrant(sentence) => problem.detail(sentence),
            ResolveError::OtherDigest => {
                problem.detail("the action digest is not the one of this request")
            }
            ResolveError::Store(error) => error.into(),
            ResolveError::Unsigned(unsigned) => problem
                .member("publicKey", unsigned.options)
                .member("console", unsigned.page),
            ResolveError::Answer(fault) => problem.detail(fault.to_string()),
            ResolveError::NoVote => problem.detail(error.to_string()),
            ResolveError::NewAuthenticator
            | ResolveError::RightsOld
            | ResolveError::Unconfirmed => problem,
            ResolveError::Missing => problem,
        }
    }
}

impl From<ReviewError> for Problem {
    fn from(error: ReviewError) -> Self {
        let problem = Self::new(error.reason());
        match error {
            ReviewError::Store(error) => error.into(),
            ReviewError::Closed {
                ref by,
                at,
                verdict,
            } => problem
                .member("by", by.as_str())
                .member("at", at.to_string())
                .member("state", verdict)
                .detail(error.to_string()),
            ReviewError::Missing => problem,
            ReviewError::Barred(_) | ReviewError::BadNote => problem.detail(error.to_string()),
        }
    }
}

impl From<OperateError> for Problem {
    fn from(error: OperateError) -> Self {
        Self::new(error.reason()).detail(error.to_string())
    }
}

/// Said where nobody knows better.
const RETRY_AFTER_UNKNOWN: Duration = Duration::from_secs(5);

/// Whole seconds, rounded up: a retry a moment too early is a wasted one.
pub(super) fn seconds(duration: Duration) -> HeaderValue {
    HeaderValue::from(duration.as_millis().div_ceil(1_000).max(1) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_a_problem_with_its_status_and_code() {
        for reason in Reason::ALL {
            let problem = Problem::new(*reason);
            let body: Value =
                serde_json::from_str(&String::from_utf8(problem.body()).unwrap()).unwrap();
            assert_eq!(body["code"], reason.code());
            assert_eq!(body["type"], reason.problem_type());
            let response = problem.into_response();
            assert_eq!(response.status().as_u16(), reason.row().status);
            assert_eq!(
                response.headers().contains_key(WWW_AUTHENTICATE),
                reason.row().status == 401
            );
            assert_eq!(
                response.headers().contains_key(RETRY_AFTER),
                matches!(reason.row().status, 429 | 503)
            );
        }
    }

    #[test]
    fn a_fraction_of_a_second_is_a_whole_one() {
        assert_eq!(seconds(Duration::from_millis(1)), "1");
        assert_eq!(seconds(Duration::from_millis(1_001)), "2");
        assert_eq!(seconds(Duration::ZERO), "1");
    }
}
