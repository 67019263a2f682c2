//! `/v1/operators`: who may decide, for which groups.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::super::problem::Problem;
use super::super::reply;
use super::caller::Caller;
use crate::guard::Guard;
use crate::model::credential::Operator;
use crate::model::time::Timestamp;

/// Every operator; never a token.
pub(super) async fn list(
    State(guard): State<Arc<Guard>>,
    Caller(_): Caller,
) -> Result<Response, Problem> {
    let now = guard.ambient().now();
    let operators = guard.operators().await?;
    let list: Vec<Value> = operators.iter().map(|one| render(one, now)).collect();
    Ok(reply::ok(json!({"operators": list})))
}

fn render(operator: &Operator, now: Timestamp) -> Value {
    let state = match operator.revoked {
        Some(_) => "revoked",
        None if operator.expires <= now => "expired",
        None => "live",
    };
    json!({
        "name": operator.name.as_str(),
        "groups": operator.groups.iter().map(|group| group.as_str()).collect::<Vec<_>>(),
        "state": state,
        "added": operator.added.to_string(),
        "expires": operator.expires.to_string(),
    })
}
