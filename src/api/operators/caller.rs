//! The operator behind a request, with the right that its handler names.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::super::problem::Problem;
use crate::authn;
use crate::guard::Guard;
use crate::model::credential::Operator;
use crate::model::role::Right;

/// An operator who may look; a handler that takes one cannot be reached without it.
pub(super) struct Caller(pub(super) Operator);

/// An operator who may decide.
pub(super) struct Decider(pub(super) Operator);

/// An operator who may stop what runs.
pub(super) struct Stopper(pub(super) Operator);

/// An operator who may let a call run alone.
pub(super) struct Breaker(pub(super) Operator);

/// An operator who may judge that.
pub(super) struct Reviewer(pub(super) Operator);

/// An operator who may manage.
pub(super) struct Manager(pub(super) Operator);

async fn allowed(parts: &Parts, guard: &Guard, right: Right) -> Result<Operator, Problem> {
    let proven = authn::operator(guard, &parts.headers).await?;
    guard.allow(&proven, right).await?;
    Ok(proven.operator)
}

macro_rules! extracts {
    ($($caller:ident, $right:ident;)*) => {
        $(
            impl FromRequestParts<Arc<Guard>> for $caller {
                type Rejection = Problem;

                async fn from_request_parts(
                    parts: &mut Parts,
                    guard: &Arc<Guard>,
                ) -> Result<Self, Problem> {
                    Ok(Self(allowed(parts, guard, Right::$right).await?))
                }
            }
        )*
    };
}

extracts! {
    Caller, Read;
    Decider, Decide;
    Stopper, Stop;
    Manager, Manage;
    Breaker, BreakGlass;
    Reviewer, Review;
}
