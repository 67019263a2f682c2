//! One question to a provider, and its answer, both bounded.

use reqwest::RequestBuilder;
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::fault::SignInFault;
use crate::authn::answer::{BodyFault, body};
use crate::limits::{PROVIDER_ANSWER_BYTES, PROVIDER_ANSWER_TIMEOUT};
use crate::model::json;

/// Asks; the status of the answer and, where it is one, its JSON object.
pub(super) async fn ask(
    request: RequestBuilder,
) -> Result<(u16, Option<Map<String, Value>>), SignInFault> {
    let asked = async {
        let answer = request.header("accept", "application/json").send().await;
        let answer = answer.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let text = body(answer, PROVIDER_ANSWER_BYTES).await;
        let text = text.map_err(|fault| match fault {
            BodyFault::Broken(fault) => unreachable(fault),
            BodyFault::TooLarge => SignInFault::Discovery("an answer is too large"),
        })?;
        let object = match json::parse(&text) {
            Ok(Value::Object(object)) => Some(object),
            _ => None,
        };
        Ok((status, object))
    };
    timeout(PROVIDER_ANSWER_TIMEOUT, asked)
        .await
        .map_err(|_| SignInFault::Unreachable(None))?
}

fn unreachable(fault: reqwest::Error) -> SignInFault {
    SignInFault::Unreachable(Some(fault.without_url()))
}
