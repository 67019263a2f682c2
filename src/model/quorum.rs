//! Who may decide, how many of them it takes, and whether those who are there could.

use std::time::Duration;

use super::approver::Approver;
use super::name::{GroupName, UserName};

/// Who may decide, stage by stage, and how long everybody has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApprovalRule {
    /// Passed one after the other; a rule without any lets nobody decide.
    pub stages: Vec<Stage>,
    /// Whether each approval must be signed with a passkey.
    pub step_up: bool,
    /// From opening to decision.
    pub decide_by: Duration,
    /// From decision to use.
    pub redeem_by: Duration,
    /// The agent's owner, a person or a group, where whoever is that may not decide.
    pub four_eyes: Option<String>,
    /// Whether the only person of an installation may decide what concerns themselves.
    pub self_approval: bool,
    /// Whether one person may decide in several stages.
    pub same_person: bool,
}

/// One stage: whose votes count in it, and how many it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stage {
    /// The groups whose members may decide.
    pub any_of: Vec<GroupName>,
    /// How many approvals pass it.
    pub approve: u32,
    /// How many refusals end the request.
    pub deny: u32,
}

/// What keeps a person from deciding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bar {
    /// They belong to none of the groups that decide now.
    Group,
    /// They are the agent's owner, or belong to it, and the rule asks for four eyes.
    Owner,
    /// The agent acts on their behalf.
    User,
}

impl Bar {
    /// Why, for the person.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Group => "the operator belongs to none of the groups that may decide now",
            Self::Owner => "the operator is of the agent's owner, and the scope asks for four eyes",
            Self::User => "the agent acts on behalf of the operator",
        }
    }
}

impl ApprovalRule {
    /// One approval of one of the groups, and nothing more.
    #[must_use]
    pub fn one_of(any_of: Vec<GroupName>, decide_by: Duration, redeem_by: Duration) -> Self {
        Self {
            stages: vec![Stage {
                any_of,
                approve: 1,
                deny: 1,
            }],
            step_up: false,
            decide_by,
            redeem_by,
            four_eyes: None,
            self_approval: false,
            same_person: false,
        }
    }

    /// The groups of all stages, each once.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupName> {
        let mut groups: Vec<GroupName> = Vec::new();
        for group in self.stages.iter().flat_map(|stage| &stage.any_of) {
            if !groups.contains(group) {
                groups.push(group.clone());
            }
        }
        groups
    }

    /// How many approvals it takes in all.
    #[must_use]
    pub fn needed(&self) -> u32 {
        let needed = self.stages.iter().map(|stage| stage.approve);
        needed.fold(0, u32::saturating_add)
    }

    /// What keeps that person from deciding anything for that user's agent, whatever their groups.
    #[must_use]
    pub fn excludes(&self, person: &Approver, user: Option<&UserName>) -> Option<Bar> {
        if user.is_some_and(|user| person.is_user(user)) {
            return Some(Bar::User);
        }
        let owner = self.four_eyes.as_deref();
        owner
            .is_some_and(|owner| person.owns(owner))
            .then_some(Bar::Owner)
    }

    /// The first stage that those people, all there are, could not pass; nothing where they could. Each
    /// counts once, unless the rule says otherwise.
    #[must_use]
    pub fn unmet(&self, people: &[Approver], user: Option<&UserName>) -> Option<&Stage> {
        let forgiving = self.self_approval && people.len() == 1;
        let able: Vec<&Approver> = people
            .iter()
            .filter(|person| forgiving || self.excludes(person, user).is_none())
            .collect();
        if self.same_person {
            return self.stages.iter().find(|stage| {
                let able = able.iter().filter(|person| person.is_of(&stage.any_of));
                able.take(stage.approve as usize).count() < stage.approve as usize
            });
        }
        let mut seats = Seats {
            stages: &self.stages,
            people: able.into_iter().map(|person| (person, None)).collect(),
        };
        self.stages.iter().enumerate().find_map(|(at, stage)| {
            let fills = (0..stage.approve).all(|_| seats.fill(at, &mut Vec::new()));
            (!fills).then_some(stage)
        })
    }
}

/// Which stage each person would decide in.
struct Seats<'a> {
    stages: &'a [Stage],
    people: Vec<(&'a Approver, Option<usize>)>,
}

impl Seats<'_> {
    /// Finds one more person for a stage, moving others where they can decide elsewhere.
    fn fill(&mut self, at: usize, asked: &mut Vec<usize>) -> bool {
        for who in 0..self.people.len() {
            let Some((person, seat)) = self.people.get(who).copied() else {
                continue;
            };
            let fits = self
                .stages
                .get(at)
                .is_some_and(|stage| person.is_of(&stage.any_of));
            if !fits || asked.contains(&who) {
                continue;
            }
            asked.push(who);
            let is_free = seat.is_none_or(|elsewhere| self.fill(elsewhere, asked));
            if is_free && let Some((_, seat)) = self.people.get_mut(who) {
                *seat = Some(at);
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::OperatorName;

    fn group(name: &str) -> GroupName {
        GroupName::parse(name).unwrap()
    }

    fn person(name: &str, groups: &[&str]) -> Approver {
        Approver {
            name: OperatorName::parse(name).unwrap(),
            groups: groups.iter().map(|name| group(name)).collect(),
        }
    }

    fn rule(stages: &[(&[&str], u32)]) -> ApprovalRule {
        let mut rule = ApprovalRule::one_of(Vec::new(), Duration::ZERO, Duration::ZERO);
        rule.stages = stages
            .iter()
            .map(|(any_of, approve)| Stage {
                any_of: any_of.iter().map(|name| group(name)).collect(),
                approve: *approve,
                deny: 1,
            })
            .collect();
        rule
    }

    #[test]
    fn people_are_moved_between_stages_until_all_are_filled_or_nobody_is_left() {
        // Whoever is taken first for the first stage is the only one who could decide in the second.
        let people = [person("a", &["x", "y"]), person("b", &["x"])];
        let both = rule(&[(&["x"], 1), (&["y"], 1)]);
        assert_eq!(both.unmet(&people, None), None);
        let more = rule(&[(&["x"], 2), (&["y"], 1)]);
        assert_eq!(more.unmet(&people, None), more.stages.get(1));
        let mut again = more.clone();
        again.same_person = true;
        assert_eq!(again.unmet(&people, None), None);
        assert!(rule(&[(&["z"], 1)]).unmet(&people, None).is_some());
    }

    #[test]
    fn whoever_is_concerned_is_not_counted_unless_they_are_the_only_person() {
        let (olga, otto) = (person("olga", &["x"]), person("otto", &["x", "team"]));
        let user = UserName::parse("olga@example.com").unwrap();
        let mut one = rule(&[(&["x"], 1)]);
        assert_eq!(one.unmet(std::slice::from_ref(&olga), None), None);
        assert!(
            one.unmet(std::slice::from_ref(&olga), Some(&user))
                .is_some()
        );
        one.four_eyes = Some("team".to_owned());
        assert!(one.unmet(std::slice::from_ref(&otto), None).is_some());
        assert!(
            one.unmet(&[otto.clone(), olga.clone()], Some(&user))
                .is_some()
        );
        one.four_eyes = None;
        one.self_approval = true;
        assert_eq!(one.unmet(std::slice::from_ref(&olga), Some(&user)), None);
        assert!(
            one.unmet(&[olga, person("eve", &["y"])], Some(&user))
                .is_some()
        );
    }
}
