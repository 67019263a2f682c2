//! Runs permitted calls of edges that are not MCP, over the guard's own links.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::exchange::Event;
use super::fault::LinkError;
use super::outgoing::Outgoing;
use super::pool::{Pool, Ready, refuse};
use super::spec::UpstreamSpec;
use crate::guard::{Delivery, Denial, Guard, Permit, Receipt, Upstreams};
use crate::mcp::jsonrpc::RpcError;
use crate::mcp::listing::Listing;
use crate::model::call::{Call, Principal};
use crate::model::name::ServerName;
use crate::model::outcome::Outcome;
use crate::model::reason::Reason;

/// The upstreams, as the guard's HTTP API uses them.
pub struct Runner {
    specs: BTreeMap<ServerName, UpstreamSpec>,
    listing: Arc<Listing>,
    pool: Pool,
}

impl Runner {
    /// Over these upstreams, with the listing that all edges share.
    #[must_use]
    pub fn new(specs: BTreeMap<ServerName, UpstreamSpec>, listing: Arc<Listing>) -> Self {
        Self {
            specs,
            listing,
            pool: Pool::default(),
        }
    }

    /// Ends every link in peace.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn ready(
        &self,
        guard: &Guard,
        principal: &Principal,
        server: &ServerName,
    ) -> Result<Ready, Denial> {
        let Some(spec) = self.specs.get(server) else {
            let sentence = format!("no upstream is called {server}");
            return Err(Denial::new(Reason::UnknownTarget, sentence));
        };
        self.pool
            .ready(principal, spec, &self.listing, guard.ambient())
            .await
            // Whatever went wrong, no call was sent yet.
            .map_err(|fault| Denial::new(Reason::UpstreamUnavailable, fault.to_string()))
    }
}

#[async_trait]
impl Upstreams for Runner {
    async fn run(&self, guard: &Arc<Guard>, permit: Permit) -> Delivery {
        let Call {
            principal, target, ..
        } = permit.call();
        let (principal, target) = (principal.clone(), target.clone());
        let ready = self.ready(guard, &principal, &target.server).await;
        let tool = guard.catalog().tool(&target);
        let (call, mut receipt) = match guard.dispatch(permit).await {
            Ok(dispatch) => dispatch.into_parts(),
            Err(denial) => return Delivery::Failed(denial),
        };
        let ready = match ready {
            Ok(ready) => ready,
            Err(denial) => {
                let note = Some(denial.cause.sentence.clone());
                guard.settle(receipt, Outcome::NotSent, note).await;
                return Delivery::Failed(denial.of(call.id));
            }
        };
        let definition = tool.as_deref().map(|tool| &tool.definition);
        let answer = match Outgoing::of_call(&call, &ready.meta, definition) {
            Ok(mut request) => {
                request.leave = receipt.take_leave();
                ask(&ready, request).await
            }
            Err(fault) => Err(LinkError::Unacceptable(fault.to_string())),
        };
        settle(guard, receipt, answer).await
    }

    async fn ensure_listed(
        &self,
        guard: &Arc<Guard>,
        principal: &Principal,
        server: &ServerName,
    ) -> Result<(), Denial> {
        let Ready { link, meta } = self.ready(guard, principal, server).await?;
        self.listing.ensure(guard, server, &link, &meta).await
    }
}

async fn ask(ready: &Ready, request: Outgoing) -> Result<Result<Value, RpcError>, LinkError> {
    let mut exchange = ready.link.send(request).await?;
    while let Some(event) = exchange.next().await {
        match event {
            Event::Response { result, .. } => return Ok(result),
            Event::Failed(fault) => return Err(fault),
            Event::Request(request) => {
                let result = refuse(&request.method);
                ready.link.respond(request.id, result).await?;
            }
            Event::Notification(_) | Event::Resumable { .. } | Event::Parted => {}
        }
    }
    Err(LinkError::Closed)
}

/// Joins the answer to its record, and puts it into the words of the edge.
async fn settle(
    guard: &Guard,
    receipt: Receipt,
    answer: Result<Result<Value, RpcError>, LinkError>,
) -> Delivery {
    let id = receipt.call();
    let (outcome, note, delivery) = match answer {
        Ok(Ok(result)) if is_complete(&result) => {
            if result.get("isError") == Some(&Value::Bool(true)) {
                let note = Some("the tool answered with an error".to_owned());
                (Outcome::Failed, note, Delivery::Result(result))
            } else {
                (Outcome::Done, None, Delivery::Result(result))
            }
        }
        Ok(Ok(_)) => {
            let sentence = "the upstream asked for more than this edge can give";
            let denial = Denial::new(Reason::UpstreamFailed, sentence).of(id);
            let note = Some(sentence.to_owned());
            (Outcome::Failed, note, Delivery::Failed(denial))
        }
        Ok(Err(error)) => {
            let note = Some(format!("the upstream answered with error {}", error.code));
            let RpcError {
                code,
                message,
                data,
            } = error;
            let delivery = Delivery::Error {
                code,
                message,
                data,
            };
            (Outcome::Failed, note, delivery)
        }
        Err(fault) => {
            let denial = Denial::new(fault.reason(), fault.to_string()).of(id);
            let note = Some(fault.to_string());
            (fault.outcome(), note, Delivery::Failed(denial))
        }
    };
    guard.settle(receipt, outcome, note).await;
    delivery
}

/// Whether a result is the end of its call. A result without a type is of the legacy era.
fn is_complete(result: &Value) -> bool {
    let kind = result.get("resultType");
    result.is_object() && (kind.is_none() || kind.and_then(Value::as_str) == Some("complete"))
}
