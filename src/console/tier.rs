//! How much a decision matters: a word, a mark and a colour, never a colour alone.

use maud::{Markup, html};

use crate::model::privilege::Privilege;

/// The mark and word of a rung.
pub(super) fn of(privilege: Privilege) -> Markup {
    let (class, mark, word) = row(privilege);
    html! { span class={ "tier " (class) } { span aria-hidden="true" { (mark) } " " (word) } }
}

/// The class of a rung, for what stands beside the mark.
pub(super) fn class(privilege: Privilege) -> &'static str {
    row(privilege).0
}

const fn row(privilege: Privilege) -> (&'static str, &'static str, &'static str) {
    match privilege {
        Privilege::Money | Privilege::Admin => ("critical", "◆", "critical"),
        Privilege::Destroy => ("high", "▲", "high"),
        Privilege::Write | Privilege::Send => ("medium", "■", "medium"),
        Privilege::Read => ("low", "○", "low"),
    }
}
