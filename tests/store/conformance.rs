//! One suite, run against every store.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign::audit::chain;
use countersign::audit::entry::EntryKind;
use countersign::audit::segment::Segment;
use countersign::model::approval::{Approval, ApprovalState};
use countersign::model::credential::Operator;
use countersign::model::digest::Digest;
use countersign::model::id::CallId;
use countersign::model::outcome::Outcome;
use countersign::model::proof::Proof;
use countersign::model::role::Role;
use countersign::model::session::{AgentState, EndCause, SessionState};
use countersign::store::{Change, SharedStore, Wake};

use crate::made::*;

macro_rules! conformance {
    ($($(#[$doc:meta])* async fn $name:ident($store:ident: SharedStore) $body:block)*) => {
        $(
            $(#[$doc])*
            #[tokio::test]
            async fn $name() {
                async fn check($store: SharedStore) $body
                for (name, store, _directory) in stores() {
                    println!("{name}");
                    check(store).await;
                }
            }
        )*
    };
}

fn approved(by: &str) -> ApprovalState {
    ApprovalState::Approved {
        by: operator_name(by),
        at: NOW,
        redeem_by: later(300),
    }
}

conformance! {
    async fn an_agent_nobody_has_seen_runs_and_has_no_past(store: SharedStore) {
        let session = session(&agent("new"));
        let standing = standing(&*store, &session, key(1)).await;
        assert_eq!(standing.revision, 0);
        assert_eq!(standing.agent, AgentState::Running);
        assert!(standing.session.is_none() && standing.approval.is_none());
        assert!(store.agents().await.unwrap().is_empty());
    }

    async fn a_commit_judged_at_an_older_revision_is_refused_and_writes_nothing(store: SharedStore) {
        let session = session(&agent("a"));
        write(&*store, vec![Change::OpenSession(session.clone())]).await.unwrap();
        let seen = standing(&*store, &session, key(1)).await.revision;
        write(&*store, vec![Change::SetAgent(agent("a"), AgentState::Paused)]).await.unwrap();
        let changes = vec![Change::Setting("k".into(), "v".into())];
        assert!(moved(write_at(&*store, &agent("a"), seen, changes).await));
        assert_eq!(store.setting("k").await.unwrap(), None);
        assert_eq!(store.entries(1, 10).await.unwrap().len(), 2);

        let now = standing(&*store, &session, key(1)).await;
        assert_eq!(now.agent, AgentState::Paused);
        assert!(now.revision > seen);
        let changes = vec![Change::Setting("k".into(), "v".into())];
        write_at(&*store, &agent("a"), now.revision, changes).await.unwrap();
        assert_eq!(store.setting("k").await.unwrap().as_deref(), Some("v"));
    }

    async fn a_session_that_acts_moves_no_revision(store: SharedStore) {
        let session = session(&agent("a"));
        write(&*store, vec![Change::OpenSession(session.clone())]).await.unwrap();
        let before = standing(&*store, &session, key(1)).await;
        write(&*store, vec![Change::SeenSession(session.id, later(5))]).await.unwrap();
        write(&*store, vec![Change::SeenSession(session.id, later(3))]).await.unwrap();
        let after = standing(&*store, &session, key(1)).await;
        assert_eq!(after.revision, before.revision);
        assert_eq!(after.session.unwrap().seen, later(5));
    }

    async fn each_change_that_a_decision_depends_on_moves_the_revision(store: SharedStore) {
        let session = session(&agent("a"));
        let approval = approval(&session, key(1));
        let grant = grant(&approval, 2);
        let mut last = 0;
        for change in [
            Change::OpenSession(session.clone()),
            Change::SetSession(session.id, SessionState::Paused),
            Change::SetAgent(agent("a"), AgentState::Running),
            Change::OpenApproval(Box::new(approval.clone())),
            Change::SetApproval { id: approval.id, version: 1, state: approved("olga") },
            Change::AddGrant(grant.clone()),
            Change::UseGrant(grant.id, NOW),
            Change::RevokeGrant(grant.id, NOW),
        ] {
            write(&*store, vec![change]).await.unwrap();
            let revision = standing(&*store, &session, key(1)).await.revision;
            assert!(revision > last);
            last = revision;
        }
    }

    async fn another_agents_session_is_as_good_as_none(store: SharedStore) {
        let mut session = session(&agent("a"));
        write(&*store, vec![Change::OpenSession(session.clone())]).await.unwrap();
        assert!(standing(&*store, &session, key(1)).await.session.is_some());
        session.principal.agent = agent("b");
        assert!(standing(&*store, &session, key(1)).await.session.is_none());
    }

    async fn a_session_that_ended_stays_ended(store: SharedStore) {
        let session = session(&agent("a"));
        write(&*store, vec![Change::OpenSession(session.clone())]).await.unwrap();
        assert!(moved(write(&*store, vec![Change::OpenSession(session.clone())]).await));
        let ended = SessionState::Ended(EndCause::Revoked);
        write(&*store, vec![Change::SetSession(session.id, ended)]).await.unwrap();
        for state in [SessionState::Active, ended] {
            assert!(moved(write(&*store, vec![Change::SetSession(session.id, state)]).await));
        }
        assert_eq!(store.session(session.id).await.unwrap().unwrap().state, ended);
    }

    async fn one_approval_of_a_session_and_key_is_open_at_a_time(store: SharedStore) {
        let session = session(&agent("a"));
        let first = approval(&session, key(1));
        write(&*store, vec![Change::OpenApproval(Box::new(first.clone()))]).await.unwrap();
        let second = approval(&session, key(1));
        assert!(moved(write(&*store, vec![Change::OpenApproval(Box::new(second.clone()))]).await));
        let other = approval(&session, key(2));
        write(&*store, vec![Change::OpenApproval(Box::new(other))]).await.unwrap();

        // Nobody decided the first one in time: another may be opened though nobody closed it.
        let mut late = approval(&session, key(1));
        late.opened = first.decide_by;
        late.decide_by = later(1_800);
        write(&*store, vec![Change::OpenApproval(Box::new(late.clone()))]).await.unwrap();
        let newest = standing(&*store, &session, key(1)).await.approval.unwrap();
        assert_eq!(newest, late);
    }

    async fn an_approval_moves_only_from_the_version_it_was_read_at(store: SharedStore) {
        let session = session(&agent("a"));
        let approval = approval(&session, key(1));
        write(&*store, vec![Change::OpenApproval(Box::new(approval.clone()))]).await.unwrap();
        let set = |version, state| vec![Change::SetApproval { id: approval.id, version, state }];
        write(&*store, set(1, approved("olga"))).await.unwrap();
        assert!(moved(write(&*store, set(1, ApprovalState::Cancelled { at: NOW })).await));
        let held = store.approval(approval.id).await.unwrap().unwrap();
        assert_eq!((held.version, held.state), (2, approved("olga")));

        let executing = ApprovalState::Executing { call: approval.call, by: operator_name("olga") };
        write(&*store, set(2, executing)).await.unwrap();
        assert_eq!(store.approvals(Some(NOW), 10).await.unwrap(), []);
        assert_eq!(store.approvals(None, 10).await.unwrap().len(), 1);
    }

    async fn votes_count_once_a_person_and_an_approval_needs_them_all(store: SharedStore) {
        let session = session(&agent("a"));
        let mut approval = approval(&session, key(1));
        approval.rule.stages[0].approve = 2;
        let (id, redeem_by) = (approval.id, later(300));
        write(&*store, vec![
            Change::SetOperator(operator("olga", &["finance"])),
            Change::SetOperator(operator("otto", &["finance"])),
            Change::OpenApproval(Box::new(approval.clone())),
        ]).await.unwrap();
        let vote = |version, person, state| {
            vec![Change::Vote { id, version, ballot: Box::new(ballot(person)), state }]
        };
        let approved = |by| ApprovalState::Approved { by: operator_name(by), at: NOW, redeem_by };
        // One is not two, whatever a writer says.
        assert!(moved(write(&*store, vote(1, "olga", approved("olga"))).await));
        write(&*store, vote(1, "olga", ApprovalState::Held)).await.unwrap();
        assert!(moved(write(&*store, vote(1, "otto", approved("otto"))).await));
        assert!(moved(write(&*store, vote(2, "olga", approved("olga"))).await));
        assert!(moved(write(&*store, vote(2, "otto", ApprovalState::Held)).await));

        let back = |version, person: &str| {
            let person = operator_name(person);
            vec![Change::Unvote { id, version, stage: 0, person }]
        };
        assert!(moved(write(&*store, back(2, "otto")).await));
        write(&*store, back(2, "olga")).await.unwrap();
        write(&*store, vote(3, "otto", ApprovalState::Held)).await.unwrap();
        write(&*store, vec![Change::RevokeOperator(operator_name("otto"), NOW)]).await.unwrap();
        assert!(moved(write(&*store, vote(4, "olga", approved("olga"))).await));
        write(&*store, vec![Change::SetOperator(operator("otto", &["finance"]))]).await.unwrap();
        write(&*store, vote(4, "olga", approved("olga"))).await.unwrap();
        let kept = store.approval(id).await.unwrap().unwrap();
        let people: Vec<_> = kept.ballots.iter().map(|one| one.person.to_string()).collect();
        assert_eq!((kept.version, people), (5, vec!["otto".to_owned(), "olga".to_owned()]));
        assert!(moved(write(&*store, back(5, "olga")).await));
    }

    async fn open_approvals_are_counted_and_cover_the_other_calls_of_their_session(store: SharedStore) {
        let (session, elsewhere) = (session(&agent("a")), session(&agent("a")));
        let covering = approval(&session, key(1));
        let mut apart = approval(&session, key(2));
        apart.covers_session = false;
        for one in [&covering, &apart, &approval(&elsewhere, key(3))] {
            write(&*store, vec![Change::OpenApproval(Box::new(one.clone()))]).await.unwrap();
        }
        let other_call = standing(&*store, &session, key(9)).await;
        assert_eq!(other_call.covering, [covering.id]);
        assert_eq!((other_call.open, other_call.opened), (3, 3));
        assert_eq!(standing(&*store, &session, key(1)).await.covering, []);

        let late = stands(&*store, &session, key(9), &[], later(900)).await;
        assert_eq!((late.open, late.opened), (0, 0));
        assert_eq!(late.covering, []);
    }

    async fn a_refusal_answers_the_same_target_and_arguments_in_any_session_for_half_an_hour(store: SharedStore) {
        let (session, elsewhere) = (session(&agent("a")), session(&agent("a")));
        let approval = approval(&session, key(1));
        let refused = ApprovalState::Denied {
            by: operator_name("olga"),
            at: later(60),
            message: Some("not this one".to_owned()),
        };
        write(&*store, vec![Change::OpenApproval(Box::new(approval.clone()))]).await.unwrap();
        write(&*store, vec![Change::SetApproval { id: approval.id, version: 1, state: refused }])
            .await
            .unwrap();
        let at = |seconds| stands(&*store, &elsewhere, key(7), &[], later(seconds));
        assert_eq!(at(61).await.refused.unwrap().id, approval.id);
        assert!(at(60 + 1_800).await.refused.is_some());
        assert!(at(61 + 1_800).await.refused.is_none());
        let mut stranger = session.clone();
        stranger.principal.agent = agent("b");
        assert!(stands(&*store, &stranger, key(7), &[], later(61)).await.refused.is_none());
    }

    async fn a_grant_is_live_until_used_up_over_or_revoked(store: SharedStore) {
        let session = session(&agent("a"));
        let approval = approval(&session, key(1));
        let (twice, revoked) = (grant(&approval, 2), grant(&approval, 2));
        write(&*store, vec![Change::AddGrant(twice.clone())]).await.unwrap();
        write(&*store, vec![Change::UseGrant(twice.id, NOW)]).await.unwrap();
        assert_eq!(standing(&*store, &session, key(1)).await.grant.unwrap().used, 1);
        assert!(standing(&*store, &session, key(2)).await.grant.is_none());
        assert!(stands(&*store, &session, key(1), &[], later(300)).await.grant.is_none());
        assert!(moved(write(&*store, vec![Change::UseGrant(twice.id, later(300))]).await));
        write(&*store, vec![Change::UseGrant(twice.id, NOW)]).await.unwrap();
        assert!(moved(write(&*store, vec![Change::UseGrant(twice.id, NOW)]).await));
        assert!(standing(&*store, &session, key(1)).await.grant.is_none());

        write(&*store, vec![Change::AddGrant(revoked.clone())]).await.unwrap();
        write(&*store, vec![Change::RevokeGrant(revoked.id, NOW)]).await.unwrap();
        assert!(moved(write(&*store, vec![Change::UseGrant(revoked.id, NOW)]).await));
        let grants: Vec<_> = store.grants(10).await.unwrap().into_iter().map(|one| one.id).collect();
        assert_eq!(grants, [revoked.id, twice.id]);
    }

    async fn a_refused_commit_leaves_none_of_its_changes(store: SharedStore) {
        let session = session(&agent("a"));
        let approval = approval(&session, key(1));
        let grant = grant(&approval, 1);
        let ask = budget(&agent("a"), "EUR", 60);
        let call = CallId::random(&ambient());
        let result = write(&*store, vec![
            Change::OpenSession(session.clone()),
            Change::OpenApproval(Box::new(approval.clone())),
            Change::SetApproval { id: approval.id, version: 1, state: approved("olga") },
            Change::AddGrant(grant.clone()),
            Change::UseGrant(grant.id, NOW),
            Change::Spend(call, spend(&ask, "5", "10", NOW)),
            Change::Start(flight(&session)),
            Change::AddCredential(credential(&agent("a"), b"secret")),
            Change::SetOperator(operator("olga", &["finance"])),
            Change::SetProof(Box::new(token("olga", b"token"))),
            Change::Rate("cell".into(), 7),
            Change::Setting("k".into(), "v".into()),
            // This one does not fit: the grant had one use.
            Change::UseGrant(grant.id, NOW),
        ]).await;
        assert!(moved(result));
        let standing = stands(&*store, &session, key(1), &[ask], NOW).await;
        assert_eq!((standing.revision, standing.open, standing.opened), (0, 0, 0));
        assert!(standing.session.is_none() && standing.approval.is_none());
        assert!(standing.grant.is_none() && standing.approvers.is_empty());
        assert_eq!(standing.spent, [decimal("0")]);
        assert_eq!(store.in_flight().await.unwrap(), []);
        assert_eq!(store.agents().await.unwrap(), []);
        assert_eq!(store.credentials().await.unwrap(), []);
        assert_eq!(store.operators().await.unwrap(), []);
        assert_eq!(store.rate_cells().await.unwrap(), []);
        assert_eq!(store.setting("k").await.unwrap(), None);
        assert_eq!(store.approvals(None, 9).await.unwrap(), []);
        assert_eq!(store.grants(9).await.unwrap(), []);
        assert_eq!(store.entries(1, 9).await.unwrap(), []);
        assert!(store.head().await.unwrap().is_none());
    }

    async fn a_budget_sums_its_window_exactly_and_refuses_what_exceeds_it(store: SharedStore) {
        let session = session(&agent("a"));
        let ask = budget(&agent("a"), "EUR", 60);
        let other = budget(&agent("a"), "USD", 60);
        let id = || CallId::random(&ambient());
        for (seconds, amount) in [(0, "0.1"), (10, "0.2"), (20, "9.7")] {
            let spend = spend(&ask, amount, "10", later(seconds));
            write(&*store, vec![Change::Spend(id(), spend)]).await.unwrap();
        }
        let asked = [ask.clone(), other];
        let spent = stands(&*store, &session, key(1), &asked, later(20)).await.spent;
        assert_eq!(spent, [decimal("10"), decimal("0")]);
        let dust = "0.00000000000000000000000000000001";
        let over = spend(&ask, dust, "10", later(20));
        assert!(moved(write(&*store, vec![Change::Spend(id(), over)]).await));
        let negative = spend(&ask, "-1", "10", later(20));
        assert!(moved(write(&*store, vec![Change::Spend(id(), negative)]).await));

        // The first one has left the window.
        let spent = stands(&*store, &session, key(1), &asked, later(60)).await.spent;
        assert_eq!(spent.first(), Some(&decimal("9.9")));
        let fits = spend(&ask, "0.1", "10", later(60));
        write(&*store, vec![Change::Spend(id(), fits)]).await.unwrap();
        let longer = budget(&agent("a"), "EUR", 3_600);
        let spent = stands(&*store, &session, key(1), &[longer], later(60)).await.spent;
        assert_eq!(spent, [decimal("10.1")]);
    }

    async fn a_call_counts_once_however_many_windows_sum_it_and_gives_back_what_it_never_used(store: SharedStore) {
        let session = session(&agent("a"));
        let (minute, hour) = (budget(&agent("a"), "EUR", 60), budget(&agent("a"), "EUR", 3_600));
        let call = CallId::random(&ambient());
        write(&*store, vec![
            Change::Spend(call, spend(&minute, "4", "10", NOW)),
            Change::Spend(call, spend(&hour, "4", "100", NOW)),
        ]).await.unwrap();
        let asked = [minute.clone(), hour.clone()];
        let spent = stands(&*store, &session, key(1), &asked, NOW).await.spent;
        assert_eq!(spent, [decimal("4"), decimal("4")]);
        let spent = stands(&*store, &session, key(1), &asked, later(60)).await.spent;
        assert_eq!(spent, [decimal("0"), decimal("4")]);

        write(&*store, vec![Change::Release(call)]).await.unwrap();
        let spent = stands(&*store, &session, key(1), &asked, NOW).await.spent;
        assert_eq!(spent, [decimal("0"), decimal("0")]);
    }

    async fn a_clock_that_was_set_back_frees_no_budget(store: SharedStore) {
        let session = session(&agent("a"));
        let ask = budget(&agent("a"), "EUR", 60);
        let id = || CallId::random(&ambient());
        for seconds in [100, 0, 50] {
            let spend = spend(&ask, "3", "10", later(seconds));
            write(&*store, vec![Change::Spend(id(), spend)]).await.unwrap();
        }
        let spent = stands(&*store, &session, key(1), std::slice::from_ref(&ask), NOW).await.spent;
        assert_eq!(spent, [decimal("9")]);
        let spent = stands(&*store, &session, key(1), &[ask], later(60)).await.spent;
        assert_eq!(spent, [decimal("6")]);
    }

    async fn a_clock_that_is_moved_takes_its_windows_and_sessions_with_it(store: SharedStore) {
        let session = session(&agent("a"));
        let ask = budget(&agent("a"), "EUR", 60);
        write(&*store, vec![Change::OpenSession(session.clone())]).await.unwrap();
        for seconds in [0, 10, 20] {
            let spend = spend(&ask, "3", "10", later(seconds));
            let id = CallId::random(&ambient());
            write(&*store, vec![Change::Spend(id, spend)]).await.unwrap();
        }
        write(&*store, vec![Change::Rate("a\nb\nc".into(), 5_000_000_000)]).await.unwrap();
        let before = standing(&*store, &session, key(1)).await.revision;
        for (moved, cell) in [(86_400_000, 86_405_000_000_000), (-86_400_000, 5_000_000_000)] {
            write(&*store, vec![Change::MoveClock(moved)]).await.unwrap();
            let at = |seconds: u64| later(seconds).moved(if moved > 0 { moved } else { 0 });
            for (seconds, sum) in [(20, "9"), (60, "6"), (75, "3"), (80, "0")] {
                let asked = std::slice::from_ref(&ask);
                let spent = stands(&*store, &session, key(1), asked, at(seconds)).await.spent;
                assert_eq!(spent, [decimal(sum)], "moved by {moved}, at {seconds} s");
            }
            let cells = store.rate_cells().await.unwrap();
            assert_eq!(cells, [("a\nb\nc".to_owned(), cell)]);
        }
        let after = store.session(session.id).await.unwrap().unwrap();
        assert_eq!((after.opened, after.seen), (session.opened, session.seen));
        let now = standing(&*store, &session, key(1)).await;
        assert!(now.revision >= before + 2, "what was judged before is judged anew");
    }

    async fn a_segment_takes_out_exactly_its_entries_and_follows_the_one_before(store: SharedStore) {
        for _ in 0..6 {
            write(&*store, Vec::new()).await.unwrap();
        }
        let entries = store.entries(1, 10).await.unwrap();
        let segment = |first: u64, last: u64| Segment {
            first,
            last,
            previous: entries[first as usize - 1].previous,
            hash: entries[last as usize - 1].hash,
            digest: Digest::of(b"file"),
        };
        let prune = |segment: Segment| write(&*store, vec![Change::Prune(segment)]);
        let other = Segment { previous: Digest::of(b"other"), ..segment(1, 3) };
        for refused in [segment(2, 3), other] {
            assert!(moved(prune(refused).await));
        }
        assert_eq!(prune(segment(1, 3)).await.unwrap().seq(), 7);
        assert!(moved(prune(segment(1, 3)).await));
        assert!(moved(prune(segment(5, 6)).await));
        prune(segment(4, 5)).await.unwrap();
        let left: Vec<_> = store.entries(1, 10).await.unwrap();
        assert_eq!(left.iter().map(|one| one.seq).collect::<Vec<_>>(), [6, 7, 8]);
        assert_eq!(left[0], entries[5]);
        assert_eq!(store.segments().await.unwrap(), [segment(1, 3), segment(4, 5)]);
    }

    async fn a_call_is_in_flight_until_its_one_outcome(store: SharedStore) {
        let session = session(&agent("a"));
        let flight = flight(&session);
        write(&*store, vec![Change::Start(flight.clone())]).await.unwrap();
        assert!(moved(write(&*store, vec![Change::Start(flight.clone())]).await));
        assert_eq!(store.in_flight().await.unwrap(), std::slice::from_ref(&flight));
        write(&*store, vec![Change::End(flight.call, Outcome::Done)]).await.unwrap();
        assert!(moved(write(&*store, vec![Change::End(flight.call, Outcome::Unknown)]).await));
        assert_eq!(store.in_flight().await.unwrap(), []);
    }

    async fn people_may_approve_while_their_token_is_live(store: SharedStore) {
        let session = session(&agent("a"));
        write(&*store, person("olga", &["finance", "it"], b"1")).await.unwrap();
        write(&*store, person("otto", &["it"], b"2")).await.unwrap();
        // Neither who has nothing to prove themselves with, nor who only looks, decides anything.
        write(&*store, vec![Change::SetOperator(operator("oona", &["kitchen"]))]).await.unwrap();
        let viewer = Operator { roles: BTreeSet::from([Role::Viewer]), ..operator("oleg", &["bar"]) };
        let looks = Change::SetProof(Box::new(token("oleg", b"3")));
        write(&*store, vec![Change::SetOperator(viewer), looks]).await.unwrap();
        let people = |standing: countersign::engine::facts::Standing| {
            let people = standing.approvers.iter();
            people.map(|one| format!("{} {:?}", one.name, one.groups)).collect::<Vec<_>>()
        };
        let (olga, otto) = ("olga [\"finance\", \"it\"]", "otto [\"it\"]");
        assert_eq!(people(standing(&*store, &session, key(1)).await), [olga, otto]);
        write(&*store, vec![Change::RevokeOperator(operator_name("olga"), NOW)]).await.unwrap();
        assert_eq!(people(standing(&*store, &session, key(1)).await), [otto]);
        let olgas = store.proof(&Digest::of(b"1")).await.unwrap().unwrap();
        assert_eq!(olgas.ended, Some(NOW), "a namesake would inherit it");
        let expired = stands(&*store, &session, key(1), &[], later(1_000)).await;
        assert!(people(expired).is_empty());
        write(&*store, vec![Change::SetProof(Box::new(passkey("otto", b"id")))]).await.unwrap();
        let expired = stands(&*store, &session, key(1), &[], later(1_000)).await;
        assert_eq!(people(expired), [otto], "a passkey does not run out");
    }

    async fn two_open_approvals_never_have_one_code(store: SharedStore) {
        let sessions = [session(&agent("a")), session(&agent("b"))];
        let first = approval(&sessions[0], key(1));
        let twin = Approval { code: first.code.clone(), ..approval(&sessions[1], key(2)) };
        for session in &sessions {
            write(&*store, vec![Change::OpenSession(session.clone())]).await.unwrap();
        }
        let open = |approval: &Approval| vec![Change::OpenApproval(Box::new(approval.clone()))];
        write(&*store, open(&first)).await.unwrap();
        assert!(moved(write(&*store, open(&twin)).await));
        let over = Change::SetApproval { id: first.id, version: 1, state: ApprovalState::Cancelled { at: NOW } };
        write(&*store, vec![over]).await.unwrap();
        write(&*store, open(&twin)).await.unwrap();
    }

    async fn credentials_and_operators_are_found_by_their_secret(store: SharedStore) {
        let credential = credential(&agent("a"), b"key");
        write(&*store, vec![Change::AddCredential(credential.clone())]).await.unwrap();
        write(&*store, person("olga", &["finance"], b"token")).await.unwrap();
        assert_eq!(store.agents().await.unwrap(), [(agent("a"), AgentState::Running)]);
        let found = store.credential_by_secret(&Digest::of(b"key")).await.unwrap();
        assert_eq!(found.as_ref(), Some(&credential));
        assert!(store.credential_by_secret(&Digest::of(b"other")).await.unwrap().is_none());
        assert!(moved(write(&*store, vec![Change::AddCredential(credential.clone())]).await));

        write(&*store, vec![Change::RevokeCredential(credential.id, later(1))]).await.unwrap();
        assert!(moved(write(&*store, vec![Change::RevokeCredential(credential.id, NOW)]).await));
        let found = store.credential_by_secret(&Digest::of(b"key")).await.unwrap().unwrap();
        assert_eq!(found.revoked, Some(later(1)));

        assert_eq!(store.proof(&Digest::of(b"token")).await.unwrap(), Some(token("olga", b"token")));
        assert!(store.proof(&Digest::of(b"other")).await.unwrap().is_none());
        // What proves somebody moves on by one version at a time, and never to somebody else.
        let ended = Proof { version: 2, ended: Some(NOW), ..token("olga", b"token") };
        for wrong in [
            Proof { version: 1, ..ended.clone() },
            Proof { version: 3, ..ended.clone() },
            Proof { operator: operator_name("otto"), ..ended.clone() },
            token("nobody", b"third"),
        ] {
            assert!(moved(write(&*store, vec![Change::SetProof(Box::new(wrong))]).await));
        }
        write(&*store, vec![Change::SetProof(Box::new(ended.clone()))]).await.unwrap();
        assert_eq!(store.proofs().await.unwrap(), [ended]);
        assert_eq!(store.operators().await.unwrap().len(), 1);
        assert!(store.operator(&operator_name("otto")).await.unwrap().is_none());
    }

    async fn entries_form_a_chain_and_the_head_is_signed(store: SharedStore) {
        for kind in EntryKind::ALL {
            let commit = countersign::store::Commit { entry: entry(kind), ..change(Vec::new()) };
            store.commit(commit).await.unwrap();
        }
        let entries = store.entries(1, 100).await.unwrap();
        assert_eq!(entries.len(), EntryKind::ALL.len());
        let mut previous = chain::GENESIS;
        for (seq, entry) in (1..).zip(&entries) {
            assert_eq!((entry.seq, entry.previous), (seq, previous));
            assert_eq!(entry.hash, chain::hash(seq, &previous, &entry.body));
            previous = entry.hash;
        }
        assert_eq!(
            String::from_utf8(entries[0].body.clone()).unwrap(),
            r#"{"at":"2025-10-09T08:53:20Z","kind":"decision","v":1,"what":"a test"}"#
        );
        let head = store.head().await.unwrap().unwrap();
        assert_eq!((head.head.count, head.head.hash), (entries.len() as u64, previous));
        assert!(signer().public().verify(&head));
        assert_eq!(store.entries(9, 1).await.unwrap(), entries[8..9]);
    }

    async fn whoever_waits_is_woken_after_the_commit(store: SharedStore) {
        let mut wakes = store.wakes();
        let session = session(&agent("a"));
        let approval = approval(&session, key(1));
        write(&*store, vec![Change::OpenSession(session.clone())]).await.unwrap();
        write(&*store, vec![Change::OpenApproval(Box::new(approval.clone()))]).await.unwrap();
        write(&*store, vec![
            Change::SetSession(session.id, SessionState::Paused),
            Change::SetAgent(agent("a"), AgentState::Paused),
        ]).await.unwrap();
        assert_eq!(wakes.recv().await.unwrap(), Wake::Approval(approval.id));
        assert_eq!(wakes.recv().await.unwrap(), Wake::Session(session.id));
        assert_eq!(wakes.recv().await.unwrap(), Wake::Agent);
    }

    async fn a_closed_store_takes_no_commit(store: SharedStore) {
        write(&*store, Vec::new()).await.unwrap();
        store.close().await.unwrap();
        let refused = write(&*store, Vec::new()).await;
        assert!(matches!(refused, Err(countersign::store::StoreError::Unavailable(_))));
    }

    async fn lists_are_newest_first_and_bounded(store: SharedStore) {
        let mut sessions = Vec::new();
        for at in 0..4 {
            let mut one = session(&agent("a"));
            one.opened = later(at);
            write(&*store, vec![Change::OpenSession(one.clone())]).await.unwrap();
            sessions.insert(0, one.id);
        }
        for id in [sessions[0], sessions[1]] {
            let ended = SessionState::Ended(EndCause::Closed);
            write(&*store, vec![Change::SetSession(id, ended)]).await.unwrap();
        }
        let list = |sessions: Vec<countersign::model::session::Session>| {
            sessions.into_iter().map(|one| one.id).collect::<Vec<_>>()
        };
        assert_eq!(list(store.sessions(9).await.unwrap()), sessions);
        assert_eq!(
            list(store.sessions(3).await.unwrap()),
            [sessions[0], sessions[2], sessions[3]]
        );
        // Those that last are never left out.
        assert_eq!(list(store.sessions(0).await.unwrap()), sessions[2..]);

        let session = session(&agent("a"));
        let mut approvals = Vec::new();
        for byte in 0..3 {
            let one = approval(&session, key(byte));
            write(&*store, vec![Change::OpenApproval(Box::new(one.clone()))]).await.unwrap();
            approvals.insert(0, Arc::new(one));
        }
        assert_eq!(store.approvals(None, 2).await.unwrap(), approvals[..2]);
        assert_eq!(store.approvals(Some(NOW), 2).await.unwrap(), approvals[..2]);
    }

    async fn a_pin_moves_only_from_the_version_it_was_read_at_and_is_never_gone(store: SharedStore) {
        let one = pin("find", r#"{"name":"find"}"#);
        let set = |pin: &countersign::model::pin::Pin| vec![Change::SetPin(Box::new(pin.clone()))];
        let mut later = one.clone();
        later.version = 2;
        assert!(moved(write(&*store, set(&later)).await), "it was never seen");
        write(&*store, set(&one)).await.unwrap();
        assert!(moved(write(&*store, set(&one)).await));
        for (seen, then) in pins() {
            write(&*store, set(&seen)).await.unwrap();
            write(&*store, set(&then)).await.unwrap();
        }
        let other = pin("find", r#"{"name":"find","title":"x"}"#);
        write(&*store, set(&other)).await.unwrap();
        let mut expected = vec![one];
        expected.extend(pins().into_iter().map(|(_, then)| then));
        expected.push(other);
        assert_eq!(store.pins().await.unwrap(), expected);
    }
}
