//! The operator behind a request, with the right that its handler names.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::super::problem::Problem;
use crate::authn;
use crate::guard::Guard;
use crate::model::credential::Operator;
use crate::model::proof::Proven;
use crate::model::role::Right;

/// An operator who may look; a handler that takes one cannot be reached without it.
pub(super) struct Caller(pub(super) Operator);

/// An operator who may decide.
pub(super) struct Decider(pub(super) Operator);

/// An operator who may look, with what they proved themselves with.
pub(super) struct Shown(pub(super) Proven);

/// An operator who may decide, with what they proved themselves with.
pub(super) struct Voter(pub(super) Proven);

/// An operator who may stop what runs.
pub(super) struct Stopper(pub(super) Operator);

/// An operator who may let a call run alone.
pub(super) struct Breaker(pub(super) Operator);

/// An operator who may judge that.
pub(super) struct Reviewer(pub(super) Operator);

/// An operator who may manage.
pub(super) struct Manager(pub(super) Operator);

async fn allowed(parts: &Parts, guard: &Guard, right: Right) -> Result<Proven, Problem> {
    let proven = authn::operator(guard, &parts.headers).await?;
    guard.allow(&proven, right).await?;
    Ok(proven)
}

macro_rules! extracts {
    ($($caller:ident, $right:ident, $told:expr;)*) => {
        $(
            impl FromRequestParts<Arc<Guard>> for $caller {
                type Rejection = Problem;

                async fn from_request_parts(
                    parts: &mut Parts,
                    guard: &Arc<Guard>,
                ) -> Result<Self, Problem> {
                    Ok(Self($told(allowed(parts, guard, Right::$right).await?)))
                }
            }
        )*
    };
}

/// Who, whatever they proved it with.
fn person(proven: Proven) -> Operator {
    proven.operator
}

extracts! {
    Caller, Read, person;
    Decider, Decide, person;
    Stopper, Stop, person;
    Manager, Manage, person;
    Breaker, BreakGlass, person;
    Reviewer, Review, person;
    Shown, Read, std::convert::identity;
    Voter, Decide, std::convert::identity;
}
