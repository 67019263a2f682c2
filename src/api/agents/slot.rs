//! One call that this edge still answers for, and how far it has come.

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use super::answer::Answer;
use super::ledger::KeyName;
use crate::guard::{Hold, Pending};
use crate::model::approval::Progress;
use crate::model::call::{Mode, Principal};
use crate::model::digest::Digest;
use crate::model::id::{ApprovalId, CallId};
use crate::model::reason::Reason;
use crate::model::target::Target;
use crate::model::time::Timestamp;

/// Which call, whose, and its phase.
pub(super) struct Slot {
    pub(super) id: CallId,
    pub(super) owner: Principal,
    pub(super) mode: Mode,
    pub(super) target: Target,
    pub(super) fingerprint: Digest,
    pub(super) key: Option<KeyName>,
    /// Set when the agent withdraws the call while another of its requests waits on it.
    pub(super) withdrawn: CancellationToken,
    kept: Mutex<Kept>,
    changed: watch::Sender<()>,
}

struct Kept {
    phase: Phase,
    waits: Option<Waits>,
    until: Timestamp,
}

enum Phase {
    /// A request is being judged, or waits with the hold in its hands.
    Taken,
    /// Held, and no request waits.
    Held(Box<Hold>),
    /// Permitted and on its way; a task of the guard's settles it.
    Running,
    /// Permitted until then, run by somebody else.
    Signed(Answer, Timestamp),
    /// Over, with an answer that may be given once more.
    Ended(
        Answer,
        #[expect(dead_code, reason = "held, not read: dropping it makes room")]
        OwnedSemaphorePermit,
    ),
    /// Over; what it came to was given, or was too large to keep.
    Spent(&'static str),
}

/// What a held call waits for, as its agent may know it.
#[derive(Clone, Debug)]
pub(super) struct Waits {
    pub(super) approval: ApprovalId,
    pub(super) code: String,
    pub(super) decide_by: Timestamp,
    pub(super) progress: Option<Progress>,
    pub(super) reasons: Vec<Reason>,
}

impl Slot {
    /// A call that is about to be judged.
    pub(super) fn new(
        id: CallId,
        owner: Principal,
        (mode, target, fingerprint): (Mode, Target, Digest),
        key: Option<KeyName>,
        until: Timestamp,
    ) -> Self {
        Self {
            id,
            owner,
            mode,
            target,
            fingerprint,
            key,
            withdrawn: CancellationToken::new(),
            kept: Mutex::new(Kept {
                phase: Phase::Taken,
                waits: None,
                until,
            }),
            changed: watch::Sender::new(()),
        }
    }

    /// Wakes when the phase changes.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Until when the edge answers for it.
    pub(super) fn until(&self) -> Timestamp {
        self.kept.lock().until
    }

    /// What it waits for, if it ever had to wait.
    pub(super) fn waits(&self) -> Option<Waits> {
        self.kept.lock().waits.clone()
    }

    /// Notes what it waits for, and keeps the slot as long as that can matter.
    pub(super) fn note(&self, pending: &Pending, until: Timestamp) {
        let mut kept = self.kept.lock();
        kept.waits = Some(Waits::from(pending));
        kept.until = until;
    }

    /// Puts the hold down for the next request to take.
    pub(super) fn park(&self, hold: Hold) {
        self.enter(Phase::Held(Box::new(hold)));
    }

    /// Takes the hold, if no request has it.
    pub(super) fn take_hold(&self) -> Option<Hold> {
        let mut kept = self.kept.lock();
        match std::mem::replace(&mut kept.phase, Phase::Taken) {
            Phase::Held(hold) => Some(*hold),
            other => {
                kept.phase = other;
                None
            }
        }
    }

    /// The call was permitted and is on its way.
    pub(super) fn run(&self) {
        self.enter(Phase::Running);
    }

    /// The call was permitted until `expires`, and somebody else runs it; answered for until `until`.
    pub(super) fn sign(&self, answer: Answer, expires: Timestamp, until: Timestamp) {
        self.kept.lock().until = until;
        self.enter(Phase::Signed(answer, expires));
    }

    /// Whether its permit has run out, so that its key may stand for a new call.
    pub(super) fn has_lapsed(&self, now: Timestamp) -> bool {
        matches!(&self.kept.lock().phase, Phase::Signed(_, expires) if *expires <= now)
    }

    /// Takes its agent's word for how a call ended that somebody else ran; once.
    pub(super) fn take_claim(&self) -> bool {
        let mut kept = self.kept.lock();
        let is_signed = matches!(kept.phase, Phase::Signed(..));
        if is_signed {
            kept.phase = Phase::Spent("claimed");
        }
        is_signed
    }

    /// Over; the answer may be given once more while there is room for it.
    pub(super) fn end(&self, answer: Answer, room: OwnedSemaphorePermit, until: Timestamp) {
        self.kept.lock().until = until;
        self.enter(Phase::Ended(answer, room));
    }

    /// Over, and nothing is kept but the word for how.
    pub(super) fn spend(&self, word: &'static str) {
        self.enter(Phase::Spent(word));
    }

    /// The answer to a repeated request: a permit while it stands, a result once.
    pub(super) fn replay(&self) -> Option<Answer> {
        let mut kept = self.kept.lock();
        match &kept.phase {
            Phase::Signed(answer, _) => Some(answer.clone()),
            Phase::Ended(answer, _) => {
                let answer = answer.clone();
                kept.phase = Phase::Spent(answer.word);
                Some(answer)
            }
            Phase::Taken | Phase::Held(_) | Phase::Running | Phase::Spent(_) => None,
        }
    }

    /// The word for how far it has come; none while an approval's state tells it better.
    pub(super) fn word(&self) -> Option<&'static str> {
        match &self.kept.lock().phase {
            Phase::Taken | Phase::Held(_) => None,
            Phase::Running => Some("executing"),
            Phase::Signed(answer, _) | Phase::Ended(answer, _) => Some(answer.word),
            Phase::Spent(word) => Some(word),
        }
    }

    /// Whether a request has it in its hands, or it is on its way.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.kept.lock().phase, Phase::Taken | Phase::Running)
    }

    fn enter(&self, phase: Phase) {
        self.kept.lock().phase = phase;
        self.changed.send_replace(());
    }
}

impl From<&Pending> for Waits {
    fn from(pending: &Pending) -> Self {
        Self {
            approval: pending.approval,
            code: pending.code.clone(),
            decide_by: pending.decide_by,
            progress: pending.progress,
            reasons: pending.reasons.iter().map(|cause| cause.reason).collect(),
        }
    }
}
