//! Reads who may approve: for each privilege, stage by stage.

use std::collections::BTreeMap;
use std::time::Duration;

use super::fault::Faults;
use super::reading::{Block, Keys, list};
use super::yaml::{Node, Shape};
use crate::limits::{MANIFEST_DURATION_LONGEST, QUORUM_PEOPLE_COUNT, QUORUM_STAGES_COUNT};
use crate::model::name::GroupName;
use crate::model::privilege::Privilege;
use crate::model::quorum::{ApprovalRule, Stage};

/// The rule of every rung that has none of its own, and those of the others.
pub(super) type Approvals = (Option<ApprovalRule>, BTreeMap<Privilege, ApprovalRule>);

/// Reads the block; `owner` is the agent's, whom four eyes keep out.
pub(super) fn approvals(node: &Node, owner: Option<&str>, faults: &mut Faults) -> Approvals {
    let mut default = None;
    let mut rungs = BTreeMap::new();
    let Some(block) = Block::open(node, &APPROVAL, faults) else {
        return (default, rungs);
    };
    for entry in block.entries {
        match Privilege::parse(&entry.key) {
            Some(rung) => {
                if let Some(rule) = approval(&entry.value, owner, faults) {
                    rungs.insert(rung, rule);
                }
            }
            None if entry.key == "default" => default = approval(&entry.value, owner, faults),
            // Block::open complained of it.
            None => {}
        }
    }
    (default, rungs)
}

fn approval(node: &Node, owner: Option<&str>, faults: &mut Faults) -> Option<ApprovalRule> {
    let block = Block::open(node, &APPROVAL_RULE, faults)?;
    let stages = match block.find("stages") {
        Some(stages) => staged(&block, stages, faults),
        None => stage(&block, faults).map(|stage| vec![stage]),
    };
    let mut duration = |key: &str, default: Duration| {
        block.find(key).map_or(Some(default), |node| {
            node.duration(MANIFEST_DURATION_LONGEST, faults)
        })
    };
    let decide_by = duration("decide_by", DECIDE_BY);
    let redeem_by = duration("redeem_by", REDEEM_BY);
    let same_person = block.find("same_person").and_then(|node| {
        let words = [("once", false), ("each_stage", true)];
        node.choice(&words, &[], faults)
    });
    let self_approval = block
        .find("self_approval")
        .and_then(|node| node.flag(faults));
    let step_up = block
        .find("step_up")
        .and_then(|node| node.choice(&[("passkey", true), ("none", false)], &[], faults));
    let mut rule = ApprovalRule {
        stages: stages?,
        step_up: step_up.unwrap_or(false),
        decide_by: decide_by?,
        redeem_by: redeem_by?,
        four_eyes: None,
        self_approval: self_approval.unwrap_or(false),
        same_person: same_person.unwrap_or(false),
    };
    rule.four_eyes = four_eyes(&block, owner, &rule, faults);
    possible(&block, &rule, faults);
    Some(rule)
}

/// Several stages: what one of them says may not stand beside them.
fn staged(block: &Block<'_>, stages: &Node, faults: &mut Faults) -> Option<Vec<Stage>> {
    for entry in block.entries {
        if STAGE.known.contains(&entry.key.as_str()) {
            faults.add(
                &entry.at,
                format!("`{}` stands beside `stages`", entry.key),
                "write it in the stage it is for",
            );
        }
    }
    let items = stages.items(faults)?;
    if items.is_empty() || items.len() > QUORUM_STAGES_COUNT {
        faults.add(
            &stages.at,
            format!("{} stages stand here", items.len()),
            format!("list 1 to {QUORUM_STAGES_COUNT} stages, each like `{{any_of: [finance], approve: 2}}`"),
        );
    }
    let read = |node: &Node, faults: &mut Faults| {
        let block = Block::open(node, &STAGE, faults)?;
        stage(&block, faults)
    };
    Some(list(Some(stages), read, faults))
}

fn stage(block: &Block<'_>, faults: &mut Faults) -> Option<Stage> {
    let mut count = |key: &str| {
        block
            .find(key)
            .map_or(Some(1), |node| node.count(1..=QUORUM_PEOPLE_COUNT, faults))
    };
    let (approve, deny) = (count("approve"), count("deny"));
    let any_of = block.need("any_of", "list the groups whose members may decide", faults)?;
    if matches!(&any_of.shape, Shape::List(items) if items.is_empty()) {
        faults.add(
            &any_of.at,
            "nobody may decide",
            "list at least one group, or drop the rule",
        );
    }
    Some(Stage {
        any_of: list(Some(any_of), group, faults),
        approve: approve?,
        deny: deny?,
    })
}

/// The owner, where the rule keeps them out, as a person or a group that there could be.
fn four_eyes(
    block: &Block<'_>,
    owner: Option<&str>,
    rule: &ApprovalRule,
    faults: &mut Faults,
) -> Option<String> {
    let node = block.find("four_eyes")?;
    if !node.flag(faults)? {
        return None;
    }
    let named = owner.filter(|owner| GroupName::parse(owner).is_ok());
    let Some(owner) = named else {
        faults.add(
            &node.at,
            "four eyes keep the agent's owner from deciding, and no person or group owns it",
            "name one, for example `owner: team-payments`, or leave it out",
        );
        return None;
    };
    let all_own = |stage: &Stage| {
        let mut groups = stage.any_of.iter();
        !stage.any_of.is_empty() && groups.all(|group| group.as_str() == owner)
    };
    if rule.stages.iter().any(all_own) {
        faults.add(
            &node.at,
            format!("every member of `{owner}` is kept out, so nobody could decide"),
            "let another group decide, or leave it out",
        );
    }
    Some(owner.to_owned())
}

/// Complains of what could never come to an approval, whoever belongs to the groups.
fn possible(block: &Block<'_>, rule: &ApprovalRule, faults: &mut Faults) {
    let at = &block.node.at;
    if rule.needed() > QUORUM_PEOPLE_COUNT {
        faults.add(
            at,
            format!("{} approvals are needed in all", rule.needed()),
            format!("ask for {QUORUM_PEOPLE_COUNT} at most"),
        );
    }
    if block.find("same_person").is_some() && rule.stages.len() < 2 {
        faults.add(
            at,
            "`same_person` stands where there is one stage",
            "leave it out: within a stage one person counts once",
        );
    }
    if !rule.self_approval {
        return;
    }
    if rule.four_eyes.is_some() {
        faults.add(
            at,
            "`self_approval` and `four_eyes` contradict each other",
            "leave one of them out",
        );
    }
    let one_will_do = rule.same_person && rule.stages.iter().all(|stage| stage.approve == 1);
    if rule.needed() > 1 && !one_will_do {
        faults.add(
            at,
            format!(
                "`self_approval` is for an installation of one person, and {} are needed",
                rule.needed()
            ),
            "leave it out, or ask for one approval",
        );
    }
}

fn group(node: &Node, faults: &mut Faults) -> Option<GroupName> {
    GroupName::parse(node.text(faults)?)
        .map_err(|error| {
            faults.add(
                &node.at,
                "not a name for a group",
                format!("write {}", error.expected),
            );
        })
        .ok()
}

const DECIDE_BY: Duration = Duration::from_secs(15 * 60);
const REDEEM_BY: Duration = Duration::from_secs(5 * 60);

const APPROVAL: Keys = Keys {
    what: "approval",
    known: &[
        "default", "read", "write", "send", "destroy", "money", "admin",
    ],
    later: &["undeclared"],
};

const APPROVAL_RULE: Keys = Keys {
    what: "an approval rule",
    known: &[
        "any_of",
        "approve",
        "deny",
        "stages",
        "decide_by",
        "redeem_by",
        "four_eyes",
        "self_approval",
        "same_person",
        "step_up",
    ],
    later: &["break_glass"],
};

const STAGE: Keys = Keys {
    what: "a stage",
    known: &["any_of", "approve", "deny"],
    later: &[],
};
