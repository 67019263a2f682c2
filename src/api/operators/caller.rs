//! The operator behind a request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::super::problem::Problem;
use crate::authn;
use crate::guard::Guard;
use crate::model::credential::Operator;

/// An operator that proved itself; a handler that takes one cannot be reached without it.
pub(super) struct Caller(pub(super) Operator);

impl FromRequestParts<Arc<Guard>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, guard: &Arc<Guard>) -> Result<Self, Problem> {
        Ok(Self(authn::operator(guard, &parts.headers).await?))
    }
}
