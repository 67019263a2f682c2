//! What differs between two definitions, word by word, with nothing invisible in it.

use serde_json::Value;

use crate::limits::DIFF_PAIRS_COUNT;
use crate::model::json::{self, is_deceptive};
use crate::model::text::escape;

/// One member of a definition that differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberDiff {
    /// Its name, escaped; empty where the definition has no members.
    pub member: String,
    /// Its words before and after, in the order of reading.
    pub words: Vec<Word>,
}

/// Some words, escaped: every control, bidirectional and invisible character is spelt out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Word {
    /// They stand in both.
    Same(String),
    /// They stood there before.
    Removed(String),
    /// They stand there now.
    Added(String),
}

/// The members that differ, by their names; every member where there was nothing before.
pub(super) fn compare(before: Option<&Value>, after: &Value) -> Vec<MemberDiff> {
    let (none, before) = (Value::Object(serde_json::Map::new()), before);
    let (Value::Object(old), Value::Object(new)) = (before.unwrap_or(&none), after) else {
        return differ("", before, Some(after)).into_iter().collect();
    };
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| differ(name, old.get(name), new.get(name)))
        .collect()
}

fn differ(member: &str, before: Option<&Value>, after: Option<&Value>) -> Option<MemberDiff> {
    (before != after).then(|| MemberDiff {
        member: escape(member),
        words: words(
            &before.map(spell).unwrap_or_default(),
            &after.map(spell).unwrap_or_default(),
        ),
    })
}

/// A value as a person reads it: text as it is, anything else as JSON.
fn spell(value: &Value) -> String {
    if let Value::String(text) = value {
        return escape(text);
    }
    let mut shown = String::new();
    for c in String::from_utf8_lossy(&json::canonical(value)).chars() {
        // In JSON a backslash of the text's own is doubled already.
        if is_deceptive(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

fn words(before: &str, after: &str) -> Vec<Word> {
    let (old, new) = (split(before), split(after));
    let same = |(one, other): &(&&str, &&str)| one == other;
    let head = old.iter().zip(&new).take_while(same).count();
    let room = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev());
    let tail = tail.take(room).take_while(same).count();
    let middle = |words: &[&str]| -> Vec<String> {
        let kept = words.len().saturating_sub(head + tail);
        let kept = words.iter().skip(head).take(kept);
        kept.map(ToString::to_string).collect()
    };
    let mut found = Vec::new();
    for word in old.iter().take(head) {
        push(&mut found, Word::Same((*word).to_owned()));
    }
    for word in merge(&middle(&old), &middle(&new)) {
        push(&mut found, word);
    }
    for word in old.iter().skip(old.len() - tail) {
        push(&mut found, Word::Same((*word).to_owned()));
    }
    found
}

/// The longest common run of words kept; all of it replaced where that would take too long to find.
fn merge(old: &[String], new: &[String]) -> Vec<Word> {
    let mut found = Vec::new();
    let width = new.len() + 1;
    let mut lengths = Vec::new();
    if old.len().saturating_mul(new.len()) <= DIFF_PAIRS_COUNT {
        // lengths[i * width + j]: how many words old[i..] and new[j..] share, in order.
        lengths = vec![0_u32; (old.len() + 1) * width];
        for (i, one) in old.iter().enumerate().rev() {
            for (j, other) in new.iter().enumerate().rev() {
                let best = match one == other {
                    true => at(&lengths, width, i + 1, j + 1) + 1,
                    false => at(&lengths, width, i + 1, j).max(at(&lengths, width, i, j + 1)),
                };
                if let Some(place) = lengths.get_mut(i * width + j) {
                    *place = best;
                }
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    loop {
        match (old.get(i), new.get(j)) {
            (Some(one), Some(other)) if one == other && !lengths.is_empty() => {
                found.push(Word::Same(one.clone()));
                (i, j) = (i + 1, j + 1);
            }
            (Some(one), other)
                if other.is_none()
                    || at(&lengths, width, i + 1, j) >= at(&lengths, width, i, j + 1) =>
            {
                found.push(Word::Removed(one.clone()));
                i += 1;
            }
            (_, Some(other)) => {
                found.push(Word::Added(other.clone()));
                j += 1;
            }
            (_, None) => return found,
        }
    }
}

fn at(lengths: &[u32], width: usize, i: usize, j: usize) -> u32 {
    lengths.get(i * width + j).copied().unwrap_or(0)
}

/// Words, and every other character by itself.
fn split(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match first.is_alphanumeric() {
            true => rest
                .find(|c: char| !c.is_alphanumeric())
                .unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (word, left) = rest.split_at(end);
        words.push(word);
        rest = left;
    }
    words
}

/// Adds a word to the last run, if it is of the same kind.
fn push(found: &mut Vec<Word>, word: Word) {
    match (found.last_mut(), word) {
        (Some(Word::Same(run)), Word::Same(text))
        | (Some(Word::Removed(run)), Word::Removed(text))
        | (Some(Word::Added(run)), Word::Added(text)) => run.push_str(&text),
        (_, word) => found.push(word),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn sides(words: &[Word]) -> (String, String) {
        let (mut old, mut new) = (String::new(), String::new());
        for word in words {
            match word {
                Word::Same(text) => {
                    old.push_str(text);
                    new.push_str(text);
                }
                Word::Removed(text) => old.push_str(text),
                Word::Added(text) => new.push_str(text),
            }
        }
        (old, new)
    }

    #[test]
    fn only_the_words_that_changed_stand_out() {
        let found = words(
            "pays a bill of the customer",
            "pays any bill of the customer",
        );
        assert_eq!(
            found,
            [
                Word::Same("pays ".to_owned()),
                Word::Removed("a".to_owned()),
                Word::Added("any".to_owned()),
                Word::Same(" bill of the customer".to_owned()),
            ]
        );
    }

    #[test]
    fn an_invisible_character_is_spelt_out_in_text_and_in_json() {
        let before = json!({"description": "pay", "inputSchema": {"title": "x"}, "name": "pay"});
        let after = json!({"description": "pay\u{200b}", "inputSchema": {"title": "x\u{202e}"}, "name": "pay"});
        let found = compare(Some(&before), &after);
        assert_eq!(
            found[0].words.last(),
            Some(&Word::Added("\\u{200b}".to_owned()))
        );
        assert_eq!(found[1].member, "inputSchema");
        assert!(
            found[1]
                .words
                .contains(&Word::Added("\\u{202e}".to_owned()))
        );
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn what_was_not_there_before_is_all_added() {
        let found = compare(None, &json!({"name": "x"}));
        assert_eq!(found[0].words, [Word::Added("x".to_owned())]);
        let found = compare(None, &json!("read this"));
        assert_eq!(found[0].words, [Word::Added("read this".to_owned())]);
    }

    #[test]
    fn texts_too_long_to_compare_are_replaced_whole() {
        let old: String = (0..3_000).map(|n| format!("a{n} ")).collect();
        let new: String = (0..3_000).map(|n| format!("b{n} ")).collect();
        assert_eq!(words(&old, &new).len(), 3);
        assert_eq!(sides(&words(&old, &new)), (old, new));
    }

    proptest! {
        #[test]
        fn both_sides_of_a_diff_read_as_they_were(old in "[ab ]{0,20}", new in "[ab ]{0,20}") {
            prop_assert_eq!(sides(&words(&old, &new)), (old, new));
        }
    }
}
