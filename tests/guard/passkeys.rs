//! Passkeys against the clock: links, challenges and new authenticators, each with its time.

use std::time::Duration;

use countersign::guard::{Doorway, EnrolError, Resolution, ResolveError, Vote};
use countersign::limits::{
    CHALLENGE_LIFE, ENROLMENT_CHALLENGE_LIFE, LINK_LIFE, NEW_AUTHENTICATOR_WAIT,
};
use countersign::model::approval::Approval;
use countersign::model::passkey::{Assertion, Registration};
use serde_json::{Value, json};

use crate::authenticator::Authenticator;
use crate::world::{MANIFEST, World, held};

const ORIGIN: &str = "http://localhost:7441";

/// A world whose sessions outlast the first day of a passkey.
async fn world() -> World {
    let lasting = "session: {idle_timeout: 7d, max_age: 7d}\ncredentials:";
    let world = World::over(&MANIFEST.replace("credentials:", lasting)).await;
    let doorway = Doorway::parse(ORIGIN).unwrap();
    world.guard.open_doorway(doorway);
    world
}

async fn link(world: &World) -> String {
    let name = &world.alice.name;
    world.guard.add_link("test", name).await.unwrap().1
}

/// Makes what a link asks for.
async fn made(world: &World, secret: &str, authenticator: &mut Authenticator) -> Registration {
    let asked = world.guard.begin_enrolment(secret).await.unwrap();
    Registration::parse(&authenticator.make(&asked.options)).unwrap()
}

async fn enrol(world: &World) -> Authenticator {
    let mut authenticator = Authenticator::new(ORIGIN);
    let secret = link(world).await;
    let made = made(world, &secret, &mut authenticator).await;
    world.guard.add_passkey(&made, "", None).await.unwrap();
    authenticator
}

/// A payment that waits for alice.
async fn payment(world: &World) -> Approval {
    let hold = held(
        world
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
    let id = hold.pending().approval;
    world.guard.approval(id).await.unwrap().unwrap()
}

async fn vote(
    world: &World,
    approval: &Approval,
    answer: Option<&Value>,
) -> Result<Approval, ResolveError> {
    let vote = Vote {
        answer: answer.map(|answer| Assertion::parse(answer).unwrap()),
        version: approval.version,
        digest: approval.digest,
        decision: Resolution::Approve {
            uses: 1,
            life: None,
        },
        client_id: format!("{:?}", world.guard.ambient().random::<8>()),
    };
    world.guard.resolve(&world.alice, approval.id, vote).await
}

fn options(unsigned: Result<Approval, ResolveError>) -> Value {
    match unsigned {
        Err(ResolveError::Unsigned(unsigned)) => unsigned.options,
        other => panic!("expected to be asked, got {other:?}"),
    }
}

#[tokio::test]
async fn a_link_is_good_for_a_quarter_of_an_hour() {
    let world = world().await;
    let secret = link(&world).await;
    world.clock.pass(LINK_LIFE - Duration::from_secs(1));
    let mut laptop = Authenticator::new(ORIGIN);
    let made = made(&world, &secret, &mut laptop).await;
    world.clock.pass(Duration::from_secs(1));
    let late = world.guard.begin_enrolment(&secret).await;
    assert!(matches!(late, Err(EnrolError::Link)), "{late:?}");
    // Begun in time and finished too late is too late.
    let late = world.guard.add_passkey(&made, "", None).await;
    assert!(matches!(late, Err(EnrolError::Link)), "{late:?}");
}

#[tokio::test]
async fn a_challenge_of_an_enrolment_runs_out() {
    let world = world().await;
    let secret = link(&world).await;
    let mut laptop = Authenticator::new(ORIGIN);
    let made = made(&world, &secret, &mut laptop).await;
    world.clock.pass(ENROLMENT_CHALLENGE_LIFE);
    let late = world.guard.add_passkey(&made, "", None).await;
    assert!(matches!(late, Err(EnrolError::Challenge)), "{late:?}");
}

#[tokio::test]
async fn a_decision_is_signed_within_a_minute_and_not_in_the_first_day() {
    let world = world().await;
    let mut laptop = enrol(&world).await;
    let early = vote(&world, &payment(&world).await, None).await;
    assert!(
        matches!(early, Err(ResolveError::NewAuthenticator)),
        "{early:?}"
    );
    world.clock.pass(NEW_AUTHENTICATOR_WAIT);
    let approval = payment(&world).await;
    let signed = laptop.sign(&options(vote(&world, &approval, None).await));
    world.clock.pass(CHALLENGE_LIFE);
    let late = vote(&world, &approval, Some(&signed)).await;
    assert!(matches!(late, Err(ResolveError::Answer(_))), "{late:?}");
    let asked = world.guard.ambient().now();
    let signed = laptop.sign(&options(vote(&world, &approval, None).await));
    world.clock.pass(CHALLENGE_LIFE / 2);
    vote(&world, &approval, Some(&signed)).await.unwrap();
    // What was signed is what was given: until then and no longer.
    let grants = world.guard.grants().await.unwrap();
    let grant = grants.first().unwrap();
    assert_eq!(grant.until, asked.after(approval.rule.redeem_by));
}

#[tokio::test]
async fn without_an_address_of_the_console_nobody_is_asked_for_a_passkey() {
    let world = World::new().await;
    let secret = link(&world).await;
    let refused = world.guard.begin_enrolment(&secret).await;
    assert!(matches!(refused, Err(EnrolError::NoDoorway)), "{refused:?}");
    assert!(world.guard.begin_sign_in().is_err());
}
