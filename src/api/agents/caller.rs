//! The agent behind a request.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;

use super::super::problem::Problem;
use crate::authn::{self, jwt::Issuers};
use crate::guard::Guard;
use crate::model::call::Principal;

/// An agent that proved itself; a handler that takes one cannot be reached without it.
pub(super) struct Caller(pub(super) Principal);

impl<S> FromRequestParts<S> for Caller
where
    Arc<Guard>: FromRef<S>,
    Issuers: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let (guard, issuers) = (Arc::<Guard>::from_ref(state), Issuers::from_ref(state));
        Ok(Self(authn::agent(&guard, &issuers, &parts.headers).await?))
    }
}
