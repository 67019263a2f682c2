//! Who is asking: the credential of a request, and the agent or operator it proves.
//!
//! Agents and operators have different kinds of credential and different listeners; neither kind is
//! looked for on the other's. What a name in a header or body says is never proof.

mod bearer;
pub mod peer;

use axum::http::HeaderMap;

pub use bearer::bearer;

use crate::guard::{Denial, Guard};
use crate::model::call::Principal;
use crate::model::credential::{Operator, Pep};

/// The agent that a request's bearer key proves.
///
/// # Errors
/// A [`Denial`] with a reason of status 401, which the guard has recorded.
pub async fn agent(guard: &Guard, headers: &HeaderMap) -> Result<Principal, Denial> {
    guard.principal(bearer(headers)).await
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
pub async fn operator(guard: &Guard, headers: &HeaderMap) -> Result<Operator, Denial> {
    guard.operator(bearer(headers)).await
}
