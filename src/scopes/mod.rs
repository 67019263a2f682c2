//! Scopes: what each agent may do, as manifests declare it; text in, compiled values out.
//!
//! A scope is a tool's own input schema, narrowed: a manifest narrows it with JSON Schema read as a
//! closed world. This floor compiles manifests and judges arguments and names by them. It reads no
//! files, knows no clock, and decides nothing: rates, history, approvals and the answer itself are the
//! engine's.

mod amend;
mod approval;
mod arguments;
mod budget;
mod close;
mod compile;
mod constrain;
mod elicitation;
mod fault;
mod forbid;
mod index;
mod judgement;
mod jwt;
mod keyword;
mod kinds;
mod lock;
mod manifest;
mod normal;
mod own;
mod pattern;
mod pointer;
pub(crate) mod reading;
mod rule;
mod scope;
mod selftest;
mod settings;
mod tool_schema;
mod types;
mod visits;
mod vocabulary;
pub(crate) mod yaml;

pub use amend::{Amendment, Unamendable, Wanted};
pub use arguments::ArgumentRule;
pub use budget::{Budget, Draw};
pub use compile::{Scopes, Source};
pub use elicitation::Elicitation;
pub use fault::{Fault, Faults, Place};
pub use forbid::{Forbid, ForbidJudgement};
pub use judgement::{Judgement, Violation};
pub use jwt::JwtRule;
pub use kinds::{Found, Kind, Kinds};
pub use lock::Lock;
pub use pattern::Pattern;
pub use rule::{Beyond, FollowUps, Rate, Rule};
pub use scope::{
    ApiKeys, ArgumentsRecord, ChangedTool, Client, Credentials, Extras, Heed, Mrtr, PauseCovers,
    Scope, SessionLimits, Undeclared,
};
pub use tool_schema::{SchemaFault, ToolSchema};
