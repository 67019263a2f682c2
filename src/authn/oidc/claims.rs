//! What a verified identity token, and the provider's further words, say of a person.

use serde_json::{Map, Value};

use super::fault::SignInFault;
use super::provider::Mapping;
use crate::limits::{PROVIDER_GROUPS_COUNT, PROVIDER_PROOF_LONGEST};
use crate::model::account::Rights;
use crate::model::time::Timestamp;
use crate::model::token::Token;

/// Whether an identity token is for this very sign-in at this very program.
pub(super) fn concerns(token: &Token, client: &str, nonce: &str) -> Result<(), SignInFault> {
    if !token.audiences.iter().any(|one| one == client) {
        return Err(SignInFault::Claims("the token is for another program"));
    }
    let party = token.claims.get("azp");
    let is_shared = token.audiences.len() > 1;
    if party.is_some_and(|party| party != client) || (is_shared && party.is_none()) {
        return Err(SignInFault::Claims(
            "the token was given to another program",
        ));
    }
    match token.text("nonce") == Some(nonce) {
        true => Ok(()),
        false => Err(SignInFault::Claims("the token is for another sign-in")),
    }
}

/// Whether the person proved themselves at the provider just now.
pub(super) fn is_fresh(token: &Token, now: Timestamp) -> Result<(), SignInFault> {
    let at = token.claims.get("auth_time").and_then(Value::as_i64);
    let at = at.and_then(|seconds| seconds.checked_mul(1_000));
    let at = at.map(Timestamp::from_millis);
    match at.is_some_and(|at| now.since(at) <= PROVIDER_PROOF_LONGEST) {
        true => Ok(()),
        false => Err(SignInFault::Claims(
            "it does not say that the person signed in just now",
        )),
    }
}

/// Whether the claim that rights are read from is among these.
pub(super) fn speaks(claims: &Map<String, Value>, mapping: &Mapping) -> bool {
    claims.contains_key(&mapping.claim)
}

/// The rights of whoever has those claims. Without the claim they have none.
pub(super) fn rights(
    claims: &Map<String, Value>,
    mapping: &Mapping,
) -> Result<Rights, SignInFault> {
    let listed: Vec<&str> = match claims.get(&mapping.claim) {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) if many.len() <= PROVIDER_GROUPS_COUNT => {
            let words = many.iter().map(Value::as_str);
            words
                .collect::<Option<_>>()
                .ok_or(SignInFault::Claims("a group is no text"))?
        }
        Some(_) => return Err(SignInFault::Claims("the groups are no list of texts")),
    };
    let mut rights = Rights::default();
    for word in listed {
        let groups = mapping.groups.iter().filter(|(said, _)| said == word);
        rights.groups.extend(groups.map(|(_, group)| group.clone()));
        let roles = mapping.roles.iter().filter(|(said, _)| said == word);
        rights.roles.extend(roles.map(|(_, role)| *role));
    }
    Ok(rights)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::name::GroupName;
    use crate::model::role::Role;

    fn token(claims: Value) -> Token {
        let audiences = match claims.get("aud") {
            Some(Value::Array(many)) => many
                .iter()
                .map(|one| one.as_str().unwrap().to_owned())
                .collect(),
            _ => vec!["console".to_owned()],
        };
        Token {
            issuer: "https://idp.example.com".to_owned(),
            audiences,
            subject: "1".to_owned(),
            actor: None,
            claims: claims.as_object().unwrap().clone(),
            until: Timestamp::default(),
        }
    }

    #[test]
    fn a_token_for_another_sign_in_or_program_is_refused() {
        let fits = |claims| concerns(&token(claims), "console", "n").is_ok();
        assert!(fits(json!({"nonce": "n"})));
        assert!(fits(
            json!({"nonce": "n", "aud": ["console", "x"], "azp": "console"})
        ));
        for claims in [
            json!({}),
            json!({"nonce": "m"}),
            json!({"nonce": ["n"]}),
            json!({"nonce": "n", "aud": ["x"]}),
            json!({"nonce": "n", "aud": ["console", "x"]}),
            json!({"nonce": "n", "azp": "x"}),
        ] {
            assert!(!fits(claims.clone()), "{claims}");
        }
    }

    #[test]
    fn only_a_moment_ago_is_just_now() {
        let now = Timestamp::from_millis(1_000_000_000);
        let fresh = |claims| is_fresh(&token(claims), now).is_ok();
        let longest = i64::try_from(PROVIDER_PROOF_LONGEST.as_secs()).unwrap();
        assert!(fresh(json!({"auth_time": 1_000_000 - longest})));
        assert!(!fresh(json!({"auth_time": 1_000_000 - longest - 1})));
        assert!(!fresh(json!({})));
        assert!(!fresh(json!({"auth_time": "1000000"})));
    }

    #[test]
    fn groups_give_what_they_are_mapped_onto_and_nothing_else() {
        let group = |name: &str| GroupName::parse(name).unwrap();
        let mapping = Mapping {
            claim: "groups".to_owned(),
            groups: vec![("fin".to_owned(), group("finance"))],
            roles: vec![
                ("fin".to_owned(), Role::Approver),
                ("sec".to_owned(), Role::Admin),
            ],
        };
        let of = |claims: Value| rights(claims.as_object().unwrap(), &mapping);
        let given = of(json!({"groups": ["fin", "finance", "admin"]})).unwrap();
        assert_eq!(
            given.groups.into_iter().collect::<Vec<_>>(),
            [group("finance")]
        );
        assert_eq!(
            given.roles.into_iter().collect::<Vec<_>>(),
            [Role::Approver]
        );
        assert_eq!(of(json!({})).unwrap(), Rights::default());
        assert_eq!(of(json!({"groups": "sec"})).unwrap().roles.len(), 1);
        assert!(of(json!({"groups": ["fin", 7]})).is_err());
        assert!(of(json!({"groups": {"fin": true}})).is_err());
    }
}
