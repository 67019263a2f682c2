//! What a call came to, in a form that can be given twice.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use super::super::problem::Problem;
use crate::guard::{Delivery, SignedPermit};
use crate::model::id::CallId;
use crate::model::json;

/// An answer of status 200, kept as bytes, and the word for what it tells.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) word: &'static str,
    pub(super) body: Bytes,
}

impl Answer {
    /// What the upstream delivered; the tool's own result and error pass as they came.
    pub(super) fn delivered(call: CallId, delivery: Delivery) -> Result<Self, Problem> {
        match delivery {
            Delivery::Result(result) => Ok(Self::new(
                "completed",
                json!({"call_id": call.to_string(), "state": "completed", "result": result}),
            )),
            Delivery::Error {
                code,
                message,
                data,
            } => Ok(Self::new(
                "failed",
                json!({
                    "call_id": call.to_string(),
                    "state": "failed",
                    "error": {"code": code, "message": message, "data": data},
                }),
            )),
            Delivery::Failed(denial) => Err(Problem::from(denial).call(call)),
        }
    }

    /// Leave to run the call oneself: the permit, and the arguments that must be used.
    pub(super) fn permitted(signed: &SignedPermit) -> Self {
        let arguments = json::parse(&signed.arguments).unwrap_or(Value::Null);
        Self::new(
            "permitted",
            json!({
                "call_id": signed.call.to_string(),
                "state": "permitted",
                "permit": signed.token,
                "arguments": arguments,
                "action_digest": signed.digest.to_string(),
                "expires": signed.expires.to_string(),
            }),
        )
    }

    fn new(word: &'static str, body: Value) -> Self {
        Self {
            word,
            body: Bytes::from(body.to_string()),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        (StatusCode::OK, [(CONTENT_TYPE, json)], self.body).into_response()
    }
}
