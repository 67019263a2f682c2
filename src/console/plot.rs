//! Pictures on a page: drawn by the server, told in words to whoever does not see them.

use maud::{Markup, html};

use super::tail::{Decided, Verdict};
use crate::model::time::Timestamp;

/// How decisions went, a bar an hour, the newest at the right. `name` says whose.
pub(super) fn hours(name: &str, hours: &[[usize; Verdict::ALL.len()]]) -> Markup {
    let most = hours.iter().map(|hour| hour.iter().sum::<usize>()).max();
    let most = most.unwrap_or_default().max(1);
    let bars = hours
        .iter()
        .zip(0..)
        .map(|(hour, place)| (place * (BAR + GAP), hour));
    html! {
        svg .plot viewBox={ "0 0 " (hours.len() * (BAR + GAP)) " " (TALL) } preserveAspectRatio="none"
            role="img" aria-label={ (name) ": " (spoken(hours)) } {
            @for (x, hour) in bars {
                @for (y, height, verdict) in stacked(hour, most) {
                    rect class=(verdict.class()) x=(x) y=(y) width=(BAR) height=(height) { }
                }
            }
            rect .ground x="0" y=(TALL - 1) width=(hours.len() * (BAR + GAP)) height="1" { }
        }
    }
}

/// The calls of a session on the axis of its time, one tick a call.
pub(super) fn ticks(decided: &[&Decided], from: Timestamp, until: Timestamp) -> Markup {
    let span = until.since(from).as_millis().max(1);
    let place = |at: Timestamp| {
        let share = at.since(from).as_millis().saturating_mul(u128::from(WIDE)) / span;
        u64::try_from(share).unwrap_or(WIDE).min(WIDE) + 1
    };
    let mut counts = [0; Verdict::ALL.len()];
    for one in decided {
        for (count, verdict) in counts.iter_mut().zip(Verdict::ALL) {
            *count += usize::from(one.verdict == verdict);
        }
    }
    html! {
        svg .plot.timeline viewBox={ "0 0 " (WIDE + 4) " " (TALL) } preserveAspectRatio="none"
            role="img" aria-label={ "Calls of the session: " (spoken(&[counts])) } {
            rect .ground x="0" y=(TALL - 1) width=(WIDE + 4) height="1" { }
            @for one in decided {
                @let height = tick(one.verdict);
                rect class=(one.verdict.class()) x=(place(one.at)) y=(TALL - height) width="2" height=(height) { }
            }
        }
        p .key {
            @for (count, verdict) in counts.iter().zip(Verdict::ALL).filter(|(count, _)| **count > 0) {
                span class=(verdict.class()) {
                    span aria-hidden="true" { (verdict.mark()) } " " (count) " " (verdict.word())
                }
                " "
            }
        }
    }
}

/// Numbers beside bars of their length.
pub(super) fn lengths(rows: &[(&str, usize)]) -> Markup {
    let most = rows
        .iter()
        .map(|(_, count)| *count)
        .max()
        .unwrap_or_default()
        .max(1);
    html! {
        dl .lengths {
            @for (name, count) in rows {
                dt { (name) }
                dd {
                    span .number { (count) }
                    svg aria-hidden="true" viewBox={ "0 0 " (WIDE) " 8" } preserveAspectRatio="none" {
                        rect .length x="0" y="0" width=(scaled(*count, most, WIDE)) height="8" { }
                    }
                }
            }
        }
    }
}

/// The parts of a bar from the ground up: top edge, height, which. The worst stands on the ground, where
/// it cannot be crowded out.
fn stacked(hour: &[usize; Verdict::ALL.len()], most: usize) -> Vec<(u64, u64, Verdict)> {
    let mut top = TALL - 1;
    let mut parts = Vec::new();
    let counts = hour.iter().zip(Verdict::ALL).rev();
    for (count, verdict) in counts.filter(|(count, _)| **count > 0) {
        let height = scaled(*count, most, TALL - 1).min(top);
        top -= height;
        parts.push((top, height, verdict));
    }
    parts
}

/// A count's part of a length; what happened is never drawn as nothing.
fn scaled(count: usize, most: usize, length: u64) -> u64 {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let most = u64::try_from(most).unwrap_or(u64::MAX).max(1);
    let scaled = count.saturating_mul(length) / most;
    scaled.clamp(u64::from(count > 0), length)
}

/// Worse is taller, so that it is seen where there are many.
const fn tick(verdict: Verdict) -> u64 {
    match verdict {
        Verdict::Permit => 16,
        Verdict::Pause | Verdict::Challenge => 28,
        Verdict::Deny => 36,
    }
}

fn spoken(hours: &[[usize; Verdict::ALL.len()]]) -> String {
    let total = |at: usize| hours.iter().filter_map(|hour| hour.get(at)).sum::<usize>();
    let told: Vec<String> = Verdict::ALL
        .into_iter()
        .enumerate()
        .map(|(at, verdict)| (total(at), verdict))
        .filter(|(count, _)| *count > 0)
        .map(|(count, verdict)| format!("{count} {}", verdict.word()))
        .collect();
    match told.is_empty() {
        true => "no calls".to_owned(),
        false => told.join(", "),
    }
}

const BAR: usize = 8;
const GAP: usize = 2;
const TALL: u64 = 40;
const WIDE: u64 = 600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_says_in_words_what_it_shows() {
        let drawn = hours("billing", &[[3, 0, 0, 1], [0, 2, 0, 0]]).into_string();
        assert!(
            drawn.contains(r#"aria-label="billing: 3 permit, 2 pause, 1 deny""#),
            "{drawn}"
        );
        let empty = hours("billing", &[[0; 4]; 24]).into_string();
        assert!(empty.contains("billing: no calls"), "{empty}");
    }

    #[test]
    fn one_denial_among_ten_thousand_calls_is_seen() {
        let parts = stacked(&[10_000, 1, 1, 1], 10_003);
        assert_eq!(parts.len(), 4, "{parts:?}");
        assert!(parts.iter().all(|(_, height, _)| *height > 0), "{parts:?}");
        assert_eq!(parts.first(), Some(&(TALL - 2, 1, Verdict::Deny)));
    }

    #[test]
    fn a_length_never_leaves_its_row() {
        assert_eq!(scaled(usize::MAX, 1, WIDE), WIDE);
        assert_eq!(scaled(1, usize::MAX, WIDE), 1);
        assert_eq!(scaled(0, 0, WIDE), 0);
    }
}
