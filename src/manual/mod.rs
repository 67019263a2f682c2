//! Prose for people: how it is built and why, what each command does, what it protects against.

#[doc = include_str!("architecture.md")]
pub mod architecture {}

#[doc = include_str!("assurance.md")]
pub mod assurance {}

#[doc = include_str!("commands.md")]
pub mod commands {}

#[doc = include_str!("decisions.md")]
pub mod decisions {}

#[doc = include_str!("reasons.md")]
pub mod reasons {}

#[doc = include_str!("limits.md")]
pub mod limits {}

#[doc = include_str!("notifications.md")]
pub mod notifications {}

#[doc = include_str!("observability.md")]
pub mod observability {}
#[doc = include_str!("retention.md")]
pub mod retention {}

#[doc = include_str!("threats.md")]
pub mod threats {}

#[doc = include_str!("speed.md")]
pub mod speed {}

#[doc = include_str!("changelog.md")]
pub mod changelog {}
