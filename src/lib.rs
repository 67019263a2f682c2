//! Countersign: the guard between AI agents and their tools.
pub mod ambient;
pub mod limits;
pub mod model;
pub mod scopes;
