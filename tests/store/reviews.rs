//! Break-glass as the store guards it, and what of it outlives a restart.

use std::collections::BTreeSet;

use countersign::ambient::Ambient;
use countersign::model::approval::{Approval, ApprovalState};
use countersign::model::grant::Grant;
use countersign::model::id::ReviewId;
use countersign::model::review::{Closing, Review, ReviewVerdict};
use countersign::model::role::Role;
use countersign::store::{Change, Store, StoreError};

use crate::made::*;

/// What olga would leave who breaks the glass for an approval.
fn broken(approval: &Approval) -> (Grant, Review, ApprovalState) {
    let grant = grant(approval, 3);
    let review = Review {
        id: ReviewId::random(&Ambient::system()),
        approval: approval.id,
        grant: grant.id,
        agent: approval.principal.agent.clone(),
        groups: vec![group("finance"), group("oncall")],
        by: operator_name("olga"),
        reason: "the till burns\nand \"so on\"".to_owned(),
        opened: NOW,
        closing: None,
    };
    let state = ApprovalState::Approved {
        by: review.by.clone(),
        at: NOW,
        redeem_by: later(300),
    };
    (grant, review, state)
}

fn breaking(version: u32, state: &ApprovalState, review: &Review) -> Change {
    Change::BreakGlass {
        version,
        state: state.clone(),
        review: Box::new(review.clone()),
    }
}

fn closed(review: &Review, by: &str) -> Review {
    let mut closed = review.clone();
    closed.closing = Some(Closing {
        by: operator_name(by),
        at: later(9),
        verdict: ReviewVerdict::NotJustified,
        note: "no fire".to_owned(),
    });
    closed
}

/// A store with a held approval, and people of whom olga alone may break the glass.
async fn held(store: &dyn Store) -> Approval {
    let session = session(&agent("a"));
    let approval = approval(&session, key(1));
    let mut olga = operator("olga", &[]);
    olga.roles = BTreeSet::from([Role::BreakGlass]);
    let changes = vec![
        Change::SetOperator(olga),
        Change::SetOperator(operator("otto", &["finance"])),
        Change::OpenSession(session),
        Change::OpenApproval(Box::new(approval.clone())),
    ];
    write(store, changes).await.unwrap();
    approval
}

#[tokio::test]
async fn a_glass_is_broken_once_by_its_role_and_judged_once_by_another() {
    for (name, store, _directory) in stores() {
        let store = &*store;
        let approval = held(store).await;
        let (grant, review, state) = broken(&approval);
        let mut others = review.clone();
        others.by = operator_name("otto");
        let ottos = ApprovalState::Approved {
            by: others.by.clone(),
            at: NOW,
            redeem_by: later(300),
        };
        let judged = closed(&review, "otto");
        for refused in [
            breaking(2, &state, &review),
            breaking(1, &ottos, &others),
            breaking(1, &ottos, &review),
            breaking(1, &ApprovalState::Held, &review),
            breaking(1, &state, &judged),
            Change::CloseReview(Box::new(judged.clone())),
        ] {
            let told = format!("{name}: {refused:?}");
            let refused = write(store, vec![refused, Change::AddGrant(grant.clone())]).await;
            assert!(matches!(refused, Err(StoreError::Moved)), "{told}");
        }
        assert!(store.grants(10).await.unwrap().is_empty(), "{name}");
        let change = breaking(1, &state, &review);
        write(store, vec![change, Change::AddGrant(grant)])
            .await
            .unwrap();
        let now = store.approval(approval.id).await.unwrap().unwrap();
        assert_eq!((now.version, &now.state), (2, &state), "{name}");
        let again = write(store, vec![breaking(2, &state, &review)]).await;
        assert!(matches!(again, Err(StoreError::Moved)), "{name}");
        for (by, counts) in [("olga", false), ("otto", true), ("otto", false)] {
            let change = Change::CloseReview(Box::new(closed(&review, by)));
            let done = write(store, vec![change]).await;
            assert_eq!(done.is_ok(), counts, "{name}: {by}");
        }
        assert_eq!(store.reviews().await.unwrap(), [judged], "{name}");
    }
}

#[tokio::test]
async fn a_review_outlives_a_restart_open_and_closed() {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(directory.path());
    let approval = held(&store).await;
    let (grant, review, state) = broken(&approval);
    let change = breaking(1, &state, &review);
    write(&store, vec![change, Change::AddGrant(grant)])
        .await
        .unwrap();
    store.close().await.unwrap();
    drop(store);

    let store = sqlite(directory.path());
    assert_eq!(
        store.reviews().await.unwrap(),
        std::slice::from_ref(&review)
    );
    let kept = store.approval(approval.id).await.unwrap().unwrap();
    assert_eq!(kept.state, state);
    let judged = closed(&review, "otto");
    write(&store, vec![Change::CloseReview(Box::new(judged.clone()))])
        .await
        .unwrap();
    store.close().await.unwrap();
    drop(store);

    let store = sqlite(directory.path());
    assert_eq!(store.reviews().await.unwrap(), [judged]);
    let second = Change::CloseReview(Box::new(closed(&review, "otto")));
    assert!(write(&store, vec![second]).await.is_err());
}
