//! Countersign: the guard between AI agents and their tools.

pub mod ambient;
pub mod api;
pub mod audit;
pub mod authn;
pub mod cli;
pub mod config;
pub mod engine;
pub mod guard;
pub mod limits;
pub mod manual;
pub mod mcp;
pub mod model;
pub mod rate;
pub mod scopes;
pub mod store;
