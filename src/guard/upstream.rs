//! The way to the tools, as edges that are not MCP see it.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::Guard;
use super::permit::Permit;
use super::ruling::Denial;
use crate::model::call::Principal;
use crate::model::name::ServerName;

/// What came back from an upstream.
#[derive(Debug)]
pub enum Delivery {
    /// The tool's result object, untouched.
    Result(Value),
    /// The upstream answered with an error of its own.
    Error {
        /// The JSON-RPC code.
        code: i64,
        /// Its message.
        message: String,
        /// Its data.
        data: Option<Value>,
    },
    /// There is no answer: unavailable, failed, or unknown.
    Failed(Denial),
}

/// Runs permitted calls on the upstream servers.
#[async_trait]
pub trait Upstreams: Send + Sync {
    /// Sends the permitted call, settles it, and gives what came back.
    async fn run(&self, guard: &Arc<Guard>, permit: Permit) -> Delivery;

    /// Makes sure that the server's tools are in the guard's catalog and that a way to it stands open
    /// for the principal: a permit does not outlive the start of a server.
    ///
    /// # Errors
    /// A denial that says why not.
    async fn ensure_listed(
        &self,
        guard: &Arc<Guard>,
        principal: &Principal,
        server: &ServerName,
    ) -> Result<(), Denial>;
}
