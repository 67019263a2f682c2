//! What differs between two texts, as `patch` and `git apply` read it.

use std::fmt::Write;

use crate::limits::PATCH_EDITS_COUNT;

/// The unified diff of a file; nothing where the texts differ in more lines than a person would read.
pub(super) fn unified(name: &str, before: &str, after: &str) -> Option<String> {
    let (old, new) = (lines(before), lines(after));
    let steps = compare(&old, &new)?;
    let tab = if name.contains(' ') { "\t" } else { "" };
    let mut out = format!("--- a/{name}{tab}\n+++ b/{name}{tab}\n");
    for hunk in hunks(&steps) {
        hunk.render(&mut out);
    }
    Some(out)
}

/// One line, and in which of the texts it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

impl<'a> Step<'a> {
    const fn parts(self) -> (char, &'a str) {
        match self {
            Self::Same(line) => (' ', line),
            Self::Gone(line) => ('-', line),
            Self::New(line) => ('+', line),
        }
    }

    const fn is_change(self) -> bool {
        !matches!(self, Self::Same(_))
    }
}

/// Changes near each other, with the lines around them.
struct Hunk<'a> {
    old: usize,
    new: usize,
    steps: &'a [Step<'a>],
}

impl Hunk<'_> {
    fn render(&self, out: &mut String) {
        let count = |skip: char| {
            let steps = self.steps.iter();
            steps.filter(|step| step.parts().0 != skip).count()
        };
        let range = |start: usize, count: usize| match count {
            0 => format!("{start},0"),
            1 => (start + 1).to_string(),
            _ => format!("{},{count}", start + 1),
        };
        let (old, new) = (range(self.old, count('+')), range(self.new, count('-')));
        // Writing to a text cannot fail.
        let _ = writeln!(out, "@@ -{old} +{new} @@");
        for step in self.steps {
            let (mark, line) = step.parts();
            out.push(mark);
            out.push_str(line);
            if !line.ends_with('\n') {
                out.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
}

fn hunks<'a>(steps: &'a [Step<'a>]) -> Vec<Hunk<'a>> {
    let changes: Vec<usize> = (0..)
        .zip(steps)
        .filter_map(|(at, step)| step.is_change().then_some(at))
        .collect();
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for at in changes {
        let (from, to) = (
            at.saturating_sub(AROUND),
            (at + AROUND + 1).min(steps.len()),
        );
        match ranges.last_mut() {
            Some(last) if from <= last.1 => last.1 = to,
            _ => ranges.push((from, to)),
        }
    }
    let hunk = |(from, to): (usize, usize)| {
        let before = steps.get(..from).unwrap_or_default();
        let count = |skip: char| before.iter().filter(|step| step.parts().0 != skip).count();
        Hunk {
            old: count('+'),
            new: count('-'),
            steps: steps.get(from..to).unwrap_or_default(),
        }
    };
    ranges.into_iter().map(hunk).collect()
}

/// The shortest way from one text to the other, line by line (E. W. Myers, 1986).
fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Option<Vec<Step<'a>>> {
    let most = PATCH_EDITS_COUNT;
    let middle = most + 1;
    // For each diagonal how far down the old text a way with so many changes comes.
    let mut reach = vec![0_usize; 2 * middle + 1];
    let mut rounds = Vec::new();
    for edits in 0..=most {
        rounds.push(reach.clone());
        for diagonal in (middle - edits..=middle + edits).step_by(2) {
            let is_down = goes_down(&reach, diagonal, middle, edits);
            let from = if is_down { diagonal + 1 } else { diagonal - 1 };
            let mut x = *reach.get(from)? + usize::from(!is_down);
            while let Some(y) = (x + middle).checked_sub(diagonal)
                && x < old.len()
                && y < new.len()
                && old.get(x) == new.get(y)
            {
                x += 1;
            }
            *reach.get_mut(diagonal)? = x;
            let y = (x + middle).checked_sub(diagonal);
            if x >= old.len() && y.is_some_and(|y| y >= new.len()) {
                return trace(old, new, &rounds, edits, middle);
            }
        }
    }
    None
}

/// Whether the way to a diagonal adds a line last, and does not take one away.
fn goes_down(reach: &[usize], diagonal: usize, middle: usize, edits: usize) -> bool {
    let at = |diagonal: usize| reach.get(diagonal).copied().unwrap_or(0);
    diagonal == middle - edits || diagonal != middle + edits && at(diagonal - 1) < at(diagonal + 1)
}

fn trace<'a>(
    old: &[&'a str],
    new: &[&'a str],
    rounds: &[Vec<usize>],
    edits: usize,
    middle: usize,
) -> Option<Vec<Step<'a>>> {
    let (mut x, mut y) = (old.len(), new.len());
    let mut steps = Vec::with_capacity(x + edits);
    for edits in (0..=edits).rev() {
        let reach = rounds.get(edits)?;
        let diagonal = (x + middle).checked_sub(y)?;
        let is_down = goes_down(reach, diagonal, middle, edits);
        let from = if is_down { diagonal + 1 } else { diagonal - 1 };
        let start = match edits {
            0 => (0, 0),
            _ => {
                let x = *reach.get(from)?;
                (x, (x + middle).checked_sub(from)?)
            }
        };
        let same = match (edits, is_down) {
            (0, _) => start,
            (_, true) => (start.0, start.1 + 1),
            (_, false) => (start.0 + 1, start.1),
        };
        while x > same.0 && y > same.1 {
            (x, y) = (x - 1, y - 1);
            steps.push(Step::Same(old.get(x)?));
        }
        match (edits, is_down) {
            (0, _) => {}
            (_, true) => steps.push(Step::New(new.get(start.1)?)),
            (_, false) => steps.push(Step::Gone(old.get(start.0)?)),
        }
        (x, y) = start;
    }
    steps.reverse();
    Some(steps)
}

/// Lines with their endings.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Unchanged lines that are shown around a change.
const AROUND: usize = 3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn undone<'a>(steps: &[Step<'a>], skip: char) -> Vec<&'a str> {
        let parts = steps.iter().map(|step| step.parts());
        parts
            .filter(|(mark, _)| *mark != skip)
            .map(|(_, line)| line)
            .collect()
    }

    proptest! {
        #[test]
        fn the_steps_lead_from_one_text_to_the_other(
            old in proptest::collection::vec("[abc]", 0..20),
            new in proptest::collection::vec("[abc]", 0..20),
        ) {
            let old: Vec<&str> = old.iter().map(String::as_str).collect();
            let new: Vec<&str> = new.iter().map(String::as_str).collect();
            let steps = compare(&old, &new).unwrap();
            prop_assert_eq!(undone(&steps, '+'), old);
            prop_assert_eq!(undone(&steps, '-'), new);
        }
    }

    #[test]
    fn changes_far_from_each_other_are_hunks_of_their_own() {
        let old: String = (1..=20).map(|n| format!("{n}\n")).collect();
        let new = old
            .replacen("2\n", "two\n", 1)
            .replace("\n20\n", "\n20\n21");
        assert_eq!(
            unified("m.yaml", &old, &new).unwrap(),
            "--- a/m.yaml\n+++ b/m.yaml\n@@ -1,5 +1,5 @@\n 1\n-2\n+two\n 3\n 4\n 5\n\
             @@ -18,3 +18,4 @@\n 18\n 19\n 20\n+21\n\\ No newline at end of file\n"
        );
    }
}
