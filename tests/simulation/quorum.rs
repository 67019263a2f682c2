//! Whoever approved: as many as their manifest asks for, each of a group that may, and nobody twice.

use std::collections::BTreeSet;

use super::cast::{OPERATORS, stages_of};
use super::invariants::News;
use super::record::text;

/// Every grant is left by the votes that stood when it was, and they are a quorum of distinct people in
/// each of the stages that the manifest asks for.
pub(super) fn invariant_no_grant_is_left_without_its_quorum(news: &News<'_>) -> Result<(), String> {
    for (place, body) in (news.first..).zip(news.bodies) {
        let (grant, approval) = (text(body, "grant"), text(body, "approval"));
        if grant.is_empty() || text(body, "state") != "approved" {
            continue;
        }
        let record = news.record;
        let opener = record.openers.get(approval).and_then(|seq| record.at(*seq));
        let opener = opener.ok_or_else(|| format!("{approval} was opened by nothing"))?;
        let votes = standing(news, approval, place);
        let mut people = BTreeSet::new();
        let stages = stages_of(text(opener, "agent"), text(opener, "privilege"));
        for (number, (groups, needed)) in (1..).zip(stages) {
            let of_stage = votes.iter().filter(|vote| vote.stage == number);
            let mut count = 0;
            for vote in of_stage {
                let group = OPERATORS.iter().find(|(name, _)| *name == vote.by);
                if !group.is_some_and(|(_, group)| groups.contains(group)) {
                    return Err(format!(
                        "{} may not vote on {approval} in {number}",
                        vote.by
                    ));
                }
                if !vote.approves {
                    return Err(format!(
                        "{} refused {approval}, of which {grant} is",
                        vote.by
                    ));
                }
                if !people.insert(vote.by) {
                    return Err(format!("{} counts twice for {grant}", vote.by));
                }
                count += 1;
            }
            if count < *needed {
                return Err(format!(
                    "{grant} is left by {count} of {needed} in stage {number}"
                ));
            }
        }
        if people.len() != votes.len() {
            return Err(format!(
                "{grant} is left by votes of other stages: {votes:?}"
            ));
        }
    }
    Ok(())
}

#[derive(Debug)]
struct Vote<'a> {
    stage: u64,
    by: &'a str,
    approves: bool,
}

/// The votes on an approval that count at a place of the record.
fn standing<'a>(news: &News<'a>, approval: &str, place: u64) -> Vec<Vote<'a>> {
    let mut votes: Vec<Vote<'_>> = Vec::new();
    let places = news.record.approvals.get(approval).into_iter().flatten();
    for body in places
        .filter(|seq| **seq <= place)
        .filter_map(|seq| news.record.at(*seq))
    {
        let Some(vote) = body.get("vote") else {
            continue;
        };
        let (by, stage) = (text(body, "by"), vote["stage"].as_u64().unwrap_or(0));
        match text(body, "state") {
            "vote-withdrawn" | "vote-struck" => {
                votes.retain(|one| one.by != by || one.stage != stage);
            }
            _ => votes.push(Vote {
                stage,
                by,
                approves: vote["decision"] == "approve",
            }),
        }
    }
    votes
}
