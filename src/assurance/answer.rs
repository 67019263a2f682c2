//! What the model says of one call, and the one sentence that tells it.

use std::fmt;
use std::time::Duration;

use super::code::{Code, Leave, Remedy};
use super::level::Level;
use super::obstacle::{Obstacle, list};
use super::requirement::Because;
use super::state::Cause;
use crate::model::time::Timestamp;

/// The answer to one call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Why.
    pub code: Code,
    /// What the session is worth now; of an allowed call, what it was worth for it.
    pub level: Level,
    /// What the call asks for; zero where nobody looked.
    pub required: Level,
    /// Why it asks for that.
    pub because: Vec<Because>,
    /// The ceilings that are too low, the deciding one first.
    pub obstacles: Vec<Obstacle>,
    /// Why the session ended, where it has.
    pub ended: Option<Cause>,
    /// What [`super::Assurance::commit`] checks before an allowed call goes out.
    pub admission: Option<Admission>,
}

/// An allowed call until it is committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Admission {
    /// When it was decided.
    pub decided: Timestamp,
    /// How old that may become.
    pub within: Duration,
    /// The epoch of the session: whatever moves it ends every admission.
    pub epoch: u64,
    /// What every ceiling must still reach.
    pub required: Level,
    /// What the person proved who approved the call, where one did.
    pub approved: Option<Level>,
}

impl Answer {
    /// Without a look at what the call asks for.
    pub(super) const fn refused(code: Code) -> Self {
        Self {
            code,
            level: Level::Zero,
            required: Level::Zero,
            because: Vec::new(),
            obstacles: Vec::new(),
            ended: None,
            admission: None,
        }
    }

    /// Whether the call may run.
    #[must_use]
    pub const fn leave(&self) -> Leave {
        self.code.leave()
    }

    /// What would help.
    #[must_use]
    pub const fn remedy(&self) -> Option<Remedy> {
        self.code.remedy()
    }

    /// One sentence about it, for a tool of that name.
    #[must_use]
    pub fn sentence(&self, tool: &str) -> String {
        Sentence { answer: self, tool }.to_string()
    }
}

struct Sentence<'a> {
    answer: &'a Answer,
    tool: &'a str,
}

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (answer, tool) = (self.answer, self.tool);
        write!(f, "{}: {tool}", answer.leave().word())?;
        match answer.code {
            Code::Ok => self.allowed(f),
            Code::Approve => self.paused(f, "approve exactly this call"),
            Code::StepUp => self.paused(f, "restore the session with a passkey"),
            Code::Ceiling => self.too_low(f),
            Code::Challenges => self.refused(f, "challenge budget used up"),
            Code::Scope => self.refused(f, "tool is outside the declared scope"),
            Code::Rate => self.refused(f, "too many calls"),
            Code::Quarantine => self.refused(f, "session is quarantined"),
            Code::Environment => self.refused(f, "credential belongs to another environment"),
            Code::Terminated => match &answer.ended {
                Some(cause) => self.refused(f, &format!("session ended: {cause}")),
                None => self.refused(f, "session ended"),
            },
            Code::Unproved => f.write_str(
                " - the request does not prove the session's key, so the session was not touched.",
            ),
        }
    }
}

impl Sentence<'_> {
    fn refused(&self, f: &mut fmt::Formatter<'_>, why: &str) -> fmt::Result {
        match self.answer.remedy() {
            Some(remedy) => write!(f, " - {why} (way out: {}).", remedy.name()),
            None => write!(f, " - {why}."),
        }
    }

    fn allowed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.need(f)?;
        let answer = self.answer;
        let approved = answer.admission.is_some_and(|one| one.approved.is_some());
        match approved {
            true => f.write_str(" and a person approved exactly this call."),
            false => write!(f, " and the session is at {}.", answer.level),
        }
    }

    fn paused(&self, f: &mut fmt::Formatter<'_>, way_out: &str) -> fmt::Result {
        self.need(f)?;
        match self.answer.obstacles.first() {
            Some(obstacle) => {
                self.stands(f, obstacle)?;
                write!(f, "; a person can {way_out}.")
            }
            None => f.write_str(" and an approval of this exact call; a person can give it now."),
        }
    }

    fn too_low(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " needs level {}", self.answer.required)?;
        if let Some(obstacle) = self.answer.obstacles.first() {
            self.stands(f, obstacle)?;
        }
        f.write_str(", which no approval can override.")
    }

    fn need(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " needs level {} (", self.answer.required)?;
        list(f, "; ", &self.answer.because)?;
        f.write_str(")")
    }

    fn stands(&self, f: &mut fmt::Formatter<'_>, obstacle: &Obstacle) -> fmt::Result {
        let level = self.answer.level;
        write!(f, ", the session is at {level} because {obstacle}")
    }
}
