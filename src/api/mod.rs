//! The HTTP edge: calls for agents on one listener, approvals for operators on another.
//!
//! The two routers share no route that acts and no credential. Every answer that is not a success is
//! an RFC 9457 problem from the one table of reasons, and no GET decides anything.

pub mod agents;
pub mod operators;

mod body;
mod health;
mod openapi;
mod prefer;
mod problem;
mod query;
mod reply;
mod routes;
mod session;
mod wake;

pub use openapi::DOCUMENT;
pub use problem::Problem;
pub use routes::Route;
