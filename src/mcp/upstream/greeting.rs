//! The guard's own first words to an upstream, where no agent speaks for itself.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::fault::LinkError;
use super::link::{Incoming, Link};
use super::outgoing::{Outgoing, Params};
use super::spec::UpstreamSpec;
use crate::ambient::Ambient;
use crate::limits::UPSTREAM_ANSWER_TIMEOUT;
use crate::mcp::dialect::{Era, LEGACY_VERSIONS, MODERN_VERSIONS, meta, method};

/// A link on which both sides know how to speak.
pub(super) struct Greeted {
    pub(super) link: Arc<Link>,
    /// The `_meta` that each request must carry.
    pub(super) meta: Map<String, Value>,
    pub(super) incoming: mpsc::Receiver<Incoming>,
}

/// Opens a link and agrees on a version. `initialize` comes first, since every server of the modern
/// era refuses it plainly, while older servers answer what they do not know in many ways.
pub(super) async fn greet(spec: &UpstreamSpec, ambient: &Ambient) -> Result<Greeted, LinkError> {
    match greet_legacy(spec, ambient).await? {
        Some(greeted) => Ok(greeted),
        None => greet_modern(spec, ambient).await,
    }
}

async fn greet_legacy(
    spec: &UpstreamSpec,
    ambient: &Ambient,
) -> Result<Option<Greeted>, LinkError> {
    let (link, incoming) = Link::open(spec, Era::Legacy, ambient).await?;
    let params = json!({
        "protocolVersion": LEGACY_VERSIONS.last(),
        "capabilities": {},
        "clientInfo": name(),
    });
    let answer = match ask(&link, method::INITIALIZE, params).await {
        // Some servers of the modern era refuse with nothing but a status.
        Ok(Err(_)) | Err(LinkError::Status(400..500)) => None,
        Ok(Ok(result)) => Some(result),
        Err(fault) => return Err(fault),
    };
    let Some(result) = answer else {
        link.close().await;
        return Ok(None);
    };
    let version = result.get("protocolVersion").and_then(Value::as_str);
    if !version.is_some_and(|version| LEGACY_VERSIONS.contains(&version)) {
        link.close().await;
        return Err(LinkError::Foreign);
    }
    link.introduce(&result);
    link.notify(method::INITIALIZED, Map::new()).await?;
    Ok(Some(Greeted {
        link: Arc::new(link),
        meta: Map::new(),
        incoming,
    }))
}

async fn greet_modern(spec: &UpstreamSpec, ambient: &Ambient) -> Result<Greeted, LinkError> {
    let (link, incoming) = Link::open(spec, Era::Modern, ambient).await?;
    let mut meta = Map::new();
    let version = MODERN_VERSIONS.last().copied();
    meta.insert(meta::PROTOCOL_VERSION.to_owned(), Value::from(version));
    meta.insert(meta::CLIENT_CAPABILITIES.to_owned(), json!({}));
    meta.insert(meta::CLIENT_INFO.to_owned(), name());
    match ask(&link, method::DISCOVER, json!({"_meta": meta})).await {
        Ok(Ok(result)) => {
            link.introduce(&result);
            Ok(Greeted {
                link: Arc::new(link),
                meta,
                incoming,
            })
        }
        Ok(Err(_)) => {
            link.close().await;
            Err(LinkError::Foreign)
        }
        Err(fault) => Err(fault),
    }
}

async fn ask(
    link: &Link,
    method: &str,
    params: Value,
) -> Result<Result<Value, crate::mcp::jsonrpc::RpcError>, LinkError> {
    let Value::Object(params) = params else {
        return Err(LinkError::Gone);
    };
    let mut request = Outgoing::new(method, Params::Plain(params));
    request.within = UPSTREAM_ANSWER_TIMEOUT;
    link.send(request).await?.answer().await
}

fn name() -> Value {
    json!({"name": "countersign", "version": env!("CARGO_PKG_VERSION")})
}
