//! What stores keep of a past, and how they compare a call with it.

use std::time::Duration;

use countersign::engine::facts::{Known, Precedent};
use countersign::limits::{
    HISTORY_REACHES_COUNT, HISTORY_REACHES_PER_SESSION_COUNT, HISTORY_VALUES_COUNT,
};
use countersign::model::id::CallId;
use countersign::model::name::UserName;
use countersign::model::outcome::Outcome;
use countersign::model::privilege::Privilege;
use countersign::model::session::{EndCause, Session, SessionState};
use countersign::store::sqlite::FILE;
use countersign::store::{Change, SharedStore, Store};

use crate::made::*;

const DAY: u64 = 24 * 3_600;

async fn opened(store: &SharedStore) -> Session {
    let session = session(&agent("a"));
    write(&**store, vec![Change::OpenSession(session.clone())])
        .await
        .unwrap();
    session
}

#[tokio::test]
async fn a_lesson_is_known_to_its_own_past_and_to_no_other() {
    for (_, store, _directory) in stores() {
        let session = opened(&store).await;
        let pay = lesson(&session, "pay", Privilege::Money, &[1]);
        let unknown = precedent(&*store, &pay, &["pay"], NOW).await;
        let nothing = Precedent {
            values: unknown.values.clone(),
            ..Precedent::default()
        };
        assert!(unknown == nothing && unknown.values.is_empty());

        write(&*store, vec![learn(&pay, NOW)]).await.unwrap();
        let known = precedent(&*store, &pay, &["pay", "find"], NOW).await;
        assert!(known.used);
        assert_eq!(
            known.values[0].1,
            Known {
                used: true,
                values: 1
            }
        );
        assert_eq!(known.done, [target("pay")]);
        assert_eq!(known.highest, Some(Privilege::Money));
        assert_eq!(
            known.evidence.calls, 0,
            "nothing is new, so nothing is worked out"
        );

        let mut others = vec![pay.clone(); 3];
        others[0].who.agent = agent("b");
        others[1].who.on_behalf_of = Some(UserName::parse("ada").unwrap());
        others[2].reach.definition = pay.values[0].0.reach.definition;
        others[2].reach.target = target("elsewhere");
        for other in others {
            let found = precedent(&*store, &other, &[], NOW).await;
            assert!(!found.used, "{other:?}");
        }
        let mut other = pay.clone();
        other.session = opened(&store).await.id;
        let found = precedent(&*store, &other, &["pay"], NOW).await;
        assert!(found.used && found.done.is_empty() && found.highest.is_none());
    }
}

#[tokio::test]
async fn a_tool_used_high_is_known_low_and_not_the_other_way_round() {
    for (_, store, _directory) in stores() {
        let session = opened(&store).await;
        let write_rung = lesson(&session, "note", Privilege::Write, &[]);
        write(&*store, vec![learn(&write_rung, NOW)]).await.unwrap();
        for (privilege, used) in [
            (Privilege::Read, true),
            (Privilege::Write, true),
            (Privilege::Send, false),
        ] {
            let asked = lesson(&session, "note", privilege, &[]);
            let found = precedent(&*store, &asked, &[], NOW).await;
            assert_eq!(found.used, used, "{privilege}");
            assert_eq!(found.evidence.target, !used);
        }
    }
}

#[tokio::test]
async fn evidence_counts_thirty_days_and_no_more() {
    for (_, store, _directory) in stores() {
        let session = opened(&store).await;
        let money = lesson(&session, "pay", Privilege::Money, &[]);
        let read = lesson(&session, "find", Privilege::Read, &[]);
        write(&*store, vec![learn(&money, NOW)]).await.unwrap();
        for day in 1..30 {
            write(&*store, vec![learn(&read, later(day * DAY))])
                .await
                .unwrap();
        }
        let new = lesson(&session, "merge", Privilege::Destroy, &[]);
        for (day, calls, highest) in [
            (29, 30, Some(Privilege::Money)),
            (30, 29, Some(Privilege::Read)),
            (58, 1, Some(Privilege::Read)),
            (59, 0, None),
        ] {
            let evidence = precedent(&*store, &new, &[], later(day * DAY))
                .await
                .evidence;
            assert_eq!(
                (evidence.calls, evidence.highest),
                (calls, highest),
                "day {day}"
            );
            assert!(!evidence.rung && evidence.server && !evidence.target);
        }
    }
}

#[tokio::test]
async fn learning_moves_no_revision_and_a_refused_commit_teaches_nothing() {
    for (_, store, _directory) in stores() {
        let session = opened(&store).await;
        let before = standing(&*store, &session, key(1)).await.revision;
        let pay = lesson(&session, "pay", Privilege::Money, &[1, 2]);
        let never_started = Change::End(CallId::random(&ambient()), Outcome::Done);
        assert!(moved(
            write(&*store, vec![learn(&pay, NOW), never_started]).await
        ));
        let history = store.history(&agent("a"), NOW).await.unwrap();
        assert!(history.pasts.is_empty());
        assert!(history.sessions.is_empty());
        assert!(!precedent(&*store, &pay, &[], NOW).await.used);

        write(&*store, vec![learn(&pay, NOW)]).await.unwrap();
        assert_eq!(standing(&*store, &session, key(1)).await.revision, before);
    }
}

#[tokio::test]
async fn usages_are_counted_from_the_first_to_the_last() {
    for (_, store, _directory) in stores() {
        let session = opened(&store).await;
        for (values, seconds) in [(&[1][..], 5), (&[2], 1), (&[1], 9)] {
            let pay = lesson(&session, "pay", Privilege::Money, values);
            write(&*store, vec![learn(&pay, later(seconds))])
                .await
                .unwrap();
        }
        let history = store.history(&agent("a"), NOW).await.unwrap();
        let past = &history.pasts[0];
        let (_, _, usage) = past.reaches[0];
        assert_eq!(
            (usage.calls, usage.first, usage.last),
            (3, later(1), later(9))
        );
        let (place, values, usage) = &past.places[0];
        assert_eq!((&*place.pointer, *values, usage.calls), ("/to", 2, 3));
        assert_eq!(past.recent[&Privilege::Money], 3);
        assert_eq!(history.sessions[0].done, [target("pay")]);
        assert!(
            store
                .history(&agent("b"), NOW)
                .await
                .unwrap()
                .pasts
                .is_empty()
        );
    }
}

#[tokio::test]
async fn an_ended_session_climbs_no_further() {
    for (_, store, _directory) in stores() {
        let session = opened(&store).await;
        let ended = SessionState::Ended(EndCause::Closed);
        write(&*store, vec![Change::SetSession(session.id, ended)])
            .await
            .unwrap();
        let pay = lesson(&session, "pay", Privilege::Money, &[]);
        write(&*store, vec![learn(&pay, NOW)]).await.unwrap();
        let found = precedent(&*store, &pay, &["pay"], NOW).await;
        assert!(found.used && found.done.is_empty() && found.highest.is_none());
    }
}

#[tokio::test]
async fn a_full_past_forgets_what_was_longest_not_used() {
    for (_, store, _directory) in stores() {
        let session = opened(&store).await;
        let tool = |n: usize| lesson(&session, &format!("t{n}"), Privilege::Read, &[]);
        let all = (0..HISTORY_REACHES_COUNT)
            .map(|n| learn(&tool(n), later(u64::try_from(n).unwrap())))
            .collect();
        write(&*store, all).await.unwrap();
        let end = later(1_000_000);
        // The first is used again, so the second is now the oldest.
        write(&*store, vec![learn(&tool(0), end)]).await.unwrap();
        write(&*store, vec![learn(&tool(HISTORY_REACHES_COUNT), end)])
            .await
            .unwrap();
        for (n, used) in [
            (0, true),
            (1, false),
            (2, true),
            (HISTORY_REACHES_COUNT, true),
        ] {
            let found = precedent(&*store, &tool(n), &[], end).await;
            assert_eq!(found.used, used, "{n}");
        }
        let past = store.history(&agent("a"), end).await.unwrap();
        assert_eq!(past.pasts[0].reaches.len(), HISTORY_REACHES_COUNT);
        assert_eq!(
            past.sessions[0].done.len(),
            HISTORY_REACHES_PER_SESSION_COUNT
        );
    }
}

#[tokio::test]
async fn full_values_forget_those_longest_not_used_and_never_those_just_taught() {
    for (_, store, _directory) in stores() {
        let session = opened(&store).await;
        let base = lesson(&session, "pay", Privilege::Money, &[0]);
        let with = |numbers: &[usize]| {
            let mut taught = base.clone();
            let place = &base.values[0].0;
            taught.values = numbers
                .iter()
                .map(|n| {
                    let mut bytes = [0; 32];
                    bytes[..8].copy_from_slice(&n.to_be_bytes());
                    (
                        place.clone(),
                        countersign::model::history::Mark::from_bytes(bytes),
                    )
                })
                .collect();
            taught
        };
        let all: Vec<usize> = (0..HISTORY_VALUES_COUNT).collect();
        write(&*store, vec![learn(&with(&all), NOW)]).await.unwrap();
        write(&*store, vec![learn(&with(&[0]), later(5))])
            .await
            .unwrap();
        let new = with(&[1, HISTORY_VALUES_COUNT]);
        write(&*store, vec![learn(&new, later(9))]).await.unwrap();
        let asked = with(&[0, 1, 2, 3, HISTORY_VALUES_COUNT]);
        let found = precedent(&*store, &asked, &[], later(9)).await;
        let used: Vec<bool> = found.values.iter().map(|(_, known)| known.used).collect();
        assert_eq!(used, [true, true, false, true, true]);
        assert_eq!(found.values[0].1.values, HISTORY_VALUES_COUNT);
    }
}

#[tokio::test]
async fn a_file_keeps_history_and_drops_what_no_window_reaches() {
    let directory = tempfile::tempdir().unwrap();
    let first = sqlite(directory.path());
    let mut session = session(&agent("a"));
    session.principal.on_behalf_of = Some(UserName::parse("ada").unwrap());
    write(&first, vec![Change::OpenSession(session.clone())])
        .await
        .unwrap();
    let old = NOW.before(Duration::from_secs(40 * DAY));
    let pay = lesson(&session, "pay", Privilege::Money, &[1, 2]);
    let find = lesson(&session, "find", Privilege::Read, &[]);
    let taught = vec![learn(&pay, old), learn(&find, NOW), learn(&find, later(1))];
    write(&first, taught).await.unwrap();
    let history = first.history(&agent("a"), NOW).await.unwrap();
    assert_eq!(history.pasts[0].recent.len(), 1);
    first.close().await.unwrap();
    drop(first);

    let again = sqlite(directory.path());
    assert_eq!(again.history(&agent("a"), NOW).await.unwrap(), history);
    let known = precedent(&again, &pay, &["find", "pay"], NOW).await;
    assert!(known.used && known.values.iter().all(|(_, known)| known.used));
    assert_eq!(
        (known.done.len(), known.highest),
        (2, Some(Privilege::Money))
    );
    again.close().await.unwrap();
    drop(again);
    let db = rusqlite::Connection::open(directory.path().join(FILE)).unwrap();
    let days: i64 = db
        .query_row("SELECT count(*) FROM days", [], |row| row.get(0))
        .unwrap();
    assert_eq!(days, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lessons_taught_at_once_are_all_counted() {
    for (_, store, _directory) in stores() {
        let session = opened(&store).await;
        let mut running = tokio::task::JoinSet::new();
        for n in 0..200 {
            let store = std::sync::Arc::clone(&store);
            let pay = lesson(&session, "pay", Privilege::Money, &[n % 10]);
            running.spawn(async move { write(&*store, vec![learn(&pay, NOW)]).await.unwrap() });
        }
        running.join_all().await;
        let history = store.history(&agent("a"), NOW).await.unwrap();
        let past = &history.pasts[0];
        assert_eq!(past.reaches[0].2.calls, 200);
        assert_eq!(past.recent[&Privilege::Money], 200);
        let (_, values, usage) = &past.places[0];
        assert_eq!((*values, usage.calls), (10, 200));
    }
}
