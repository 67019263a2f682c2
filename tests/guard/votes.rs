//! Several people: stages, thresholds, whom a request concerns, and what their votes leave together.

use std::time::Duration;

use countersign::guard::{Guard, Resolution, ResolveError, Ruling};
use countersign::limits::GRANT_LIFE;
use countersign::model::approval::ApprovalState;
use countersign::model::credential::Operator;
use countersign::model::name::{GroupName, OperatorName, UserName};
use countersign::model::quorum::Bar;
use countersign::model::reason::Reason;
use serde_json::{Value, json};

use super::restarts::boot_over;
use super::world::{MANIFEST, World, denied, held, permitted};

const TWO: &str = "{any_of: [finance, oncall], approve: 2, deny: 2}";

/// The world with another rule for `money`.
async fn world(rule: &str) -> World {
    let money = "{any_of: [finance, oncall], approve: 1, decide_by: 15m, redeem_by: 5m}";
    assert!(MANIFEST.contains(money));
    World::over(&MANIFEST.replace(money, rule)).await
}

async fn hire(guard: &Guard, name: &str, groups: &[&str]) -> Operator {
    let groups = groups.iter().map(|name| GroupName::parse(name).unwrap());
    let name = OperatorName::parse(name).unwrap();
    let added = guard.add_operator("test", name, groups.collect()).await;
    added.unwrap().0
}

fn big(amount: u32) -> Value {
    json!({"amount": amount, "to": "x"})
}

fn yes(uses: u32, life: Option<u64>) -> Resolution {
    Resolution::Approve {
        uses,
        life: life.map(Duration::from_secs),
    }
}

fn no(message: Option<&str>) -> Resolution {
    Resolution::Deny {
        message: message.map(ToOwned::to_owned),
    }
}

/// The states of the entries about approvals, with who, in their order.
async fn told(world: &World) -> Vec<String> {
    let entries = world.entries("approval").await;
    let told = entries.iter().map(|one| {
        let by = one["by"].as_str().unwrap_or("-");
        format!("{} {by}", one["state"].as_str().unwrap())
    });
    told.collect()
}

#[tokio::test]
async fn it_takes_as_many_people_as_the_manifest_says_and_the_agent_hears_how_many_there_are() {
    let world = world(TWO).await;
    let carol = hire(&world.guard, "carol", &["finance"]).await;
    let mut hold = held(world.decide("bank/pay", big(500)).await);
    let id = hold.pending().approval;
    assert_eq!(hold.pending().progress.unwrap().to_string(), "0 of 2");
    let one = world.vote(&world.alice, id, yes(1, None)).await.unwrap();
    assert_eq!((&one.state, one.version), (&ApprovalState::Held, 2));
    world.guard.look_again(&mut hold).await;
    assert_eq!(hold.pending().progress.unwrap().to_string(), "1 of 2");
    assert!(world.guard.grants().await.unwrap().is_empty());
    // Judged again it waits again, behind the same approval.
    let again = held(world.decide("bank/pay", big(500)).await);
    assert_eq!(again.pending().approval, id);

    let two = world.vote(&carol, id, yes(1, None)).await.unwrap();
    assert!(matches!(two.state, ApprovalState::Approved { .. }));
    world.run(permitted(world.guard.redeem(hold).await)).await;
    assert_eq!(told(&world).await, ["voted alice", "approved carol"]);
    let entries = world.entries("approval").await;
    assert_eq!(entries[1]["approvers"], json!(["alice", "carol"]));
    assert_eq!(
        entries[0]["vote"],
        json!({"decision": "approve", "stage": 1, "uses": 1})
    );
}

#[tokio::test]
async fn nobody_counts_twice_and_is_told_who_voted_when() {
    let world = world(TWO).await;
    hire(&world.guard, "carol", &["finance"]).await;
    let id = held(world.decide("bank/pay", big(500)).await)
        .pending()
        .approval;
    let at = world.guard.ambient().now();
    world.vote(&world.alice, id, yes(1, None)).await.unwrap();
    world.pass(5);
    for decision in [yes(1, None), no(None)] {
        let second = world.vote(&world.alice, id, decision).await.unwrap_err();
        assert_eq!(second.reason(), Reason::AlreadyDecided);
        assert!(
            matches!(&second, ResolveError::Voted { by, at: then, vote: "approve" }
                if *by == world.alice.name && *then == at),
            "{second:?}"
        );
    }
    assert_eq!(told(&world).await, ["voted alice"]);
}

#[tokio::test]
async fn the_narrowest_that_anybody_voted_for_is_granted() {
    for (votes, uses, life) in [
        ([(5, None), (3, Some(600))], 3, 600),
        ([(20, Some(60)), (20, None)], 20, 60),
        ([(4, None), (9, None)], 4, GRANT_LIFE.as_secs()),
        ([(7, None), (1, None)], 1, 300),
    ] {
        let world = world(TWO).await;
        let carol = hire(&world.guard, "carol", &["finance"]).await;
        let id = held(world.decide("bank/pay", big(500)).await)
            .pending()
            .approval;
        for (who, (uses, life)) in [&world.alice, &carol].into_iter().zip(votes) {
            world.pass(30);
            world.vote(who, id, yes(uses, life)).await.unwrap();
        }
        let grants = world.guard.grants().await.unwrap();
        let until = world.guard.ambient().now().after(Duration::from_secs(life));
        assert_eq!(
            (grants[0].uses, grants[0].until),
            (uses, until),
            "{votes:?}"
        );
    }
}

#[tokio::test]
async fn refusals_end_it_once_there_are_as_many_as_the_manifest_says() {
    let world = world(TWO).await;
    let carol = hire(&world.guard, "carol", &["finance"]).await;
    let dora = hire(&world.guard, "dora", &["oncall"]).await;
    let hold = held(world.decide("bank/pay", big(500)).await);
    let id = hold.pending().approval;
    world
        .vote(&world.alice, id, no(Some("ask for less")))
        .await
        .unwrap();
    world.vote(&carol, id, yes(1, None)).await.unwrap();
    let ended = world.vote(&dora, id, no(None)).await.unwrap();
    assert!(matches!(ended.state, ApprovalState::Denied { .. }));
    let denial = denied(world.guard.redeem(hold).await);
    assert_eq!(denial.reason(), Reason::ApprovalDenied);
    assert_eq!(denial.message.as_deref(), Some("ask for less"));
    assert!(world.guard.grants().await.unwrap().is_empty());
    assert_eq!(
        told(&world).await,
        ["voted alice", "voted carol", "denied dora"]
    );
    let late = world.vote(&carol, id, no(None)).await.unwrap_err();
    assert!(
        matches!(&late, ResolveError::Decided { by: Some(by), at: Some(_), .. } if by.as_str() == "dora"),
        "{late:?}"
    );
}

#[tokio::test]
async fn a_vote_is_withdrawn_until_its_stage_is_passed_and_then_given_anew() {
    let rule = "{stages: [{any_of: [oncall], approve: 2}, {any_of: [finance]}]}";
    let world = world(rule).await;
    let dora = hire(&world.guard, "dora", &["oncall"]).await;
    let carol = hire(&world.guard, "carol", &["finance"]).await;
    let id = held(world.decide("bank/pay", big(500)).await)
        .pending()
        .approval;
    let withdraw = |who: Operator, version| {
        let guard = &world.guard;
        async move { guard.withdraw_vote(&who, id, version).await }
    };
    let none = withdraw(world.alice.clone(), 1).await.unwrap_err();
    assert!(matches!(none, ResolveError::NoVote));
    world.vote(&world.alice, id, yes(1, None)).await.unwrap();
    let stale = withdraw(world.alice.clone(), 1).await.unwrap_err();
    assert!(matches!(stale, ResolveError::Stale { version: 2 }));
    let free = withdraw(world.alice.clone(), 2).await.unwrap();
    assert_eq!((free.version, free.ballots.len()), (3, 0));

    world.vote(&dora, id, yes(1, None)).await.unwrap();
    let passed = world.vote(&world.alice, id, yes(1, None)).await.unwrap();
    let passed_stage = passed.stage().map(|(at, _)| at);
    assert_eq!((passed_stage, passed.version), (Some(1), 5));
    let done = withdraw(world.alice.clone(), 5).await.unwrap_err();
    assert!(matches!(done, ResolveError::NoVote));
    let other = world.vote(&world.bob, id, yes(1, None)).await.unwrap_err();
    assert!(matches!(other, ResolveError::NotEligible(Bar::Group)));
    let approved = world.vote(&carol, id, yes(1, None)).await.unwrap();
    assert!(matches!(approved.state, ApprovalState::Approved { .. }));
    let late = withdraw(carol, approved.version).await.unwrap_err();
    assert!(matches!(
        late,
        ResolveError::Decided {
            state: "approved",
            ..
        }
    ));
    assert_eq!(
        told(&world).await,
        [
            "voted alice",
            "vote-withdrawn alice",
            "voted dora",
            "voted alice",
            "approved carol"
        ]
    );
}

#[tokio::test]
async fn one_person_counts_once_across_stages_unless_the_manifest_says_otherwise() {
    let stages = "stages: [{any_of: [oncall]}, {any_of: [oncall, finance]}]";
    let once = world(&format!("{{{stages}}}")).await;
    let refused = denied(once.decide("bank/pay", big(500)).await);
    assert_eq!(refused.reason(), Reason::NoApprover);
    hire(&once.guard, "carol", &["finance"]).await;
    let id = held(once.decide("bank/pay", big(500)).await)
        .pending()
        .approval;
    once.vote(&once.alice, id, yes(1, None)).await.unwrap();
    let second = once.vote(&once.alice, id, yes(1, None)).await.unwrap_err();
    assert!(matches!(second, ResolveError::Voted { .. }));

    let each = world(&format!("{{{stages}, same_person: each_stage}}")).await;
    let id = held(each.decide("bank/pay", big(500)).await)
        .pending()
        .approval;
    each.vote(&each.alice, id, yes(1, None)).await.unwrap();
    let approved = each.vote(&each.alice, id, yes(1, None)).await.unwrap();
    assert!(matches!(approved.state, ApprovalState::Approved { .. }));
}

#[tokio::test]
async fn a_vote_of_somebody_who_was_removed_helps_to_no_grant() {
    let world = world(TWO).await;
    let carol = hire(&world.guard, "carol", &["finance"]).await;
    let dora = hire(&world.guard, "dora", &["finance"]).await;
    let id = held(world.decide("bank/pay", big(500)).await)
        .pending()
        .approval;
    world.vote(&carol, id, yes(1, None)).await.unwrap();
    world
        .guard
        .revoke_operator("test", &carol.name)
        .await
        .unwrap();
    // What was shown had carol's vote.
    let stale = world.vote(&dora, id, yes(1, None)).await.unwrap_err();
    assert!(matches!(stale, ResolveError::Stale { version: 3 }));
    let one = world.vote(&dora, id, yes(1, None)).await.unwrap();
    assert_eq!(one.progress().unwrap().to_string(), "1 of 2");
    let two = world.vote(&world.alice, id, yes(1, None)).await.unwrap();
    assert!(matches!(two.state, ApprovalState::Approved { .. }));
    assert_eq!(
        told(&world).await,
        [
            "voted carol",
            "vote-struck carol",
            "voted dora",
            "approved alice"
        ]
    );
}

#[tokio::test]
async fn nobody_waits_for_people_who_are_not_there() {
    let world = world(TWO).await;
    let refused = denied(world.decide("bank/pay", big(500)).await);
    assert_eq!(refused.reason(), Reason::NoApprover);
    assert_eq!(
        refused.cause.sentence,
        "2 of finance or oncall must approve, of 2 in all, and too few of them may"
    );
    assert!(world.guard.approvals(true).await.unwrap().is_empty());
    hire(&world.guard, "carol", &["finance"]).await;
    held(world.decide("bank/pay", big(500)).await);
}

/// Asks on behalf of a user, as a verified claim would name them.
async fn ask_for(world: &World, user: &str, amount: u32) -> Ruling {
    let mut principal = world.principal.clone();
    principal.on_behalf_of = Some(UserName::parse(user).unwrap());
    let session = world.guard.session(&principal, None).await.unwrap();
    let mut call = world.call_in(session, "bank/pay", big(amount));
    call.principal = principal;
    world.guard.decide(call).await
}

#[tokio::test]
async fn whoever_the_agent_acts_for_does_not_decide_for_it() {
    let world = World::new().await;
    let alone = denied(ask_for(&world, "alice@example.com", 500).await);
    assert_eq!(alone.reason(), Reason::NoApprover);
    let carol = hire(&world.guard, "carol", &["finance"]).await;
    let hold = held(ask_for(&world, "alice@example.com", 500).await);
    let id = hold.pending().approval;
    let own = world
        .vote(&world.alice, id, yes(1, None))
        .await
        .unwrap_err();
    assert!(matches!(own, ResolveError::NotEligible(Bar::User)));
    let other = world.vote(&carol, id, yes(1, None)).await.unwrap();
    assert!(matches!(other.state, ApprovalState::Approved { .. }));
}

#[tokio::test]
async fn four_eyes_keep_the_owner_out_be_it_a_person_or_a_group() {
    for owner in ["alice", "clerks"] {
        let rule = "{any_of: [finance, oncall], four_eyes: true}";
        let manifest = MANIFEST
            .replace("owner: team", &format!("owner: {owner}"))
            .replace(
                "{any_of: [finance, oncall], approve: 1, decide_by: 15m, redeem_by: 5m}",
                rule,
            );
        let world = World::over(&manifest).await;
        world
            .guard
            .revoke_operator("test", &world.alice.name)
            .await
            .unwrap();
        let alice = hire(&world.guard, "alice", &["oncall", "clerks"]).await;
        let alone = denied(world.decide("bank/pay", big(500)).await);
        assert_eq!(alone.reason(), Reason::NoApprover, "{owner}");
        let carol = hire(&world.guard, "carol", &["finance"]).await;
        let id = held(world.decide("bank/pay", big(500)).await)
            .pending()
            .approval;
        let own = world.vote(&alice, id, yes(1, None)).await.unwrap_err();
        assert!(matches!(own, ResolveError::NotEligible(Bar::Owner)));
        world.vote(&carol, id, yes(1, None)).await.unwrap();
    }
}

#[tokio::test]
async fn only_the_one_person_of_an_installation_is_asked_to_sign_what_concerns_themselves() {
    let world = world("{any_of: [oncall], self_approval: true}").await;
    let ask = |amount| ask_for(&world, "alice", amount);
    let refused = denied(ask(500).await);
    assert_eq!(refused.reason(), Reason::NoApprover, "bob is there too");
    world
        .guard
        .revoke_operator("test", &world.bob.name)
        .await
        .unwrap();

    // Nobody else has looked at it, so no token will do.
    let hold = held(ask(501).await);
    let own = world
        .vote(&world.alice, hold.pending().approval, yes(1, None))
        .await;
    assert!(matches!(own, Err(ResolveError::Unsigned(_))), "{own:?}");
    let entries = world.entries("approval").await;
    assert!(entries.iter().all(|entry| entry["state"] != "approved"));

    // What concerns nobody is approved as ever, and what was opened while alone is not decided so by two.
    let plain = held(world.decide("bank/pay", big(102)).await);
    let approved = world
        .vote(&world.alice, plain.pending().approval, yes(1, None))
        .await;
    assert!(!approved.unwrap().is_self_approved());
    let hold = held(ask(103).await);
    hire(&world.guard, "carol", &["kitchen"]).await;
    let own = world
        .vote(&world.alice, hold.pending().approval, yes(1, None))
        .await;
    assert!(matches!(own, Err(ResolveError::NotEligible(Bar::User))));
}

#[tokio::test]
async fn of_two_last_votes_at_once_one_counts_and_the_other_is_told_to_look_again() {
    let world = world("{any_of: [finance, oncall], approve: 2}").await;
    let carol = hire(&world.guard, "carol", &["finance"]).await;
    let id = held(world.decide("bank/pay", big(500)).await)
        .pending()
        .approval;
    let (one, other) = tokio::join!(
        world.vote(&world.alice, id, yes(1, None)),
        world.vote(&carol, id, yes(1, None))
    );
    let counted = [&one, &other]
        .into_iter()
        .filter(|vote| vote.is_ok())
        .count();
    let approval = world.guard.approval(id).await.unwrap().unwrap();
    assert_eq!(approval.ballots.len(), counted);
    for vote in [one, other] {
        assert!(matches!(
            vote,
            Ok(_) | Err(ResolveError::Stale { version: 2 })
        ));
    }
}

#[tokio::test]
async fn votes_outlive_the_guard_and_a_stage_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let rule = "{stages: [{any_of: [oncall]}, {any_of: [finance]}], decide_by: 1h}";
    let manifest = MANIFEST.replace(
        "{any_of: [finance, oncall], approve: 1, decide_by: 15m, redeem_by: 5m}",
        rule,
    );
    let (world, _) = boot_over(directory.path(), 1, Duration::ZERO, &manifest).await;
    let carol = hire(&world.guard, "carol", &["finance"]).await;
    let id = held(world.decide("bank/pay", big(500)).await)
        .pending()
        .approval;
    let before = world
        .vote(&world.alice, id, yes(3, Some(600)))
        .await
        .unwrap();
    let (session, principal) = (world.session, world.principal.clone());
    world.guard.stop().await.unwrap();
    drop(world);
    let lived = Duration::from_secs(60);
    let (mut world, _) = boot_over(directory.path(), 2, lived, &manifest).await;
    (world.session, world.principal) = (session, principal);
    let after = world.guard.approval(before.id).await.unwrap().unwrap();
    assert_eq!(after, before);
    let second = world.vote(&world.alice, before.id, yes(1, None)).await;
    assert!(matches!(second, Err(ResolveError::Voted { .. })));
    world.vote(&carol, before.id, yes(9, None)).await.unwrap();
    match world.decide("bank/pay", big(500)).await {
        Ruling::Permit(permit) => world.run(permit).await,
        other => panic!("{other:?}"),
    }
    assert_eq!(world.guard.grants().await.unwrap()[0].uses, 3);
}

#[tokio::test]
async fn a_deputy_votes_in_the_stead_of_one_lender_and_both_count_once() {
    let world = world("{any_of: [finance], approve: 2}").await;
    let carol = hire(&world.guard, "carol", &["finance"]).await;
    let fay = hire(&world.guard, "fay", &["finance"]).await;
    let dora = hire(&world.guard, "dora", &["kitchen"]).await;
    let hold = held(world.decide("bank/pay", big(500)).await);
    let id = hold.pending().approval;
    let early = world.vote(&dora, id, yes(1, None)).await.unwrap_err();
    assert!(matches!(early, ResolveError::NotEligible(Bar::Group)));
    let week = Duration::from_secs(7 * 86_400);
    world
        .guard
        .delegate(&carol, &dora.name, week)
        .await
        .unwrap();
    let one = world.vote(&dora, id, yes(1, None)).await.unwrap();
    assert_eq!(one.ballots[0].lender.as_ref(), Some(&carol.name));
    // Neither of them counts again.
    for who in [&dora, &carol] {
        let second = world.vote(who, id, yes(1, None)).await.unwrap_err();
        assert!(
            matches!(&second, ResolveError::Voted { by, .. } if *by == dora.name),
            "{second:?}"
        );
    }
    let two = world.vote(&fay, id, yes(1, None)).await.unwrap();
    assert!(matches!(two.state, ApprovalState::Approved { .. }));
    world.run(permitted(world.guard.redeem(hold).await)).await;
    let entries = world.entries("approval").await;
    assert_eq!(entries[0]["vote"]["in_stead_of"], "carol");
    assert_eq!(entries[0]["by"], "dora");
    let lent = world.entries("operator").await;
    let lent = lent.iter().find(|one| one["state"] == "delegated").unwrap();
    assert_eq!(
        (&lent["operator"], &lent["deputy"]),
        (&json!("carol"), &json!("dora"))
    );
}

#[tokio::test]
async fn who_voted_leaves_nothing_for_a_deputy_and_a_deputy_of_two_still_counts_once() {
    let world = world("{any_of: [finance], approve: 2}").await;
    let carol = hire(&world.guard, "carol", &["finance"]).await;
    let fay = hire(&world.guard, "fay", &["finance"]).await;
    let dora = hire(&world.guard, "dora", &["kitchen"]).await;
    let day = Duration::from_secs(86_400);
    for lender in [&carol, &fay] {
        world.guard.delegate(lender, &dora.name, day).await.unwrap();
    }
    let id = held(world.decide("bank/pay", big(500)).await)
        .pending()
        .approval;
    world.vote(&carol, id, yes(1, None)).await.unwrap();
    let one = world.vote(&dora, id, yes(1, None)).await.unwrap();
    assert_eq!(one.ballots[1].lender.as_ref(), Some(&fay.name));
    assert!(matches!(one.state, ApprovalState::Approved { .. }));

    let id = held(world.decide("bank/pay", big(101)).await)
        .pending()
        .approval;
    world.vote(&dora, id, yes(1, None)).await.unwrap();
    let second = world.vote(&dora, id, yes(1, None)).await.unwrap_err();
    assert!(matches!(second, ResolveError::Voted { .. }));
}

#[tokio::test]
async fn a_delegation_is_one_hop_dated_and_ends_with_its_lender_or_at_their_word() {
    let world = world("{any_of: [finance], approve: 2}").await;
    let carol = hire(&world.guard, "carol", &["finance"]).await;
    let fay = hire(&world.guard, "fay", &["finance"]).await;
    let dora = hire(&world.guard, "dora", &["kitchen"]).await;
    let erin = hire(&world.guard, "erin", &["kitchen"]).await;
    let (guard, minute) = (&world.guard, Duration::from_secs(60));
    for (lender, deputy, life) in [
        (&carol, carol.name.clone(), minute),
        (&carol, dora.name.clone(), Duration::ZERO),
        (&carol, dora.name.clone(), Duration::from_secs(31 * 86_400)),
        (&carol, OperatorName::parse("nobody").unwrap(), minute),
    ] {
        assert!(
            guard.delegate(lender, &deputy, life).await.is_err(),
            "{deputy}"
        );
    }
    guard.delegate(&carol, &dora.name, minute).await.unwrap();
    guard.delegate(&dora, &erin.name, minute).await.unwrap();
    let id = held(world.decide("bank/pay", big(500)).await)
        .pending()
        .approval;
    let two_hops = world.vote(&erin, id, yes(1, None)).await.unwrap_err();
    assert!(matches!(two_hops, ResolveError::NotEligible(Bar::Group)));
    // A vote that was lent counts only while it is.
    world.vote(&dora, id, yes(1, None)).await.unwrap();
    guard.end_delegation(&carol.name, &dora.name).await.unwrap();
    let stale = world.vote(&fay, id, yes(1, None)).await.unwrap_err();
    assert!(matches!(stale, ResolveError::Stale { version: 3 }));
    assert!(guard.end_delegation(&carol.name, &dora.name).await.is_err());
    guard.delegate(&carol, &dora.name, minute).await.unwrap();
    world.pass(60);
    let late = world.vote(&dora, id, yes(1, None)).await.unwrap_err();
    assert!(matches!(late, ResolveError::NotEligible(Bar::Group)));

    guard.delegate(&carol, &dora.name, minute).await.unwrap();
    guard.revoke_operator("test", &carol.name).await.unwrap();
    hire(guard, "carol", &["finance"]).await;
    let inherited = world.vote(&dora, id, yes(1, None)).await.unwrap_err();
    assert!(matches!(inherited, ResolveError::NotEligible(Bar::Group)));
    let ended = guard.delegations().await.unwrap();
    assert!(
        ended
            .iter()
            .any(|one| one.lender == carol.name && one.ended.is_some())
    );
}

#[tokio::test]
async fn nobody_lends_what_they_may_not_do_themselves() {
    let world = World::new().await;
    let (carol, dora) = (
        hire(&world.guard, "carol", &["finance"]).await,
        hire(&world.guard, "dora", &["kitchen"]).await,
    );
    let day = Duration::from_secs(86_400);
    world.guard.delegate(&carol, &dora.name, day).await.unwrap();
    let hold = held(ask_for(&world, "carol@example.com", 500).await);
    let lent = world
        .vote(&dora, hold.pending().approval, yes(1, None))
        .await
        .unwrap_err();
    assert!(
        matches!(lent, ResolveError::NotEligible(Bar::Group)),
        "the lender is the user"
    );
    let hold = held(ask_for(&world, "dora@example.com", 101).await);
    let own = world
        .vote(&dora, hold.pending().approval, yes(1, None))
        .await
        .unwrap_err();
    assert!(
        matches!(own, ResolveError::NotEligible(Bar::Group)),
        "the deputy is the user"
    );
}

#[tokio::test]
async fn a_namesake_who_comes_later_has_not_voted() {
    let world = world(TWO).await;
    let carol = hire(&world.guard, "carol", &["finance"]).await;
    let id = held(world.decide("bank/pay", big(500)).await)
        .pending()
        .approval;
    world.vote(&carol, id, yes(1, None)).await.unwrap();
    world
        .guard
        .revoke_operator("test", &carol.name)
        .await
        .unwrap();
    world.pass(1);
    let namesake = hire(&world.guard, "carol", &["finance"]).await;
    let stale = world
        .vote(&world.alice, id, yes(1, None))
        .await
        .unwrap_err();
    assert!(matches!(stale, ResolveError::Stale { version: 3 }));
    let one = world.vote(&namesake, id, yes(1, None)).await.unwrap();
    assert_eq!(one.progress().unwrap().to_string(), "1 of 2");
}
