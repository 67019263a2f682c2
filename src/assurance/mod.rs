//! Whether a session still deserves trust, asked at every call: a pure model of five ceilings.
//!
//! A session's level is the lowest of five, each from 0 to 3: what was proved and is fresh (P), what
//! changed around it and what others say of it (C), the life of its credential (K), whether the guard would
//! know of trouble (V), and what its parent session is worth (D). [`Assurance`] is all that is known of one
//! session; events move it, [`Assurance::decide`] answers a call with one [`Answer`] and one sentence, and
//! [`Assurance::commit`] decides again before the call goes out.
//!
//! - **Trust never returns by waiting or by behaving well.** What expired is burnt, what got worse is
//!   latched; only a proof, an all-clear of the very source that warned, a rotation or a stream that is
//!   heard again lifts a ceiling.
//! - **An approval is for one call and one epoch.** It stands for a person's look at that call, and for
//!   nothing that no person can mend.
//! - **Blindness counts.** A source that must be heard and is silent lowers what can be claimed.
//!
//! No clock is read here: every event brings its moment, and one that is earlier than the last is taken
//! for the last. [`crate::manual::assurance`] tells it to people.

mod activity;
mod answer;
mod approvals;
mod call;
mod caps;
mod ceilings;
mod code;
mod credential;
mod decide;
mod events;
mod level;
mod obstacle;
mod policy;
mod profile;
mod proofs;
mod recent;
mod requirement;
mod signal;
mod state;
mod strain;
mod streams;
mod tool;
pub mod travel;

pub use answer::{Admission, Answer};
pub use approvals::{Approval, Approvals};
pub use call::{Call, Declared};
pub use caps::{Caps, News, Origin, Subject, Word};
pub use ceilings::Ceilings;
pub use code::{Code, Leave, Remedy};
pub use credential::{Credential, KeyFault, KeyState};
pub use level::Level;
pub use obstacle::{Lack, Obstacle};
pub use policy::{Bands, Policy};
pub use profile::{Profile, Timer, Timers};
pub use proofs::{Proof, Proofs, Prover};
pub use requirement::{Because, Requirement};
pub use signal::{Signal, Weight, Weights};
pub use state::{Assurance, Cause, Status};
pub use strain::Strain;
pub use streams::{Stream, Streams};
pub use tool::{Hints, Tool};
