//! How much a decision matters: a word, a mark and a colour, never a colour alone.

use maud::{Markup, html};

use crate::model::privilege::Privilege;
use crate::model::tier::Tier;

/// The mark and word of a rung.
pub(super) fn of(privilege: Privilege) -> Markup {
    let tier = Tier::of(privilege);
    html! { span class={ "tier " (tier) } { span aria-hidden="true" { (tier.mark()) } " " (tier) } }
}

/// The class of a rung, for what stands beside the mark.
pub(super) const fn class(privilege: Privilege) -> &'static str {
    Tier::of(privilege).name()
}
