//! Verified tokens at the guard: whom they speak for, how they are revoked, and how long they last.

use std::time::Duration;

use countersign::guard::{Guard, PinPolicy, Ruling};
use countersign::model::call::Principal;
use countersign::model::credential::CredentialKind;
use countersign::model::name::AgentName;
use countersign::model::reason::Reason;
use countersign::model::token::Token;
use countersign::scopes::{Scopes, Source};
use serde_json::{Value, json};

use crate::world::{MANIFEST, World};

const ISSUER: &str = "https://idp.example.com";

/// The clerk as everywhere, by token too, and three that are told apart by claims.
fn scopes() -> Scopes {
    let jwt = |rule: &str| format!("{{jwt: {{issuer: \"{ISSUER}\", audience: us, {rule}}}}}");
    let clerk = MANIFEST.replace(
        "{api_key: true, local: true}",
        &jwt("subject: clerk").replace("{jwt", "{api_key: true, local: true, jwt"),
    );
    let other = |agent: &str, rule: &str| {
        let credentials = jwt(rule);
        format!(
            "version: 1\nagent: {agent}\ncredentials: {credentials}\n\
             tools: [{{tool: crm/find, privilege: read}}]\n"
        )
    };
    let texts = [
        clerk,
        other("desk", "claims: {client_id: desk}, on_behalf_of: sub"),
        other("wide", "claims: {team: blue}"),
        other("narrow", "claims: {team: blue, rank: high}"),
    ];
    let sources: Vec<Source> = texts
        .into_iter()
        .enumerate()
        .map(|(at, text)| Source {
            name: format!("{at}.yaml"),
            text,
        })
        .collect();
    Scopes::compile(&sources).unwrap_or_else(|faults| panic!("{faults}"))
}

async fn world() -> World {
    World::pinning(PinPolicy::FirstUse, scopes()).await
}

/// A token of a minute.
fn token(world: &World, subject: &str, claims: Value) -> Token {
    let Value::Object(mut all) = claims else {
        return token(world, subject, json!({}));
    };
    all.insert("sub".to_owned(), subject.into());
    Token {
        issuer: ISSUER.to_owned(),
        audiences: vec!["elsewhere".to_owned(), "us".to_owned()],
        subject: subject.to_owned(),
        actor: None,
        claims: all,
        until: world.guard.ambient().now().after(Duration::from_secs(60)),
    }
}

async fn refused(guard: &Guard, token: &Token) -> Reason {
    guard.token_principal(token).await.unwrap_err().reason()
}

#[tokio::test]
async fn a_token_speaks_for_the_agent_of_the_one_manifest_that_says_so() {
    let world = world().await;
    let clerk = token(&world, "clerk", json!({}));
    let principal = world.guard.token_principal(&clerk).await.unwrap();
    assert_eq!(principal.agent.as_str(), "clerk");
    assert_eq!(principal.on_behalf_of, None);
    let again = world.guard.token_principal(&clerk).await.unwrap();
    assert_eq!(again, principal);

    let desk = |user: &str| token(&world, user, json!({"client_id": "desk"}));
    let ada = world.guard.token_principal(&desk("ada")).await.unwrap();
    let bob = world.guard.token_principal(&desk("bob")).await.unwrap();
    assert_eq!(ada.agent.as_str(), "desk");
    assert_eq!(ada.on_behalf_of.as_ref().unwrap().as_str(), "ada");
    assert_ne!(ada.credential, bob.credential);

    let wide = token(&world, "x", json!({"team": "blue"}));
    let wide = world.guard.token_principal(&wide).await.unwrap();
    assert_eq!(wide.agent.as_str(), "wide");
    let both = token(&world, "x", json!({"team": "blue", "rank": "high"}));
    assert_eq!(refused(&world.guard, &both).await, Reason::TokenAmbiguous);
}

#[tokio::test]
async fn a_token_of_another_issuer_audience_subject_or_claim_speaks_for_nobody() {
    let world = world().await;
    let clerk = token(&world, "clerk", json!({}));
    let mut other = clerk.clone();
    other.issuer = "https://other.example.com".to_owned();
    assert_eq!(refused(&world.guard, &other).await, Reason::TokenAudience);
    let mut other = clerk.clone();
    other.audiences = vec!["US".to_owned(), "us ".to_owned()];
    assert_eq!(refused(&world.guard, &other).await, Reason::TokenAudience);
    for (subject, claims) in [
        ("Clerk", json!({})),
        ("clerk2", json!({})),
        ("x", json!({"client_id": ["desk"]})),
        ("x", json!({"team": "red", "rank": "high"})),
    ] {
        let other = token(&world, subject, claims);
        assert_eq!(refused(&world.guard, &other).await, Reason::TokenUnmapped);
    }
    // Whoever acts holds the token, and not whom it acts for.
    let mut acted = clerk.clone();
    acted.actor = Some("another".to_owned());
    assert_eq!(refused(&world.guard, &acted).await, Reason::TokenUnmapped);
    let agents = world.guard.agents().await.unwrap();
    let met = agents
        .iter()
        .flat_map(|agent| &agent.credentials)
        .filter(|one| one.kind == CredentialKind::Jwt);
    assert_eq!(met.count(), 0, "a refusal leaves nothing behind");
}

#[tokio::test]
async fn the_user_comes_from_the_actors_token_or_the_claim_that_the_manifest_names() {
    let world = world().await;
    let mut acted = token(&world, "ada", json!({}));
    acted.actor = Some("clerk".to_owned());
    let principal = world.guard.token_principal(&acted).await.unwrap();
    assert_eq!(principal.on_behalf_of.as_ref().unwrap().as_str(), "ada");
    let plain = token(&world, "clerk", json!({"on_behalf_of": "root"}));
    let plain = world.guard.token_principal(&plain).await.unwrap();
    assert_eq!(
        plain.on_behalf_of, None,
        "no claim that the manifest does not name"
    );
    assert_eq!(plain.credential, principal.credential);
    // A user that cannot be named is no reason to act without one.
    for user in ["", "a b", "ada\u{202e}"] {
        let mut acted = token(&world, user, json!({}));
        acted.actor = Some("clerk".to_owned());
        assert_eq!(refused(&world.guard, &acted).await, Reason::TokenClaims);
    }
    let mut unnamed = token(&world, "ada", json!({"client_id": "desk"}));
    unnamed.claims.insert("sub".to_owned(), Value::Null);
    assert_eq!(refused(&world.guard, &unnamed).await, Reason::TokenClaims);
}

#[tokio::test]
async fn sessions_and_history_of_two_users_are_apart() {
    let world = world().await;
    let mut sessions = Vec::new();
    for user in ["ada", "bob"] {
        let desk = token(&world, user, json!({"client_id": "desk"}));
        let principal = world.guard.token_principal(&desk).await.unwrap();
        sessions.push((
            world.guard.session(&principal, None).await.unwrap(),
            principal,
        ));
    }
    assert_ne!(sessions[0].0, sessions[1].0);
    let (ada, bob) = (&sessions[0], &sessions[1]);
    let crossed = world.guard.session(&ada.1, Some(bob.0)).await.unwrap_err();
    assert_eq!(crossed.reason(), Reason::SessionUnknown);
}

#[tokio::test]
async fn a_revoked_identity_is_refused_with_every_token_until_it_is_readmitted() {
    let world = world().await;
    let clerk = token(&world, "clerk", json!({}));
    let principal = world.guard.token_principal(&clerk).await.unwrap();
    let session = world.guard.session(&principal, None).await.unwrap();
    let guard = &world.guard;
    let readmit = |id| guard.readmit_identity(&world.alice.name, id);
    assert!(readmit(principal.credential).await.is_err(), "it is live");
    guard
        .revoke_agent_key("alice", principal.credential)
        .await
        .unwrap();
    assert_eq!(refused(guard, &clerk).await, Reason::CredentialRevoked);
    let mut newer = clerk.clone();
    newer.until = newer.until.after(Duration::from_secs(3_600));
    assert_eq!(refused(guard, &newer).await, Reason::CredentialRevoked);
    assert!(guard.session(&principal, None).await.is_err());

    readmit(principal.credential).await.unwrap();
    assert!(readmit(principal.credential).await.is_err(), "once");
    let back = guard.token_principal(&clerk).await.unwrap();
    assert_eq!(back.agent, principal.agent);
    assert_ne!(back.credential, principal.credential, "a new credential");
    assert_ne!(guard.session(&back, None).await.unwrap(), session);
    let old = guard.session(&principal, None).await.unwrap_err();
    assert_eq!(old.reason(), Reason::CredentialRevoked);

    guard
        .revoke_agent_key("alice", back.credential)
        .await
        .unwrap();
    assert_eq!(refused(guard, &clerk).await, Reason::CredentialRevoked);
    readmit(back.credential).await.unwrap();
    guard.token_principal(&clerk).await.unwrap();
}

#[tokio::test]
async fn a_revoked_agent_is_proved_by_no_identity_not_even_one_never_met() {
    let world = world().await;
    let agent = AgentName::parse("desk").unwrap();
    let ada = token(&world, "ada", json!({"client_id": "desk"}));
    let principal = world.guard.token_principal(&ada).await.unwrap();
    let revoked = world.guard.revoke_agent(&world.alice.name, &agent).await;
    revoked.unwrap();
    assert_eq!(refused(&world.guard, &ada).await, Reason::CredentialRevoked);
    let bob = token(&world, "bob", json!({"client_id": "desk"}));
    assert_eq!(refused(&world.guard, &bob).await, Reason::AgentRevoked);
    // It comes back with the identity that an operator readmits.
    let readmitted = world
        .guard
        .readmit_identity(&world.alice.name, principal.credential)
        .await;
    readmitted.unwrap();
    let back = world.guard.token_principal(&ada).await.unwrap();
    world.guard.session(&back, None).await.unwrap();
}

#[tokio::test]
async fn a_revoked_session_stays_revoked_whatever_token_comes() {
    let world = world().await;
    let clerk = token(&world, "clerk", json!({}));
    let principal = world.guard.token_principal(&clerk).await.unwrap();
    let session = world.guard.session(&principal, None).await.unwrap();
    let ended = world.guard.revoke_session(&world.alice.name, session).await;
    ended.unwrap();
    let newer = token(&world, "clerk", json!({"jti": "2"}));
    let principal = world.guard.token_principal(&newer).await.unwrap();
    let refused = world.guard.session(&principal, None).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::SessionRevoked);
}

#[tokio::test]
async fn a_held_call_of_a_token_that_expired_meanwhile_never_runs() {
    let world = world().await;
    let held = |principal: &Principal, session, amount: i64| {
        let mut call = world.call_in(
            session,
            "bank/pay",
            json!({"amount": amount, "to": "someone"}),
        );
        call.principal = principal.clone();
        call
    };
    let clerk = token(&world, "clerk", json!({}));
    let principal = world.guard.token_principal(&clerk).await.unwrap();
    let session = world.guard.session(&principal, None).await.unwrap();
    let ruling = world.guard.decide(held(&principal, session, 500)).await;
    let Ruling::Pause(hold) = ruling else {
        panic!("{ruling:?}");
    };
    world.approve(&hold).await;
    world.clock.pass(Duration::from_secs(60));
    let Ruling::Deny(denial) = world.guard.redeem(hold).await else {
        panic!("an expired token ran a call");
    };
    assert_eq!(denial.reason(), Reason::CredentialExpired);
    // A newer token collects what was approved.
    let newer = token(&world, "clerk", json!({"jti": "2"}));
    assert_eq!(
        world.guard.token_principal(&newer).await.unwrap(),
        principal
    );
    let ruling = world.guard.decide(held(&principal, session, 500)).await;
    assert!(matches!(ruling, Ruling::Permit(_)), "{ruling:?}");
}

#[tokio::test]
async fn no_bearer_key_is_an_identity() {
    let world = world().await;
    let clerk = token(&world, "clerk", json!({}));
    let principal = world.guard.token_principal(&clerk).await.unwrap();
    for guess in [
        principal.credential.to_string(),
        "clerk".to_owned(),
        ISSUER.to_owned(),
    ] {
        let denial = world.guard.principal(Some(&guess)).await.unwrap_err();
        assert_eq!(denial.reason(), Reason::CredentialUnknown);
    }
}
