//! Names that people and manifests give: agents, servers, operators, groups, users.

use std::fmt;
use std::sync::Arc;

/// Why a name was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{kind} name {name:?} is not acceptable: {expected}")]
pub struct NameError {
    /// What was being named, as a person says it.
    pub kind: &'static str,
    /// The name as it came.
    pub name: String,
    /// The form that is accepted.
    pub expected: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $check:path, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Parses a name; refuses every form but the documented one.
            ///
            /// # Errors
            /// [`NameError`] says which form is accepted.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                if $check(text) {
                    Ok(Self(Arc::from(text)))
                } else {
                    Err(NameError { kind: $kind, name: text.to_owned(), expected: $expected })
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

name! {
    /// The name of an agent: the software that asks.
    AgentName, "agent", plain, "1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit"
}
name! {
    /// The guard's own name for an upstream server; never what the server calls itself.
    ServerName, "server", server, "1 to 64 of a-z, 0-9, '_', '-', beginning with a letter or digit, without '__'"
}
name! {
    /// The name of an operator: a person who may decide.
    OperatorName, "operator", plain, "1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit"
}
name! {
    /// A group of operators.
    GroupName, "group", plain, "1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit"
}
name! {
    /// The name of a channel by which people are told what waits.
    ChannelName, "channel", plain, "1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit"
}
name! {
    /// The user on whose behalf an agent acts, as a verified claim named it.
    UserName, "user", printable, "1 to 256 printable characters without spaces"
}
name! {
    /// The name of a tool as its server declares it.
    ToolName, "tool", tool, "1 to 128 of A-Z, a-z, 0-9, '_', '.', '-'"
}

fn plain(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
}

fn server(text: &str) -> bool {
    // "__" joins server and tool on the joined endpoint, "." is kept out so that a name is one label.
    plain(text) && !text.contains("__") && !text.contains('.')
}

fn tool(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

fn printable(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_name_cannot_contain_the_joiner() {
        assert!(ServerName::parse("crm").is_ok());
        assert!(ServerName::parse("crm__x").is_err());
        assert!(ServerName::parse("CRM").is_err());
        assert!(ServerName::parse("").is_err());
    }

    #[test]
    fn a_tool_name_is_plain_ascii() {
        assert!(ToolName::parse("get_customer.v2-b").is_ok());
        assert!(ToolName::parse("get customer").is_err());
        assert!(ToolName::parse("ｇet").is_err());
    }
}
