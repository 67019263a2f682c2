//! Facts that are supposed where a call is judged without asking anybody: what the manifest alone says of it.

use super::facts::{Known, Precedent, Standing};
use super::requirements::Requirements;
use crate::model::approver::Approver;
use crate::model::call::Call;
use crate::model::name::OperatorName;
use crate::model::privilege::Privilege;
use crate::model::time::Timestamp;
use crate::scopes::Scope;

/// The standing of an agent to which nothing is new, which has used nothing up, and about which people
/// enough may be asked.
#[must_use]
pub fn standing(
    call: &Call,
    scope: &Scope,
    requirements: &Requirements,
    now: Timestamp,
) -> Standing {
    let known = Known {
        used: true,
        values: 1,
    };
    let values = requirements.first_seen.iter();
    Standing {
        precedent: Precedent {
            used: true,
            values: values.map(|pointer| (pointer.clone(), known)).collect(),
            done: requirements.after.iter().cloned().collect(),
            highest: Some(Privilege::Admin),
            ..Precedent::default()
        },
        ..Standing::fresh(call, approvers(scope), requirements.amounts.len(), now)
    }
}

/// As many people as any rule asks for, none of them of the agent's owner.
#[must_use]
pub fn approvers(scope: &Scope) -> Vec<Approver> {
    let rules = Privilege::ALL
        .into_iter()
        .filter_map(|rung| scope.approval_for(rung));
    let seats = rules.flat_map(|rule| {
        let stages = rule.stages.iter();
        stages.flat_map(|stage| {
            let owner = rule.four_eyes.as_deref();
            let groups = stage.any_of.iter();
            let groups: Vec<_> = groups
                .filter(|group| owner != Some(group.as_str()))
                .cloned()
                .collect();
            (0..stage.approve).map(move |_| groups.clone())
        })
    });
    seats
        .enumerate()
        .filter_map(|(number, groups)| {
            let name = OperatorName::parse(&format!("assumed-{number}")).ok()?;
            Some(Approver { name, groups })
        })
        .collect()
}
