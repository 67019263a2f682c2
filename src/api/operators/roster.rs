//! `/v1/operators`: who may decide, for which groups, and who vouches for whom.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::super::problem::Problem;
use super::super::reply;
use super::caller::{Caller, Manager};
use crate::guard::Guard;
use crate::model::credential::Operator;
use crate::model::name::OperatorName;
use crate::model::proof::{Proof, ProofKind};
use crate::model::reason::Reason;
use crate::model::time::Timestamp;

/// Every operator; never a token.
pub(super) async fn list(
    State(guard): State<Arc<Guard>>,
    Caller(_): Caller,
) -> Result<Response, Problem> {
    let now = guard.ambient().now();
    let (operators, proofs) = (guard.operators().await?, guard.proofs().await?);
    let list: Vec<Value> = operators
        .iter()
        .map(|one| render(one, &proofs, now))
        .collect();
    Ok(reply::ok(json!({"operators": list})))
}

/// Vouches that the passkeys of another operator are theirs.
pub(super) async fn confirm(
    State(guard): State<Arc<Guard>>,
    Manager(operator): Manager,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let name = OperatorName::parse(&name).map_err(|_| Problem::new(Reason::NotFound))?;
    let confirmed = guard
        .confirm_passkeys(operator.name.as_str(), &name)
        .await?;
    Ok(reply::ok(
        json!({"name": name.as_str(), "confirmed": confirmed}),
    ))
}

fn render(operator: &Operator, proofs: &[Proof], now: Timestamp) -> Value {
    let state = match operator.revoked {
        Some(_) => "revoked",
        None => "live",
    };
    let own = || {
        let own = proofs.iter().filter(|one| one.operator == operator.name);
        own.filter(|one| one.is_live(now))
    };
    let passkeys = own().filter_map(|one| one.passkey().map(|passkey| (one, passkey)));
    let settled: Vec<bool> = passkeys
        .map(|(one, passkey)| passkey.is_settled(one.added, now))
        .collect();
    json!({
        "name": operator.name.as_str(),
        "groups": operator.groups.iter().map(|group| group.as_str()).collect::<Vec<_>>(),
        "roles": operator.roles.iter().map(|role| role.name()).collect::<Vec<_>>(),
        "state": state,
        "added": operator.added.to_string(),
        "tokens": own().filter(|one| matches!(one.kind, ProofKind::Token { .. })).count(),
        "passkeys": settled.len(),
        "unconfirmed_passkeys": settled.iter().filter(|settled| !**settled).count(),
    })
}
