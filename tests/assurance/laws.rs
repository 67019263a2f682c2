//! The invariants of the model, over histories that nobody chose.
//!
//! `CASES=10000 cargo nextest run --test assurance laws` holds each over that many.

use std::env;

use countersign::assurance::{
    Assurance, Code, Leave, Level, Obstacle, Profile, Prover, Requirement, Signal, Status, Subject,
};
use proptest::prelude::*;

use super::happening::{
    Asked, Change, Course, Happening, TOOLS, asked, bad_course, cap, course, grade, happening,
    prover, signal, wait,
};
use super::world::{World, at, news};

/// So many cases of each law, unless `CASES` says otherwise.
const CASES: u32 = 128;

fn config() -> ProptestConfig {
    let cases = env::var("CASES").map_or(CASES, |text| text.parse().unwrap());
    ProptestConfig::with_cases(cases)
}

fn profile() -> impl Strategy<Value = Profile> {
    prop::sample::select(Profile::ALL.to_vec())
}

/// Who says what about what, as of when.
type Word = (&'static str, Subject, i64, Option<Level>);

/// Lets a course happen, and says when it ended.
fn play(world: &mut World, course: &Course) -> i64 {
    let mut now = 0;
    for (wait, happening) in course {
        now += wait;
        world.meet(&happening.dated(now), now);
    }
    now
}

/// The kinder, the more may be done; a rejection is no kinder than a denial.
fn kindness(leave: Leave) -> u8 {
    match leave {
        Leave::Reject | Leave::Deny => 0,
        Leave::Pause => 1,
        Leave::Allow => 2,
    }
}

proptest! {
    #![proptest_config(config())]

    /// I1
    #[test]
    fn the_level_is_never_above_the_best_proof_ever_given(profile in profile(), grade in grade(), course in course(14)) {
        let mut world = World::open(profile, grade, &[]);
        let (mut now, mut best) = (0, grade);
        for (wait, happening) in &course {
            now += wait;
            world.meet(&happening.dated(now), now);
            if let Happening::Proof(grade, _) = happening {
                best = best.max(*grade);
            }
            prop_assert!(world.level(now) <= best);
        }
    }

    /// I2
    #[test]
    fn without_good_news_the_level_never_rises(profile in profile(), grade in grade(), course in bad_course(14)) {
        let mut world = World::open(profile, grade, &["idp"]);
        let (mut now, mut last) = (0, world.level(0));
        for (wait, happening) in &course {
            now += wait;
            let mut happening = happening.dated(now);
            if let Happening::News { source, subject, cap: Some(cap), .. } = &mut happening {
                // That one source takes back part of what it said is good news.
                let mut words = world.assurance().caps().words();
                let known = words.find(|(origin, _)| *origin.source == **source && origin.subject == *subject);
                let known = known.and_then(|(_, word)| word.cap);
                *cap = known.map_or(*cap, |known| known.min(*cap));
            }
            world.meet(&happening, now);
            let level = world.level(now);
            prop_assert!(level <= last, "{:?} lifts {} to {}", happening, last, level);
            last = level;
        }
    }

    /// I3
    #[test]
    fn what_has_ended_has_ended_for_ever(profile in profile(), before in course(10), after in course(10)) {
        let mut world = World::open(profile, Level::Two, &["idp"]);
        let mut now = play(&mut world, &before);
        world.meet(&Happening::Kill("revoked".to_owned()), now);
        let ended = world.assurance().clone();
        for (wait, happening) in &after {
            now += wait;
            world.meet(&happening.dated(now), now);
            prop_assert_eq!(world.assurance(), &ended);
            prop_assert_eq!(world.level(now), Level::Zero);
        }
        for tool in TOOLS {
            let answer = world.call(&Asked::new(tool, "a", 0), now);
            prop_assert_eq!(answer.code, Code::Terminated);
        }
    }

    /// I4
    #[test]
    fn what_is_allowed_has_the_level_and_the_approval_it_needs(
        profile in profile(), grade in grade(), course in course(14), asked in asked(),
    ) {
        let mut world = World::open(profile, grade, &[]);
        let now = play(&mut world, &course);
        let mut before = world.clone();
        before.meet(&Happening::Tick, now);
        let tainted = before.assurance().is_tainted();
        let need = before.with_call(&asked, |call| Requirement::of(call, tainted));
        let answer = world.call(&asked, now);
        if answer.leave() == Leave::Allow {
            let admission = answer.admission.unwrap();
            prop_assert!(answer.level >= answer.required && answer.required == need.level);
            prop_assert_eq!(admission.required, need.level);
            prop_assert!(admission.approved.is_some() || !need.ask);
            let kept = [before.assurance(), world.assurance()].map(|one| one.approvals().len());
            prop_assert_eq!(kept[0] - kept[1], usize::from(admission.approved.is_some()));
        } else {
            prop_assert!(answer.admission.is_none());
        }
    }

    /// I5
    #[test]
    fn one_more_bad_signal_never_helps(
        profile in profile(), grade in grade(), course in course(10), place in 0_usize..10,
        signal in signal(), asked in asked(),
    ) {
        let (mut without, mut with) = (World::open(profile, grade, &[]), World::open(profile, grade, &[]));
        let place = place.min(course.len());
        let mut now = 0;
        for (index, (wait, happening)) in course.iter().enumerate() {
            if index == place {
                with.meet(&Happening::Signal(signal), now);
            }
            now += wait;
            without.meet(&happening.dated(now), now);
            with.meet(&happening.dated(now), now);
        }
        if place == course.len() {
            with.meet(&Happening::Signal(signal), now);
        }
        prop_assert!(with.level(now) <= without.level(now));
        let (with, without) = (with.call(&asked, now), without.call(&asked, now));
        prop_assert!(kindness(with.leave()) <= kindness(without.leave()), "{with:?} {without:?}");
    }

    /// I6
    #[test]
    fn what_happens_to_one_session_changes_no_other(course in course(10)) {
        let mut one = World::agent(Level::Two);
        let other = one.clone();
        play(&mut one, &course);
        prop_assert_eq!(other.around, World::agent(Level::Two).around);
    }

    /// I7
    #[test]
    fn a_request_that_proves_nothing_changes_nothing(course in course(10), asked in asked(), wait in wait()) {
        let mut world = World::agent(Level::Two);
        let now = play(&mut world, &course);
        let before = world.around.clone();
        let answer = world.call(&Asked { authentic: false, ..asked }, now + wait);
        prop_assert_eq!(answer.code, Code::Unproved);
        prop_assert_eq!(answer.leave(), Leave::Reject);
        prop_assert_eq!(before, world.around);
    }

    /// I8
    #[test]
    fn an_approval_is_exact_used_once_expires_and_dies_when_something_moves(
        wait in 0_i64..=110, other in asked(), course in prop::collection::vec(signal(), 2..4),
    ) {
        let asked = Asked::new("payments.transfer", "a", 10_000);
        let mut world = World::agent(Level::Two);
        prop_assert_eq!(world.call(&asked, 1).code, Code::Approve);
        world.approve(world.digest(&asked), 2);
        if other.tool == asked.tool && other != asked {
            prop_assert_eq!(world.clone().call(&other, 2 + wait).code, Code::Approve);
        }
        let mut used = world.clone();
        prop_assert_eq!(used.call(&asked, 2 + wait).code, Code::Ok);
        prop_assert_eq!(used.call(&asked, 2 + wait).code, Code::Approve, "used once");
        prop_assert_eq!(world.clone().call(&asked, 123).code, Code::Approve, "expired");
        let epoch = world.assurance().epoch();
        for signal in course {
            world.meet(&Happening::Signal(signal), 3);
        }
        let moved = world.assurance().epoch() > epoch;
        let code = if moved { Code::Approve } else { Code::Ok };
        prop_assert_eq!(world.call(&asked, 4).code, code);
    }

    /// I9
    #[test]
    fn whatever_falls_between_the_decision_and_the_dispatch_stops_it(
        payment in any::<bool>(), gap in 0_i64..=2, cap in cap(), which in 0_usize..8,
    ) {
        let mut world = World::open(Profile::Agent, Level::Two, &["idp"]);
        let asked = Asked::new(if payment { "payments.transfer" } else { "crm.update" }, "a", 0);
        if payment {
            world.call(&asked, 9);
            world.approve(world.digest(&asked), 10);
        }
        let answer = world.call(&asked, 10);
        prop_assert_eq!(answer.code, Code::Ok);
        let now = 10 + gap;
        let commits = |world: &mut World, parent: Level, now: i64| {
            world.meet(&Happening::Commit(parent), now).commits.unwrap()
        };
        prop_assert!(commits(&mut world.clone(), Level::Three, now));
        let (mut parent, mut then) = (Level::Three, now);
        let happening = match which {
            0 => Happening::Kill("session-revoked".to_owned()),
            1 => Happening::News {
                id: "j".to_owned(), source: "idp".to_owned(), subject: Subject::Risk, at: 10,
                cap: Some(cap.min(Level::One)),
            },
            2 => Happening::Credential(Change::Agents(2)),
            3 => Happening::Credential(Change::State(countersign::assurance::KeyState::Grace)),
            4 => Happening::Refuse,
            5 => {
                parent = Level::One;
                Happening::Tick
            }
            6 => {
                then = if payment { 13 } else { 16 };
                Happening::Tick
            }
            _ => {
                world.around.assurance.move_clock(-60_000);
                Happening::Tick
            }
        };
        world.meet(&happening, now);
        prop_assert!(!commits(&mut world, parent, then), "{happening:?}");
    }

    /// I10
    #[test]
    fn news_stands_the_same_in_whatever_order_and_however_often_it_comes(
        (told, shuffled) in prop::collection::vec(
            (prop::sample::select(vec!["idp", "edr"]), prop::sample::select(vec![Subject::Risk, Subject::Device]),
             0_i64..50, prop::option::of(cap())),
            0..6,
        ).prop_flat_map(|told| {
            let told: Vec<_> = told.into_iter().enumerate().collect();
            let twice: Vec<_> = told.iter().chain(&told).copied().collect();
            (Just(told), Just(twice).prop_shuffle())
        }),
    ) {
        let hear = |told: &[(usize, Word)]| {
            let mut world = World::agent(Level::Two);
            for (id, (source, subject, dated, cap)) in told {
                let news = news(&id.to_string(), source, *subject, *dated, *cap);
                world.around.assurance.hear(&world.policy, news, at(100));
            }
            world
        };
        let (one, other) = (hear(&told), hear(&shuffled));
        let words = |world: &World| {
            let words = world.assurance().caps().words();
            words.map(|(origin, word)| (origin.clone(), *word)).collect::<Vec<_>>()
        };
        prop_assert_eq!(words(&one), words(&other));
        prop_assert_eq!(one.assurance().caps().bad_news(), other.assurance().caps().bad_news());
        prop_assert_eq!(one.assurance().epoch(), other.assurance().epoch());
        prop_assert_eq!(one.level(100), other.level(100));
    }

    /// I11
    #[test]
    fn good_news_undoes_only_what_its_own_source_said_before(cap in cap(), dated in 0_i64..50, later in 0_i64..99) {
        let mut world = World::agent(Level::Two);
        let policy = world.policy.clone();
        let mut hear = |news| {
            world.around.assurance.hear(&policy, news, at(100));
            world.level(100)
        };
        let capped = hear(news("1", "idp", Subject::Risk, dated, Some(cap)));
        prop_assert_eq!(capped, cap.min(Level::Two));
        prop_assert_eq!(hear(news("2", "edr", Subject::Risk, later, None)), capped, "of another source");
        prop_assert_eq!(hear(news("3", "idp", Subject::Device, later, None)), capped, "of something else");
        prop_assert_eq!(hear(news("4", "idp", Subject::Risk, dated - 1, None)), capped, "of before");
        prop_assert_eq!(hear(news("5", "idp", Subject::Risk, dated + 1, None)), Level::Two);
    }

    /// I13
    #[test]
    fn the_named_remedy_works_and_no_person_mends_a_denial(
        profile in profile(), grade in grade(), course in course(12), asked in asked(),
    ) {
        let mut world = World::open(profile, grade, &["idp"]);
        let now = play(&mut world, &course);
        let answer = world.call(&asked, now);
        let mut approved = world.clone();
        approved.approve(world.digest(&asked), now);
        let approved = approved.call(&asked, now).leave();
        let mut restored = world.clone();
        restored.meet(&Happening::Proof(Level::Three, Prover::Person), now);
        let restored = restored.call(&asked, now).leave();
        match answer.code {
            Code::Approve => prop_assert_eq!(approved, Leave::Allow),
            Code::StepUp => prop_assert_eq!(restored, Leave::Allow),
            Code::Ceiling | Code::Terminated | Code::Environment | Code::Scope => {
                prop_assert!(approved != Leave::Allow && restored != Leave::Allow, "{answer:?}");
            }
            Code::Ok | Code::Challenges | Code::Rate | Code::Quarantine | Code::Unproved => {}
        }
    }

    /// I13b
    #[test]
    fn the_sentence_is_one_and_names_only_ceilings_that_are_too_low(
        profile in profile(), grade in grade(), course in course(12), asked in asked(),
        parent in prop::sample::select(Level::ALL.to_vec()),
    ) {
        let mut world = World::open(profile, grade, &["idp"]);
        let now = play(&mut world, &course);
        let mut before = world.clone();
        before.meet(&Happening::Tick, now);
        // The attempt itself is an act, which idles no more.
        let ceilings = before.assurance().ceilings(&before.policy, parent, at(now));
        let caps = before.assurance().caps().lowest();
        let answer = world.call(&Asked { parent, ..asked.clone() }, now);
        for obstacle in &answer.obstacles {
            let ceiling = match obstacle {
                Obstacle::Key(_) => ceilings.key,
                Obstacle::Blind { .. } => ceilings.visibility,
                Obstacle::Parent(_) => ceilings.delegation,
                Obstacle::Capped(_) => caps,
                Obstacle::Strained(_) => ceilings.context,
                Obstacle::Unproved(_) => ceilings.proof,
            };
            prop_assert!(ceiling < answer.required, "{obstacle:?} {ceilings:?}");
            prop_assert_eq!(obstacle.is_human_fixable(), answer.leave() == Leave::Pause);
        }
        prop_assert!(answer.code != Code::Ceiling || !answer.obstacles.is_empty());
        let sentence = answer.sentence(&asked.tool);
        prop_assert!(!sentence.contains(". ") && sentence.ends_with('.') && sentence.len() < 400, "{sentence}");
        prop_assert!(sentence.starts_with(answer.leave().word()), "{sentence}");
    }

    /// I14
    #[test]
    fn the_same_history_ends_the_same(profile in profile(), course in course(14), asked in asked()) {
        let run = || {
            let mut world = World::open(profile, Level::Two, &["idp"]);
            let now = play(&mut world, &course);
            let answer = world.call(&asked, now);
            format!("{answer:?} {} {:?}", answer.sentence(&asked.tool), world.around)
        };
        prop_assert_eq!(run(), run());
    }

    /// I15
    #[test]
    fn a_clock_that_runs_backwards_never_helps(profile in profile(), course in course(10), back in 0_i64..1_000_000) {
        let mut world = World::open(profile, Level::Two, &[]);
        let now = play(&mut world, &course);
        let clock = world.assurance().clock().millis() / 1_000;
        let earlier = (now - back).max(0);
        prop_assert!(world.level(earlier) <= world.level(clock));
        world.meet(&Happening::Tick, earlier);
        prop_assert!(world.assurance().clock() >= at(clock));
    }

    /// I15b
    #[test]
    fn a_clock_that_runs_backwards_revives_nothing(back in 1_i64..=1_000) {
        let asked = Asked::new("payments.transfer", "a", 1);
        let mut world = World::agent(Level::Two);
        world.call(&asked, 1);
        world.approve(world.digest(&asked), 2);
        world.meet(&Happening::Tick, 123);
        prop_assert!(world.call(&asked, (123 - back).max(0)).leave() != Leave::Allow);
        let mut confirmed = World::agent(Level::Two);
        confirmed.meet(&Happening::Proof(Level::Three, Prover::Person), 10);
        confirmed.meet(&Happening::Tick, 400);
        confirmed.meet(&Happening::Tick, 400 - back.min(400));
        prop_assert_eq!(confirmed.level(20), Level::Two);
    }

    /// I16
    #[test]
    fn what_a_server_says_of_its_tool_only_raises(asked in asked(), tainted in any::<bool>(), destructive in any::<bool>()) {
        let world = World::agent(Level::Two);
        world.with_call(&asked, |call| {
            let plain = Requirement::of(call, tainted);
            let mut hinted = *call;
            hinted.tool.hints.destructive = destructive;
            hinted.tool.hints.open_world = !destructive;
            let hinted = Requirement::of(&hinted, tainted);
            prop_assert!(hinted.level >= plain.level && hinted.level >= Level::Two);
            prop_assert_eq!(hinted.ask, plain.ask);
            Ok(())
        })?;
    }

    /// I17
    #[test]
    fn a_session_stays_small_and_its_strain_within_a_hundred(
        course in prop::collection::vec((0_i64..3, happening()), 0..400),
    ) {
        let mut world = World::open(Profile::Agent, Level::Three, &["idp"]);
        let lasting = course.iter().filter(|(_, happening)| !matches!(
            happening,
            Happening::Kill(_) | Happening::Credential(_) | Happening::Refuse
        ));
        let mut now = 0;
        for (wait, happening) in lasting {
            now += wait;
            world.meet(&happening.dated(now), now);
            prop_assert!(world.assurance().strain(&world.policy, at(now)) <= 100);
        }
        let assurance = world.assurance();
        prop_assert_ne!(assurance.status().name(), "terminated");
        prop_assert!(assurance.noticed().all().len() <= Signal::ALL.len());
        prop_assert!(assurance.proofs().all().len() <= 3);
        prop_assert!(assurance.approvals().len() <= 64);
        let size = format!("{assurance:?}").len();
        prop_assert!(size < 64 * 1_024, "{size} bytes");
    }

    /// I19
    #[test]
    fn people_are_challenged_only_so_often_an_hour(times in prop::collection::vec(0_i64..600, 1..60)) {
        let mut world = World::agent(Level::Two);
        let (mut now, mut asked_at) = (0, Vec::new());
        for (index, wait) in times.iter().enumerate() {
            now += wait;
            let answer = world.call(&Asked::new("payments.transfer", &index.to_string(), 1), now);
            if answer.leave() == Leave::Pause {
                asked_at.push(now);
            }
            let hour = asked_at.iter().filter(|at| now - **at < 3_600).count();
            prop_assert!(hour <= 5, "{hour} within an hour");
        }
    }

    /// I20
    #[test]
    fn a_child_is_never_above_its_parent(
        profile in profile(), course in course(8), parent in prop::sample::select(Level::ALL.to_vec()), asked in asked(),
    ) {
        let mut world = World::open(profile, Level::Three, &[]);
        let now = play(&mut world, &course);
        prop_assert!(world.level_under(parent, now) <= parent);
        let answer = world.call(&Asked { parent, ..asked }, now);
        prop_assert!(answer.leave() != Leave::Allow || answer.required <= parent);
    }

    /// I21
    #[test]
    fn a_machine_never_lifts_what_changed(profile in profile(), grade in grade(), course in course(10), given in grade_of_machine()) {
        let mut world = World::open(profile, grade, &[]);
        let now = play(&mut world, &course);
        world.meet(&Happening::Tick, now);
        let context = |one: &Assurance| one.ceilings(&world.policy, Level::Three, at(now)).context;
        let mut proved = world.clone();
        proved.meet(&Happening::Proof(given, Prover::Machine), now);
        prop_assert!(context(proved.assurance()) <= context(world.assurance()));
        prop_assert_eq!(proved.assurance().noticed(), world.assurance().noticed());
    }

    /// I22
    #[test]
    fn what_was_confirmed_before_bad_news_is_never_fresh_again(confirmed in 0_i64..=100, bad in 0_i64..=100) {
        let mut world = World::agent(Level::Two);
        world.meet(&Happening::Proof(Level::Three, Prover::Person), confirmed);
        for (id, dated, cap) in [("1", bad, Some(Level::One)), ("2", 150, None)] {
            let news = news(id, "edr", Subject::Device, dated, cap);
            world.around.assurance.hear(&world.policy, news, at(200));
        }
        let fresh = confirmed > bad && 200 - confirmed <= 120;
        prop_assert_eq!(world.level(200), if fresh { Level::Three } else { Level::Two });
    }

    /// I23
    #[test]
    fn a_passkey_does_not_remove_taint(grade in grade(), by in prover(), course in course(8)) {
        let mut world = World::agent(Level::Two);
        world.meet(&Happening::Signal(Signal::UntrustedData), 0);
        world.meet(&Happening::Proof(grade, by), 1);
        play(&mut world, &course);
        prop_assert!(world.assurance().is_tainted());
    }

    /// I24
    #[test]
    fn approving_harmless_calls_resets_no_strikes(approved in prop::collection::vec(asked(), 3)) {
        let mut world = World::agent(Level::Two);
        for (now, asked) in (1_i64..).zip(approved) {
            world.approve(world.digest(&asked), now);
            world.call(&asked, now);
            world.meet(&Happening::Refuse, now);
        }
        prop_assert_eq!(world.assurance().status(), &Status::Quarantined);
    }

    /// Hardening: several sessions of one credential.
    #[test]
    fn a_new_session_of_the_same_credential_is_never_kinder_than_the_worst_live_one(
        profile in profile(), one in course(10), other in course(10), wait in wait(), asked in asked(),
    ) {
        let mut worlds = [World::open(profile, Level::Three, &[]), World::open(profile, Level::Three, &[])];
        let now = play(&mut worlds[0], &one).max(play(&mut worlds[1], &other));
        let mut opened = World::open(profile, Level::Three, &[]);
        opened.around.assurance = Assurance::open(
            profile, Level::Three, super::world::credential(), super::world::streams(&[]), at(now),
        );
        for world in &worlds {
            opened.around.assurance.inherit(&opened.policy, world.assurance(), at(now));
        }
        for then in [now, now + wait] {
            let context = |world: &World| world.assurance().ceilings(&world.policy, Level::Three, at(then)).context;
            for world in &worlds {
                prop_assert!(context(&opened) <= context(world));
            }
        }
        for world in &mut worlds {
            prop_assert!(opened.assurance().is_tainted() || !world.assurance().is_tainted());
            prop_assert!(opened.assurance().strikes() >= world.assurance().strikes());
            if *world.assurance().status() == Status::Quarantined {
                prop_assert_eq!(opened.assurance().status(), &Status::Quarantined);
            }
        }
        // Once the others are proved as well as the new one is, none of them is treated worse than it.
        for world in &mut worlds {
            opened.around.used.clone_from(&world.around.used);
            opened.around.highest = world.around.highest;
            let mut opened = opened.clone();
            world.meet(&Happening::Proof(Level::Three, Prover::Machine), now);
            opened.meet(&Happening::Proof(Level::Three, Prover::Machine), now);
            world.around.assurance.move_clock(0);
            opened.around.assurance.move_clock(0);
            let fit = |world: &World| {
                let assurance = world.assurance();
                (assurance.credential() == &super::world::credential()) && assurance.status().name() != "terminated"
            };
            if fit(world) {
                let (new, old) = (opened.call(&asked, now), world.call(&asked, now));
                prop_assert!(kindness(new.leave()) <= kindness(old.leave()), "{new:?} {old:?}");
            }
        }
    }

    /// Hardening: clocks that part.
    #[test]
    fn a_clock_forward_and_back_lengthens_no_approval_and_loses_no_age(
        profile in profile(), course in course(10), hours in -20_i64..=20, asked in asked(),
    ) {
        let mut world = World::open(profile, Level::Two, &["idp"]);
        let now = play(&mut world, &course);
        world.approve(world.digest(&asked), now);
        let before = world.clone();
        let millis = hours * 3_600_000;
        world.around.assurance.move_clock(millis);
        world.around.assurance.move_clock(-millis);
        prop_assert!(world.assurance().approvals().is_empty());
        prop_assert_eq!(world.assurance().clock(), before.assurance().clock());
        let ceilings = |world: &World, now| world.assurance().ceilings(&world.policy, Level::Three, at(now));
        for then in [now, now + 200, now + 2_000] {
            let (moved, before) = (ceilings(&world, then), ceilings(&before, then));
            let is_over = world.assurance().status().name() == "terminated";
            let proof = if is_over { before.proof } else { before.proof.min(Level::Two) };
            prop_assert_eq!(moved.proof, proof);
            prop_assert_eq!(moved.context, before.context);
            prop_assert_eq!(moved.visibility, before.visibility);
        }
    }
}

fn grade_of_machine() -> impl Strategy<Value = Level> {
    prop::sample::select(vec![Level::One, Level::Two])
}
