//! Typed reading of the tree: each reader returns the value, or records the fault and its fix.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::fault::Faults;
use super::yaml::{Entry, Node, Shape};
use crate::limits::MANIFEST_DURATION_LONGEST;
use crate::model::decimal::Decimal;
use crate::model::json::is_deceptive;

/// The keys one kind of map may have.
pub(crate) struct Keys {
    /// What the map is, as a sentence names it.
    pub(crate) what: &'static str,
    /// The keys that are read.
    pub(crate) known: &'static [&'static str],
    /// Keys the format reserves, refused until they do something.
    pub(crate) later: &'static [&'static str],
}

/// A map whose keys were all checked.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    pub(crate) node: &'a Node,
    pub(crate) entries: &'a [Entry],
}

impl<'a> Block<'a> {
    /// Opens a map and complains of every key that is not among `keys`.
    pub(crate) fn open(node: &'a Node, keys: &Keys, faults: &mut Faults) -> Option<Self> {
        let entries = node.entries(keys.what, faults)?;
        for entry in entries {
            let key = entry.key.as_str();
            if keys.later.contains(&key) {
                faults.add(
                    &entry.at,
                    format!("`{key}` is not yet supported"),
                    "leave it out",
                );
            } else if !keys.known.contains(&key) {
                faults.add(
                    &entry.at,
                    format!("`{key}` is not a key of {}", keys.what),
                    nearest(key, keys.known),
                );
            }
        }
        Some(Self { node, entries })
    }

    /// The value of a key, if the map has it.
    pub(crate) fn find(&self, key: &str) -> Option<&'a Node> {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// The value of a key that must be there.
    pub(crate) fn need(&self, key: &str, fix: &str, faults: &mut Faults) -> Option<&'a Node> {
        let found = self.find(key);
        if found.is_none() {
            faults.add(&self.node.at, format!("`{key}` is missing"), fix);
        }
        found
    }
}

impl Node {
    /// The entries of a map.
    pub(crate) fn entries(&self, what: &str, faults: &mut Faults) -> Option<&[Entry]> {
        match &self.shape {
            Shape::Map(entries) => Some(entries),
            _ => self.mistyped(&format!("{what} is a map of keys"), faults),
        }
    }

    /// The items of a list.
    pub(crate) fn items(&self, faults: &mut Faults) -> Option<&[Self]> {
        match &self.shape {
            Shape::List(items) => Some(items),
            _ => self.mistyped("write a list, for example `[a, b]`", faults),
        }
    }

    /// Text, as it stands.
    pub(crate) fn text(&self, faults: &mut Faults) -> Option<&str> {
        match &self.shape {
            Shape::Text(text) => Some(text),
            _ => self.mistyped("write text", faults),
        }
    }

    /// One line for people to read, without characters that change how it reads.
    pub(crate) fn line(&self, faults: &mut Faults) -> Option<String> {
        let text = self.text(faults)?;
        if text.is_empty() || text.chars().any(is_deceptive) {
            faults.add(
                &self.at,
                "the text is empty, or has control or invisible characters",
                "write one line of plain text",
            );
            return None;
        }
        Some(text.to_owned())
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, faults: &mut Faults) -> Option<bool> {
        match self.shape {
            Shape::Flag(flag) => Some(flag),
            _ => self.mistyped("write `true` or `false`", faults),
        }
    }

    /// A whole number within a range.
    pub(crate) fn count(&self, range: RangeInclusive<u32>, faults: &mut Faults) -> Option<u32> {
        let fix = format!(
            "write a whole number from {} to {}",
            range.start(),
            range.end()
        );
        let Shape::Number(number) = &self.shape else {
            return self.mistyped(&fix, faults);
        };
        match number.as_str().parse::<u32>() {
            Ok(count) if range.contains(&count) => Some(count),
            _ => {
                faults.add(&self.at, format!("{number} is out of range"), fix);
                None
            }
        }
    }

    /// An exact decimal above zero.
    pub(crate) fn positive(&self, faults: &mut Faults) -> Option<Decimal> {
        let Shape::Number(number) = &self.shape else {
            return self.mistyped("write a number", faults);
        };
        match Decimal::parse(number.as_str()) {
            Some(decimal) if decimal > Decimal::zero() => Some(decimal),
            _ => {
                faults.add(
                    &self.at,
                    format!("{number} is not above zero"),
                    "write a number above zero",
                );
                None
            }
        }
    }

    /// A length of time with its unit: `ms`, `s`, `m`, `h` or `d`.
    pub(crate) fn duration(&self, longest: Duration, faults: &mut Faults) -> Option<Duration> {
        const FIX: &str = "write a number with its unit, for example `30s`, `15m`, `12h` or `90d`";
        let longest = longest.min(MANIFEST_DURATION_LONGEST);
        let Shape::Text(text) = &self.shape else {
            return self.mistyped(FIX, faults);
        };
        match parse_duration(text) {
            Some(duration) if duration.is_zero() => {
                faults.add(&self.at, "a time of zero", FIX);
                None
            }
            Some(duration) if duration > longest => {
                faults.add(
                    &self.at,
                    format!("`{text}` is longer than {} seconds", longest.as_secs()),
                    "write a shorter time",
                );
                None
            }
            Some(duration) => Some(duration),
            None => {
                faults.add(&self.at, "not a length of time", FIX);
                None
            }
        }
    }

    /// One of a few words; words of `later` are refused as not yet supported.
    pub(crate) fn choice<T: Copy>(
        &self,
        words: &[(&str, T)],
        later: &[&str],
        faults: &mut Faults,
    ) -> Option<T> {
        let fix = one_of(words.iter().map(|(word, _)| *word));
        let Shape::Text(text) = &self.shape else {
            return self.mistyped(&fix, faults);
        };
        let found = words.iter().find(|(word, _)| word == text);
        if let Some((_, value)) = found {
            return Some(*value);
        }
        let message = match later.contains(&text.as_str()) {
            true => format!("`{text}` is not yet supported here"),
            false => format!("`{}` is none of the words this key knows", brief(text)),
        };
        faults.add(&self.at, message, fix);
        None
    }

    /// Complains that another kind of value is needed.
    pub(crate) fn mistyped<T>(&self, fix: &str, faults: &mut Faults) -> Option<T> {
        if !matches!(self.shape, Shape::Faulty) {
            faults.add(&self.at, format!("{} stands here", self.noun()), fix);
        }
        None
    }
}

/// Every item of a list that can be read; nothing where the list is absent.
pub(super) fn list<T>(
    node: Option<&Node>,
    read: impl Fn(&Node, &mut Faults) -> Option<T>,
    faults: &mut Faults,
) -> Vec<T> {
    let items = node.and_then(|node| node.items(faults)).unwrap_or_default();
    items.iter().filter_map(|item| read(item, faults)).collect()
}

/// Text of outside length, cut for a sentence.
pub(crate) fn brief(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(60)
        .map(|c| if is_deceptive(c) { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("write {} or {last}", rest.join(", ")),
        _ => format!("write {}", words.concat()),
    }
}

fn nearest(key: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|candidate| (distance(key, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min();
    match near {
        Some((_, candidate)) => format!("did you mean `{candidate}`?"),
        None => format!("the keys here are {}", known.join(", ")),
    }
}

/// Edits between two short words.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, from) in one.chars().take(64).enumerate() {
        let mut diagonal = above;
        let mut left = above + 1;
        let mut next = vec![left];
        for (to, up) in other.iter().zip(row.iter().skip(1)) {
            let cost = diagonal + usize::from(!from.eq_ignore_ascii_case(to));
            left = cost.min(left + 1).min(up + 1);
            diagonal = *up;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at_checked(unit)?;
    let amount: u64 = digits.parse().ok()?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(Duration::from_millis(amount.checked_mul(millis)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_their_unit() {
        assert_eq!(parse_duration("15m"), Some(Duration::from_secs(900)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        for text in [
            "15",
            "m",
            "1h30m",
            "-1s",
            "1 s",
            "1S",
            "99999999999999999999d",
            "",
        ] {
            assert_eq!(parse_duration(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_misspelt_key_is_answered_with_the_nearest_one() {
        let known = ["privilege", "arguments", "rate", "budget"];
        assert_eq!(nearest("priviledge", &known), "did you mean `privilege`?");
        assert_eq!(nearest("Rate", &known), "did you mean `rate`?");
        assert!(nearest("zzzzzz", &known).starts_with("the keys here are privilege"));
    }
}
