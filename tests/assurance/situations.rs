//! The five situations, each with the sentence that agent and operator get.

use countersign::assurance::{Code, KeyState, Leave, Level, Profile, Prover, Signal, Subject};

use super::happening::{Asked, Change, Happening};
use super::world::{World, at, news};

/// Calls a tool and gives the sentence.
fn said(world: &mut World, tool: &str, seconds: i64) -> String {
    world
        .call(&Asked::new(tool, "a", 500), seconds)
        .sentence(tool)
}

#[test]
fn a_payment_needs_a_fresh_check_although_the_agent_was_authenticated() {
    let mut world = World::open(Profile::Agent, Level::Two, &["idp"]);
    let payment = Asked::new("payments.transfer", "a", 500);
    assert_eq!(
        said(&mut world, "payments.transfer", 5),
        "Paused: payments.transfer needs level 3 (tool class; each call needs its own approval), the session \
         is at 2 because no person has confirmed it recently enough; a person can approve exactly this call."
    );
    world.approve(world.digest(&payment), 30);
    let mut blind = world.clone();
    let answer = world.call(&payment, 31);
    assert_eq!(
        answer.sentence("payments.transfer"),
        "Allowed: payments.transfer needs level 3 (tool class; each call needs its own approval) and a person \
         approved exactly this call."
    );
    let policy = world.policy.clone();
    let admission = answer.admission.unwrap();
    let commits = |assurance: &mut countersign::assurance::Assurance, seconds| {
        assurance.commit(&policy, &admission, Level::Three, at(seconds))
    };
    assert!(commits(&mut world.around.assurance.clone(), 33));
    assert!(
        !commits(&mut world.around.assurance, 34),
        "two seconds after the decision it is stale"
    );

    blind.approve(blind.digest(&payment), 399);
    assert_eq!(
        said(&mut blind, "payments.transfer", 400),
        "Denied: payments.transfer needs level 3, the session is at 2 because the signal stream of idp has \
         been silent for 400 s, which no approval can override."
    );
}

#[test]
fn a_session_is_judged_anew_when_its_surroundings_change() {
    let mut world = World::open(Profile::Api, Level::Two, &[]);
    assert_eq!(
        world.call(&Asked::new("crm.update", "a", 0), 1).leave(),
        Leave::Allow
    );
    world.meet(&Happening::Signal(Signal::NewAsn), 2);
    assert_eq!(
        world.level(2),
        Level::Two,
        "a new network alone is tolerated"
    );
    world.meet(&Happening::Signal(Signal::Fingerprint), 3);
    assert_eq!(world.level(3), Level::Two);
    world.meet(&Happening::Signal(Signal::NewCountry), 5);
    assert_eq!(
        said(&mut world, "crm.update", 6),
        "Paused: crm.update needs level 2 (tool class), the session is at 1 because its context changed \
         (new_country 1 s ago, fingerprint 3 s ago, new_asn 4 s ago); a person can restore the session with a \
         passkey."
    );
    world.meet(&Happening::Proof(Level::Two, Prover::Machine), 7);
    assert_eq!(
        world.level(850),
        Level::One,
        "neither a machine nor time restores it"
    );
    world.meet(&Happening::Proof(Level::Two, Prover::Person), 860);
    assert_eq!(
        world.call(&Asked::new("crm.update", "a", 0), 861).leave(),
        Leave::Allow
    );
}

#[test]
fn an_agent_is_paused_when_it_escalates_or_takes_a_new_tool() {
    let mut world = World::agent(Level::Two);
    assert_eq!(
        said(&mut world, "files.export", 1),
        "Paused: files.export needs level 2 (tool class; first use) and an approval of this exact call; a \
         person can give it now."
    );
    assert!(said(&mut world, "iam.grant", 2).contains("privilege escalation"));
    assert!(said(&mut world, "shell.exec", 3).contains("outside declared scope"));
    for seconds in 4..7 {
        world.meet(&Happening::Refuse, seconds);
    }
    assert_eq!(
        said(&mut world, "docs.read", 7),
        "Denied: docs.read - session is quarantined (way out: operator)."
    );
    world.extendable = false;
    world.meet(&Happening::Proof(Level::Three, Prover::Person), 8);
    assert_eq!(
        said(&mut world, "shell.exec", 9),
        "Denied: shell.exec - tool is outside the declared scope (way out: new declaration)."
    );
}

#[test]
fn a_console_session_ends_with_inactivity_and_falls_with_its_device() {
    let mut world = World::open(Profile::Console, Level::Three, &[]);
    let mut idle = world.clone();
    idle.meet(&Happening::Tick, 900);
    assert_eq!(idle.level(900), Level::Three);
    assert_eq!(
        said(&mut idle, "docs.read", 901),
        "Denied: docs.read - session ended: timeout."
    );

    let drifted = news("1", "edr", Subject::Device, 5, Some(Level::One));
    world.around.assurance.hear(&world.policy, drifted, at(5));
    assert_eq!(
        said(&mut world, "crm.update", 6),
        "Denied: crm.update needs level 2, the session is at 1 because capped by edr/device, which no approval \
         can override."
    );
    world.meet(&Happening::Kill("impossible_travel".to_owned()), 7);
    assert_eq!(
        said(&mut world, "docs.read", 8),
        "Denied: docs.read - session ended: impossible_travel."
    );
}

#[test]
fn the_life_of_a_secret_bounds_the_sessions_on_it() {
    let with = |change: Change| {
        let mut world = World::agent(Level::Two);
        world.meet(&Happening::Credential(change), 5);
        said(&mut world, "crm.update", 6)
    };
    assert_eq!(
        with(Change::State(KeyState::Leaked)),
        "Denied: crm.update - session ended: credential_leaked."
    );
    for (change, why) in [
        (
            Change::State(KeyState::Grace),
            "the credential has been rotated and is in its grace",
        ),
        (Change::Agents(2), "the credential is shared by 2 agents"),
        (
            Change::HumanUse(true),
            "a person is using a machine credential",
        ),
        (Change::Bound(false), "the credential is not bound to a key"),
        (
            Change::Issued(-7_776_000),
            "the credential is past its maximum age",
        ),
    ] {
        assert_eq!(
            with(change),
            format!(
                "Denied: crm.update needs level 2, the session is at 1 because {why}, which no approval can \
                 override."
            )
        );
    }
    let mut elsewhere = World::agent(Level::Two);
    let tools = elsewhere.tools.iter().cloned().map(|mut card| {
        card.environment = "dev".to_owned();
        card
    });
    elsewhere.tools = tools.collect();
    assert_eq!(
        elsewhere.call(&Asked::new("docs.read", "a", 0), 1).code,
        Code::Environment
    );
}
