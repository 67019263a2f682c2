//! Tools that are closed for an agent, among the settings: until an operator reopens them.

use crate::model::name::AgentName;
use crate::model::target::Target;
use crate::model::time::Timestamp;

/// The name of the setting.
pub(crate) fn setting(agent: &AgentName, target: &Target) -> String {
    format!(
        "closed {agent} {} {} {}",
        target.kind.name(),
        target.server,
        target.name
    )
}

/// The value of a tool that is closed.
pub(crate) const CLOSED: &str = "closed";

/// The value of a tool that was reopened: refusals before that moment count no more.
pub(crate) fn reopened(at: Timestamp) -> String {
    at.to_string()
}

/// Since when a tool is open again, by its value.
pub(super) fn open_since(value: &str) -> Option<Timestamp> {
    Timestamp::parse(value)
}
