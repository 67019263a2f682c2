//! The room in a group's inbox, against looking at everything that waits there.

use std::collections::BTreeMap;

use countersign::limits::INBOX_OPEN_COUNT;
use countersign::model::approval::{Approval, ApprovalState};
use countersign::model::name::{AgentName, GroupName};
use countersign::model::time::Timestamp;
use countersign::store::{Change, SharedStore};
use proptest::prelude::*;

use crate::made::*;

/// What happens to inboxes.
#[derive(Clone, Debug)]
enum Step {
    /// An agent asks one of the groups, or both, for so long.
    Open {
        agent: usize,
        groups: usize,
        seconds: u64,
    },
    /// One of those that were opened ends in some way.
    End { which: usize, how: usize },
    /// Time passes.
    Pass { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..AGENTS, 0..4_usize, 1..400_u64)
            .prop_map(|(agent, groups, seconds)| Step::Open { agent, groups, seconds }),
        2 => (0..200_usize, 0..4_usize).prop_map(|(which, how)| Step::End { which, how }),
        1 => (0..40_u64).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

const AGENTS: usize = 7;
const GROUPS: [&[&str]; 4] = [&["one"], &["two"], &["one", "two"], &["one", "one"]];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn an_inbox_is_as_full_as_counting_all_that_waits_makes_it(
        steps in prop::collection::vec(step(), 150..400),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (_, store, _directory) in stores() {
            runtime.block_on(play(store, &steps));
        }
    }
}

async fn play(store: SharedStore, steps: &[Step]) {
    let sessions: Vec<_> = (0..AGENTS)
        .map(|at| session(&agent(&format!("a{at}"))))
        .collect();
    let mut known: Vec<Approval> = Vec::new();
    let (mut now, mut keys) = (NOW, 0_u32);
    for step in steps {
        match step {
            Step::Open {
                agent,
                groups,
                seconds,
            } => {
                keys += 1;
                let mut bytes = [0; 32];
                *bytes.first_chunk_mut().unwrap() = keys.to_be_bytes();
                let key = countersign::model::action::MatchKey::from_bytes(bytes);
                let mut one = approval(sessions.get(*agent).unwrap(), key);
                let names = GROUPS.get(*groups).unwrap();
                let names: Vec<GroupName> = names.iter().map(|name| group(name)).collect();
                one.rule.stages.first_mut().unwrap().any_of = names;
                one.code = keys.to_string();
                one.opened = now;
                one.decide_by = now.after(std::time::Duration::from_secs(*seconds));
                let expected = full(&known, &one.rule.groups(), &one.principal.agent, now);
                let opened =
                    write(&*store, vec![Change::OpenApproval(Box::new(one.clone()))]).await;
                assert_eq!(moved(opened), expected.is_some());
                if expected.is_none() {
                    known.push(one);
                }
            }
            Step::End { which, how } => {
                let count = known.len().max(1);
                if let Some(one) = known.get_mut(which % count) {
                    let by = operator_name("olga");
                    let state = match how {
                        0 => ApprovalState::Expired,
                        1 => ApprovalState::Cancelled { at: now },
                        2 => ApprovalState::Approved {
                            by,
                            at: now,
                            redeem_by: later(900),
                        },
                        _ => ApprovalState::Denied {
                            by,
                            at: now,
                            message: None,
                        },
                    };
                    let change = Change::SetApproval {
                        id: one.id,
                        version: one.version,
                        state: state.clone(),
                    };
                    write(&*store, vec![change]).await.unwrap();
                    one.state = state;
                    one.version += 1;
                }
            }
            Step::Pass { seconds } => now = now.after(std::time::Duration::from_secs(*seconds)),
        }
        for session in &sessions {
            let (groups, agent) = ([group("two"), group("one")], &session.principal.agent);
            let found = store.crowded(&groups, agent, now).await.unwrap();
            assert_eq!(found, full(&known, &groups, agent, now));
        }
    }
}

/// The first group without room for one more request of the agent, by looking at all there are.
fn full(
    known: &[Approval],
    groups: &[GroupName],
    agent: &AgentName,
    now: Timestamp,
) -> Option<GroupName> {
    let is_full = |group: &&GroupName| {
        let mut waiting = BTreeMap::from([(agent, 0)]);
        for one in known.iter().filter(|one| one.is_open(now)) {
            if one.rule.groups().contains(group) {
                *waiting.entry(&one.principal.agent).or_default() += 1;
            }
        }
        let share = (INBOX_OPEN_COUNT / waiting.len()).max(1);
        waiting.values().sum::<usize>() >= INBOX_OPEN_COUNT
            && waiting.get(agent).is_some_and(|own| *own >= share)
    };
    groups.iter().find(is_full).cloned()
}
