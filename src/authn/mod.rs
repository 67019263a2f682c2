//! Who is asking: the credential of a request, and the agent or operator it proves.
//!
//! Agents and operators have different kinds of credential and different listeners; neither kind is
//! looked for on the other's. What a name in a header or body says is never proof.

mod answer;
mod bearer;
pub mod jwt;
pub mod oidc;
pub mod peer;

use axum::http::HeaderMap;

pub use bearer::bearer;

use self::jwt::Issuers;
use crate::guard::{Denial, Guard};
use crate::model::call::Principal;
use crate::model::credential::Pep;
use crate::model::proof::Proven;

/// The agent that a request's bearer key, or token of an issuer, proves.
///
/// # Errors
/// A [`Denial`], which the guard has recorded.
pub async fn agent(
    guard: &Guard,
    issuers: &Issuers,
    headers: &HeaderMap,
) -> Result<Principal, Denial> {
    let bearer = bearer(headers);
    let Some(token) = bearer.filter(|bearer| issuers.concerns(bearer)) else {
        return guard.principal(bearer).await;
    };
    match issuers.verify(token, guard.ambient()).await {
        Ok(token) => guard.token_principal(&token).await,
        Err(fault) => Err(guard.unproved(fault.into(), None).await),
    }
}

/// The enforcement point that a request's bearer key proves.
///
/// # Errors
/// A [`Denial`] with a reason of status 401, which the guard has recorded.
pub async fn pep(guard: &Guard, headers: &HeaderMap) -> Result<Pep, Denial> {
    guard.pep(bearer(headers)).await
}

/// The operator that a request's bearer token proves.
///
/// # Errors
/// A [`Denial`] with a reason of status 401, which the guard has recorded.
pub async fn operator(guard: &Guard, headers: &HeaderMap) -> Result<Proven, Denial> {
    guard.operator(bearer(headers)).await
}
