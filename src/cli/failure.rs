//! How a command ends when it does not end well, each kind with its exit code.

use crate::scopes::Faults;

/// The exit codes, as the manual lists them.
pub(super) const EXIT_REFUSED: u8 = 1;
pub(super) const EXIT_FAULTS: u8 = 2;
pub(super) const EXIT_MISSING: u8 = 3;
pub(super) const EXIT_NEEDS_INPUT: u8 = 4;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The guard or the system refused.
    #[error("{0}")]
    Refused(String),
    /// The guard does not answer.
    #[error("{0}")]
    Unreached(String),
    /// What was given has faults.
    #[error("{0}")]
    Faults(Faults),
    /// What was given cannot be read at all.
    #[error("{0}")]
    Input(String),
    /// Nothing of that name is known.
    #[error("{0}")]
    Missing(String),
    /// A person would have to be asked, and may not or cannot be.
    #[error("{0}")]
    NeedsInput(String),
}

impl Failure {
    /// A refusal with the whole chain of its sources.
    pub(super) fn because(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            // A transparent error repeats its source's words.
            let words = error.to_string();
            if !text.ends_with(&words) {
                text.push_str(": ");
                text.push_str(&words);
            }
            source = error.source();
        }
        Self::Refused(text)
    }

    /// The exit code.
    pub(super) const fn code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::Unreached(_) => EXIT_REFUSED,
            Self::Faults(_) | Self::Input(_) => EXIT_FAULTS,
            Self::Missing(_) => EXIT_MISSING,
            Self::NeedsInput(_) => EXIT_NEEDS_INPUT,
        }
    }
}

impl From<Faults> for Failure {
    fn from(faults: Faults) -> Self {
        Self::Faults(faults)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::because(&error)
    }
}
