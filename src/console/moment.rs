//! Time on a page: how long ago, or how long yet, with the moment itself on hover and in the markup.

use std::time::Duration;

use maud::{Markup, html};

use crate::model::time::Timestamp;

/// How long ago something happened.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> Markup {
    let past = match at <= now {
        true => format!("{} ago", rough(now.since(at))),
        false => format!("in {}", rough(at.since(now))),
    };
    html! { time datetime=(at) title=(at) { (past) } }
}

/// How long yet; a script counts it down.
pub(super) fn left(until: Timestamp, now: Timestamp) -> Markup {
    let left = match until > now {
        true => clock(until.since(now)),
        false => "over".to_owned(),
    };
    html! { time .left datetime=(until) title=(until) data-until=(until.millis()) { (left) } }
}

/// A duration in its largest whole unit.
pub(super) fn rough(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds / 3_600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_as_people_tell_it() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        for (then, now, told) in [
            (0, 5, ">5 s ago<"),
            (0, 125, ">2 min ago<"),
            (0, 7_300, ">2 h ago<"),
            (0, 200_000, ">2 days ago<"),
            (5, 0, ">in 5 s<"),
        ] {
            let shown = ago(at(then), at(now)).into_string();
            assert!(shown.contains(told), "{shown}");
        }
        for (until, told) in [(372, ">6:12<"), (3_700, ">1:01:40<"), (0, ">over<")] {
            let shown = left(at(until), at(0)).into_string();
            assert!(shown.contains(told), "{shown}");
        }
    }
}
