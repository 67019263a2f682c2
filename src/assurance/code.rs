//! The codes of the model: each says what may be done, and what would help.

/// Whether a call may run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Leave {
    /// The request is not the session's, which it leaves untouched.
    Reject,
    /// It may not.
    Deny,
    /// It may, once a person has done what the remedy says.
    Pause,
    /// It may.
    Allow,
}

/// What would help.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Remedy {
    /// A person proves themselves to the session.
    Session,
    /// A person approves exactly this call.
    Call,
    /// Another credential.
    Credential,
    /// An operator.
    Operator,
    /// Time.
    Wait,
    /// A scope that declares the tool.
    Declaration,
    /// No person can: the ceiling itself must rise.
    Ceiling,
}

/// Why a call was answered as it was.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Code {
    /// Every ceiling is high enough, and what had to be approved is.
    Ok,
    /// A person must approve exactly this call.
    Approve,
    /// A person must restore the session.
    StepUp,
    /// A ceiling is too low that no person can lift.
    Ceiling,
    /// People were asked too often within an hour.
    Challenges,
    /// The scope does not declare the tool, and nobody is asked.
    Scope,
    /// Too many attempts within a minute.
    Rate,
    /// The session is in quarantine.
    Quarantine,
    /// The credential is for another environment.
    Environment,
    /// The session has ended.
    Terminated,
    /// The request does not prove the session's key.
    Unproved,
}

impl Leave {
    /// The word at the head of a sentence.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reject => "Rejected",
            Self::Deny => "Denied",
            Self::Pause => "Paused",
            Self::Allow => "Allowed",
        }
    }
}

impl Remedy {
    /// The words in records and sentences.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Call => "call",
            Self::Credential => "other credential",
            Self::Operator => "operator",
            Self::Wait => "wait",
            Self::Declaration => "new declaration",
            Self::Ceiling => "not human-fixable",
        }
    }
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::Approve,
        Self::StepUp,
        Self::Ceiling,
        Self::Challenges,
        Self::Scope,
        Self::Rate,
        Self::Quarantine,
        Self::Environment,
        Self::Terminated,
        Self::Unproved,
    ];

    /// The stable code.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Approve => "P_APPROVE",
            Self::StepUp => "P_STEPUP",
            Self::Ceiling => "E_CEILING",
            Self::Challenges => "E_CHALLENGES",
            Self::Scope => "E_SCOPE",
            Self::Rate => "E_RATE",
            Self::Quarantine => "E_QUARANTINE",
            Self::Environment => "E_ENV",
            Self::Terminated => "E_TERMINATED",
            Self::Unproved => "E_AUTHN",
        }
    }

    /// Whether the call may run.
    #[must_use]
    pub const fn leave(self) -> Leave {
        match self {
            Self::Ok => Leave::Allow,
            Self::Approve | Self::StepUp => Leave::Pause,
            Self::Ceiling
            | Self::Challenges
            | Self::Scope
            | Self::Rate
            | Self::Quarantine
            | Self::Environment
            | Self::Terminated => Leave::Deny,
            Self::Unproved => Leave::Reject,
        }
    }

    /// What would help; nothing needs to where the call may run, and nothing can where the session is not
    /// the caller's or is over.
    #[must_use]
    pub const fn remedy(self) -> Option<Remedy> {
        match self {
            Self::Ok | Self::Terminated | Self::Unproved => None,
            Self::Approve => Some(Remedy::Call),
            Self::StepUp => Some(Remedy::Session),
            Self::Ceiling => Some(Remedy::Ceiling),
            Self::Challenges | Self::Rate => Some(Remedy::Wait),
            Self::Scope => Some(Remedy::Declaration),
            Self::Quarantine => Some(Remedy::Operator),
            Self::Environment => Some(Remedy::Credential),
        }
    }
}
