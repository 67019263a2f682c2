//! What no manifest may ever bring about.

use countersign::model::decimal::Decimal;
use countersign::model::decision::Decision;
use proptest::prelude::*;
use serde_json::json;

use super::played::{Asked, Ban, Clause, Paper, Past, asked, leave, papers, pasts};

/// An answer without the places that its sentences name, which a shuffled manifest moves.
fn answer(paper: &Paper, asked: &Asked) -> (u8, Vec<&'static str>, &'static str) {
    let evaluation = paper.judge(asked);
    let mut codes = match &evaluation.decision {
        Decision::Permit { reason, .. } => vec![reason.code()],
        Decision::Challenge { .. } => Vec::new(),
        Decision::Pause { causes, .. } => causes.iter().map(|cause| cause.reason.code()).collect(),
        Decision::Deny { cause } => vec![cause.reason.code()],
    };
    codes.dedup();
    (
        leave(&evaluation.decision),
        codes,
        evaluation.privilege.name(),
    )
}

proptest! {
    #[test]
    fn the_order_of_rules_and_of_arguments_never_matters(paper in papers(), asked in asked()) {
        let mut turned = paper.clone();
        turned.clauses.reverse();
        turned.bans.reverse();
        let mut spelt = asked.clone();
        spelt.arguments = asked.arguments.iter().rev().map(|(k, v)| (k.clone(), v.clone())).collect();
        prop_assert_eq!(answer(&paper, &asked), answer(&turned, &spelt));
    }

    #[test]
    fn adding_a_forbid_never_permits_more(
        paper in papers(),
        asked in asked(),
        tool in prop::sample::select(vec!["a/x", "b/x", "*/y"]),
        above in prop::option::of(1_u32..50),
    ) {
        let before = leave(&paper.judge(&asked).decision);
        let mut stricter = paper;
        stricter.bans.push(Ban { tool, above });
        prop_assert!(leave(&stricter.judge(&asked).decision) <= before);
    }

    #[test]
    fn tightening_a_schema_never_permits_more(
        paper in papers(),
        asked in asked(),
        which in any::<prop::sample::Index>(),
        less in 1_u32..20,
        fewer in any::<bool>(),
    ) {
        prop_assume!(!paper.clauses.is_empty());
        let before = leave(&paper.judge(&asked).decision);
        let mut tighter = paper;
        let index = which.index(tighter.clauses.len());
        let clause = &mut tighter.clauses[index];
        clause.most = clause.most.saturating_sub(less);
        if fewer && clause.words.len() > 1 {
            clause.words.pop();
        }
        prop_assert!(leave(&tighter.judge(&asked).decision) <= before);
    }

    #[test]
    fn a_second_rule_never_widens_a_first(paper in papers(), asked in asked(), tool in prop::sample::select(vec!["a/x", "a/*", "*/x"])) {
        let before = paper.judge(&asked);
        prop_assume!(paper.clauses.iter().any(|clause| clause.tool == asked.tool));
        let mut wider = paper;
        wider.clauses.push(Clause::plain(tool, 1_000_000, vec!["red", "green", "blue", "mauve"]));
        prop_assert!(leave(&wider.judge(&asked).decision) <= leave(&before.decision));
    }

    #[test]
    fn a_missing_field_never_makes_an_allow_fire(paper in papers(), asked in asked(), field in prop::sample::select(vec!["amount", "word"])) {
        let mut without = asked;
        without.arguments.shift_remove(field);
        let permitted = matches!(paper.judge(&without).decision, Decision::Permit { .. });
        prop_assert!(!permitted, "every rule of these manifests names {}", field);
    }

    #[test]
    fn bounds_compare_exact_decimals(most in 1_u32..50, digits in "[0-9]{1,40}") {
        let paper = Paper {
            clauses: vec![Clause { beyond: "deny", ..Clause::plain("a/x", most, vec!["red"]) }],
            bans: Vec::new(),
            undeclared: "deny",
            first_use: "note",
            escalation: "note",
        };
        let amount: serde_json::Value = serde_json::from_str(&format!("{most}.{digits}")).unwrap();
        let inside = Decimal::from_value(&amount).unwrap() <= Decimal::parse(&most.to_string()).unwrap();
        let arguments = [("amount".to_owned(), amount), ("word".to_owned(), json!("red"))];
        let past = Past { used: false, seen: false, done: false, highest: None };
        let asked = Asked { tool: "a/x", arguments: arguments.into_iter().collect(), past };
        let permitted = matches!(paper.judge(&asked).decision, Decision::Permit { .. });
        prop_assert_eq!(permitted, inside);
    }

    #[test]
    fn a_past_that_knows_more_never_permits_less(
        paper in papers(),
        asked in asked(),
        more in pasts(),
    ) {
        let mut wiser = asked.clone();
        wiser.past = Past {
            used: asked.past.used || more.used,
            seen: asked.past.seen || more.seen,
            done: asked.past.done || more.done,
            highest: asked.past.highest.max(more.highest),
        };
        prop_assert!(leave(&paper.judge(&asked).decision) <= leave(&paper.judge(&wiser).decision));
    }

    #[test]
    fn asking_where_it_was_only_noted_never_permits_more(paper in papers(), asked in asked()) {
        let before = leave(&paper.judge(&asked).decision);
        for (first_use, escalation) in [("pause", paper.escalation), (paper.first_use, "pause")] {
            let stricter = Paper { first_use, escalation, ..paper.clone() };
            prop_assert!(leave(&stricter.judge(&asked).decision) <= before);
        }
    }

    #[test]
    fn nothing_new_passes_where_the_scope_asks_about_it(paper in papers(), asked in asked()) {
        let asking = Paper { first_use: "pause", escalation: "pause", ..paper };
        let evaluation = asking.judge(&asked);
        prop_assert!(evaluation.notes.is_empty());
        let passes = leave(&evaluation.decision) > 1;
        let rank = evaluation.privilege.rank();
        let climbs = rank >= 2 && asked.past.highest.is_none_or(|highest| highest.rank() < rank);
        if passes {
            prop_assert!(asked.past.used && !climbs);
        }
        let named = |clause: &&Clause| clause.tool == asked.tool;
        for clause in asking.clauses.iter().filter(named) {
            prop_assert!(!passes || !clause.first_seen || asked.past.seen);
            prop_assert!(!clause.after || asked.past.done || leave(&evaluation.decision) == 0);
        }
    }

    #[test]
    fn what_is_undeclared_is_never_called_a_first_reach(paper in papers(), asked in asked()) {
        let asking = Paper { clauses: Vec::new(), first_use: "pause", escalation: "pause", ..paper };
        let (_, codes, _) = answer(&asking, &asked);
        prop_assert!(codes.iter().all(|code| ["undeclared", "forbidden"].contains(code)));
    }
}
