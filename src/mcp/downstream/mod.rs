//! Towards the agents: their messages over pipes and over HTTP.

pub mod http;
pub mod stdio;
