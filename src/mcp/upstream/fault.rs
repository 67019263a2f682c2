//! Why an upstream gave no acceptable answer, and what that says about the call.

use std::io;

use crate::mcp::jsonrpc::RpcFault;
use crate::mcp::sse::SseFault;
use crate::model::outcome::Outcome;
use crate::model::reason::Reason;

/// What went wrong between the guard and an upstream.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The configured command or address is not acceptable.
    #[error("the upstream is not configured acceptably: {0}")]
    Unacceptable(String),
    /// The child could not be started.
    #[error("the upstream's command could not be started")]
    Start(#[source] io::Error),
    /// No connection came about.
    #[error("the upstream could not be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The relation was over before the message was written.
    #[error("the upstream had already gone")]
    Gone,
    /// The upstream read nothing for too long, so that the message was taken back before its first byte.
    #[error("the upstream did not take the message in time")]
    Stuck,
    /// What let the call through was stopped before its first byte.
    #[error("the call was stopped before it was written")]
    Stopped,
    /// The connection broke while the call was under way.
    #[error("the connection to the upstream broke")]
    Broken(#[source] reqwest::Error),
    /// The upstream ended, or ended its answer, while the call was under way.
    #[error("the upstream ended without an answer")]
    Closed,
    /// The time for an answer was up.
    #[error("the upstream did not answer in time")]
    TimedOut,
    /// An HTTP status without a message of the protocol.
    #[error("the upstream answered with HTTP status {0}")]
    Status(u16),
    /// The upstream speaks no version that the guard speaks.
    #[error("the upstream speaks no version that the guard speaks")]
    Foreign,
    /// The answer was not an acceptable message.
    #[error("the upstream's answer was not acceptable")]
    Message(#[source] RpcFault),
    /// The answer's stream was not acceptable.
    #[error("the upstream's stream was not acceptable")]
    Stream(#[source] SseFault),
    /// The answer was larger than the guard accepts.
    #[error("the upstream's answer was too large")]
    TooLarge,
}

impl LinkError {
    /// What became of the call, as far as this fault tells. `NotSent` only where that is proved.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Unacceptable(_)
            | Self::Start(_)
            | Self::Unreachable(_)
            | Self::Gone
            | Self::Stuck
            | Self::Stopped
            | Self::Foreign => Outcome::NotSent,
            // A server's own refusal says that it did not act; a failure on its side does not.
            Self::Broken(_) | Self::Closed | Self::TimedOut | Self::Status(500..) => {
                Outcome::Unknown
            }
            Self::Status(_) | Self::Message(_) | Self::Stream(_) | Self::TooLarge => {
                Outcome::Failed
            }
        }
    }

    /// The row of the table of reasons that the agent is answered with.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self.outcome() {
            // Judged again, it meets the stop.
            Outcome::NotSent if matches!(self, Self::Stopped) => Reason::Busy,
            Outcome::NotSent => Reason::UpstreamUnavailable,
            Outcome::Unknown => Reason::OutcomeUnknown,
            Outcome::Failed | Outcome::Done => Reason::UpstreamFailed,
        }
    }
}
