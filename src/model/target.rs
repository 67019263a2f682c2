//! What a call is on: a pair of server and name, never a joined string.

use std::fmt;
use std::sync::Arc;

use super::name::ServerName;

/// The kind of thing a call reaches for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TargetKind {
    /// A tool, by its name.
    Tool,
    /// A resource, by its URI.
    Resource,
    /// A prompt, by its name.
    Prompt,
    /// Any other method of the protocol, by the method's name.
    Method,
}

impl TargetKind {
    /// The word in digests, records and screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Resource => "resource",
            Self::Prompt => "prompt",
            Self::Method => "method",
        }
    }

    /// The kind from its word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Tool, Self::Resource, Self::Prompt, Self::Method]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// One thing on one upstream server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Target {
    /// What kind of thing it is.
    pub kind: TargetKind,
    /// The guard's name for the server.
    pub server: ServerName,
    /// The name or URI, exactly as the server knows it.
    pub name: Arc<str>,
}

impl Target {
    /// A tool of a server.
    #[must_use]
    pub fn tool(server: ServerName, name: &str) -> Self {
        Self {
            kind: TargetKind::Tool,
            server,
            name: Arc::from(name),
        }
    }
}

impl fmt::Display for Target {
    /// `server/tool`, the form of manifests and screens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.server, self.name)
    }
}
