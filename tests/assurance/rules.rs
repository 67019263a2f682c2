//! What the decisions of the house add to the model, and what its numbers mean.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign::assurance::{
    Approval, Because, Call, Code, Declared, KeyState, Leave, Level, Policy, Profile, Prover,
    Requirement, Signal, Subject, Timer, Tool, Weight,
};
use countersign::model::decimal::Decimal;
use countersign::model::digest::Digest;
use countersign::model::privilege::Privilege;

use super::happening::{Asked, Change, Happening};
use super::world::{World, at, news};

#[test]
fn an_approval_without_a_verified_user_stands_for_level_two_at_most() {
    let approve = |world: &mut World, asked: &Asked| {
        let approval = Approval {
            digest: world.digest(asked),
            until: at(100),
            proof: Level::Two,
        };
        world
            .around
            .assurance
            .approve(&world.policy, approval, at(1));
    };
    let mut world = World::agent(Level::One);
    let (export, payment) = (
        Asked::new("files.export", "a", 0),
        Asked::new("payments.transfer", "a", 0),
    );
    approve(&mut world, &export);
    approve(&mut world, &payment);
    let answer = world.call(&export, 2);
    assert_eq!((answer.leave(), answer.level), (Leave::Allow, Level::Two));
    assert_eq!(
        world.call(&payment, 3).code,
        Code::Approve,
        "it asks for three"
    );
    let mut proved = World::agent(Level::Three);
    approve(&mut proved, &payment);
    assert_eq!(
        proved.call(&payment, 3).code,
        Code::Ok,
        "what the session proved itself stays"
    );
}

#[test]
fn a_key_that_is_bound_to_nothing_is_worth_what_the_house_accepts() {
    for accepted in Level::ALL {
        let policy = Policy {
            unbound: accepted,
            ..Policy::default()
        };
        let mut world = World::agent(policy.machine_grade(false));
        world.policy = policy;
        world.meet(&Happening::Credential(Change::Bound(false)), 1);
        let expected = match accepted {
            Level::Three => Level::Two,
            accepted => accepted,
        };
        assert_eq!(world.level(2), expected, "a machine proves two at most");
        world.meet(&Happening::Credential(Change::State(KeyState::Grace)), 3);
        assert_eq!(
            world.level(4),
            expected.min(Level::One),
            "its other faults stay"
        );
    }
    assert_eq!(Policy::default().machine_grade(true), Level::Two);
    assert_eq!(Policy::default().machine_grade(false), Level::One);
}

#[test]
fn the_idle_clock_stands_still_while_a_person_is_waited_for() {
    let mut world = World::agent(Level::Two);
    world.meet(&Happening::Hold, 1_000);
    world.meet(&Happening::Tick, 9_000);
    assert_eq!(world.level(9_000), Level::Two);
    world.meet(&Happening::Hold, 9_500);
    world.meet(&Happening::Resume, 10_000);
    assert_eq!(
        world.level(10_800),
        Level::Two,
        "idle for 1,800 s of its own"
    );
    assert_eq!(world.level(10_801), Level::One);
    let mut old = World::agent(Level::Two);
    old.meet(&Happening::Hold, 1_000);
    assert_eq!(old.level(43_201), Level::One, "its age goes on");
    let mut working = World::agent(Level::Two);
    working.meet(&Happening::Hold, 1_000);
    working.call(&Asked::new("status", "a", 0), 2_000);
    working.meet(&Happening::Resume, 3_000);
    assert_eq!(
        working.level(4_800),
        Level::Two,
        "what it does meanwhile counts"
    );
}

#[test]
fn the_guard_limits_rates_and_open_approvals_elsewhere() {
    let mut world = World::agent(Level::Two);
    world.policy = Policy::default();
    for index in 0..200 {
        let read = world.call(&Asked::new("docs.read", "a", 0), 1);
        assert_eq!(read.code, Code::Ok, "call {index}");
        let payment = world.call(&Asked::new("payments.transfer", &index.to_string(), 0), 1);
        assert_eq!(payment.code, Code::Approve, "call {index}");
    }
    world.meet(&Happening::Proof(Level::One, Prover::Machine), 1_802);
    for index in 0..6 {
        let code = if index < 5 {
            Code::StepUp
        } else {
            Code::Challenges
        };
        assert_eq!(
            world.call(&Asked::new("crm.update", "a", 0), 1_803).code,
            code,
            "call {index}"
        );
    }
}

#[test]
fn more_attempts_than_the_reference_allows_are_refused_until_a_minute_is_over() {
    let mut world = World::agent(Level::Two);
    let asked = Asked::new("status", "a", 0);
    for index in 0..60 {
        assert_eq!(world.call(&asked, 1).code, Code::Ok, "call {index}");
    }
    assert_eq!(world.call(&asked, 1).code, Code::Rate);
    assert_eq!(world.call(&asked, 60).code, Code::Rate);
    assert_eq!(world.call(&asked, 121).code, Code::Ok);
}

#[test]
fn news_that_was_heard_is_not_heard_again_however_it_is_dated() {
    let mut world = World::agent(Level::Two);
    let mut hear = |id: &str, dated: i64, cap: Option<Level>, seconds: i64| {
        let news = news(id, "idp", Subject::Risk, dated, cap);
        world
            .around
            .assurance
            .hear(&world.policy, news, at(seconds));
        world.level(seconds)
    };
    assert_eq!(
        hear("good", 1_000_000, None, 10),
        Level::Two,
        "counts as of a minute ahead"
    );
    assert_eq!(hear("bad", 71, Some(Level::Zero), 80), Level::Zero);
    assert_eq!(
        hear("good", 1_000_000, None, 200),
        Level::Zero,
        "the same again"
    );
    assert_eq!(hear("better", 150, None, 200), Level::Two);
}

#[test]
fn an_operator_stops_a_session_and_lets_it_go_on() {
    let mut world = World::agent(Level::Two);
    let asked = Asked::new("docs.read", "a", 0);
    world.meet(&Happening::Refuse, 1);
    world.around.assurance.quarantine(&world.policy, at(2));
    assert_eq!(world.call(&asked, 3).code, Code::Quarantine);
    assert_eq!(world.level(3), Level::Zero);
    let mut asked_for_more = world.clone();
    world.around.assurance.release(&world.policy, at(4));
    assert_eq!(world.call(&asked, 5).code, Code::Ok);
    assert_eq!(world.assurance().strikes(), 0);

    let proof = Happening::Proof(Level::Three, Prover::Person);
    asked_for_more.policy.proof_releases = false;
    asked_for_more.meet(&proof, 4);
    assert_eq!(
        asked_for_more.call(&asked, 5).code,
        Code::Quarantine,
        "only an operator does"
    );
    asked_for_more.policy.proof_releases = true;
    asked_for_more.meet(&proof, 6);
    assert_eq!(asked_for_more.call(&asked, 7).code, Code::Ok);
}

#[test]
fn an_amount_or_a_sum_that_reaches_its_bound_asks_and_so_does_one_nobody_can_tell() {
    let decimal = |text: &str| Decimal::parse(text).unwrap();
    let (limit, budget) = (decimal("100"), decimal("1000"));
    let need = |amount: Option<&Decimal>, day: Option<&Decimal>| {
        let tool = Tool {
            limit: Some(&limit),
            budget: Some(&budget),
            ..Tool::declared("shop/refund", Privilege::Write, "prod")
        };
        let requirement = Requirement::of(
            &Call {
                tool,
                digest: Digest::of(b"refund"),
                amount,
                day,
                declared: Declared::Yes,
                used: true,
                highest: 3,
                authentic: true,
            },
            false,
        );
        let because: Vec<_> = requirement.because.iter().map(Because::to_string).collect();
        (requirement.level, requirement.ask, because[1..].join("; "))
    };
    let (small, just, more) = (decimal("99.99"), decimal("100.0"), decimal("1000.01"));
    assert_eq!(
        need(Some(&small), Some(&small)),
        (Level::Two, false, String::new())
    );
    assert_eq!(
        need(Some(&just), Some(&small)),
        (Level::Three, true, "amount 100 >= 100".to_owned())
    );
    assert_eq!(
        need(Some(&small), Some(&more)),
        (Level::Three, true, "24 h sum 1000.01 >= 1000".to_owned())
    );
    assert_eq!(
        need(None, None),
        (
            Level::Three,
            true,
            "its amount is unknown; its 24 h sum is unknown".to_owned()
        )
    );
}

#[test]
fn a_tool_asks_for_what_its_privilege_says_and_an_unknown_one_for_the_most() {
    let tool = |privilege| Tool::declared("a/b", privilege, "prod");
    let levels = Privilege::ALL.map(|privilege| tool(privilege).base.number());
    assert_eq!(levels, [1, 2, 2, 3, 3, 3]);
    assert_eq!(Level::base(Privilege::Read, true), Level::Zero);
    assert_eq!(
        Level::base(Privilege::Admin, true),
        Level::Three,
        "only a read can be for anybody"
    );
    assert!(tool(Privilege::Money).each_call && tool(Privilege::Money).pays);
    assert!(!tool(Privilege::Read).sends && tool(Privilege::Write).sends);
    let unknown = Tool::unknown("a/b", "prod");
    assert!(
        unknown.base == Level::Three && unknown.each_call && unknown.sends && unknown.rank == 3
    );
}

#[test]
fn a_history_can_be_judged_again_under_other_numbers() {
    let noticed = |weight: Option<Weight>| {
        let mut world = World::agent(Level::Two);
        if let Some(weight) = weight {
            world.policy.weights = world.policy.weights.with(Signal::NewCountry, weight);
        }
        world.meet(&Happening::Signal(Signal::NewCountry), 1);
        world.meet(&Happening::Signal(Signal::Fingerprint), 1);
        (
            world.assurance().strain(&world.policy, at(1)),
            world.level(1),
        )
    };
    let life = Duration::from_secs(60);
    assert_eq!(noticed(None), (55, Level::One));
    assert_eq!(noticed(Some(Weight { points: 0, life })), (25, Level::Two));
    assert_eq!(
        noticed(Some(Weight {
            points: u32::MAX,
            life: Duration::MAX
        })),
        (100, Level::Zero)
    );
    assert_eq!(
        noticed(Some(Weight {
            points: 30,
            life: Duration::ZERO
        })),
        (25, Level::Two)
    );
}

#[test]
fn a_manifest_shortens_timers_and_never_lengthens_them() {
    let reference = Policy::reference();
    for profile in Profile::ALL {
        let timers = reference
            .timers(profile)
            .within(Timer::seconds(600, 100_000));
        for level in [Level::One, Level::Two, Level::Three] {
            let (short, long) = (
                timers.of(level).unwrap(),
                reference.timers(profile).of(level).unwrap(),
            );
            assert_eq!(short.overall, long.overall.min(Duration::from_secs(600)));
            assert_eq!(short.idle, long.idle);
        }
    }
}

#[test]
fn the_oldest_approval_makes_room_and_then_no_longer_counts() {
    let mut world = World::agent(Level::Two);
    let asked = |index: usize| Asked::new("payments.transfer", &index.to_string(), 0);
    for index in 0..65 {
        world.approve(world.digest(&asked(index)), 1);
    }
    assert_eq!(world.assurance().approvals().len(), 64);
    assert_eq!(world.call(&asked(0), 2).code, Code::Approve);
    assert_eq!(world.call(&asked(1), 2).code, Code::Ok);
}

#[test]
fn every_word_reads_back_and_is_its_own() {
    for signal in Signal::ALL {
        assert_eq!(Signal::parse(signal.name()), Some(*signal));
    }
    for subject in Subject::ALL {
        assert_eq!(Subject::parse(subject.name()), Some(subject));
    }
    for state in KeyState::ALL {
        assert_eq!(KeyState::parse(state.name()), Some(state));
    }
    for level in Level::ALL {
        assert_eq!(Level::of(level.number()), Some(level));
    }
    let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(codes.len(), Code::ALL.len());
    assert_eq!(
        (Level::of(4), Signal::parse(""), Profile::parse("x")),
        (None, None, None)
    );
}
