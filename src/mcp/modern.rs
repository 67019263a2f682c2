//! What every modern request must say of itself.

use serde_json::{Map, Value, json};

use super::dialect::code::{MISSING_CAPABILITY, UNSUPPORTED_VERSION};
use super::dialect::{MODERN_VERSIONS, declared_version, meta as find_meta, meta};
use super::jsonrpc::RpcError;
use super::render;

/// The version a request is written in.
///
/// # Errors
/// The answer to a request that leaves its version or its client's capabilities out.
pub(super) fn version(params: &Map<String, Value>) -> Result<&str, RpcError> {
    let capabilities = find_meta(params)
        .and_then(|meta| meta.get(meta::CLIENT_CAPABILITIES))
        .is_some_and(Value::is_object);
    declared_version(params)
        .filter(|_| capabilities)
        .ok_or_else(|| {
            render::bad_params(
                "_meta must carry the protocol version and the client's capabilities",
            )
        })
}

/// Whether the client declared that it knows tasks.
///
/// # Errors
/// The answer that says that it must.
pub(super) fn knows_tasks(params: &Map<String, Value>) -> Result<(), RpcError> {
    let declared = find_meta(params)
        .and_then(|meta| meta.get(meta::CLIENT_CAPABILITIES)?.get("extensions"))
        .is_some_and(|extensions| extensions.get(meta::TASKS_EXTENSION).is_some());
    if declared {
        return Ok(());
    }
    let needed = json!({"extensions": {meta::TASKS_EXTENSION: {}}});
    Err(RpcError {
        data: Some(json!({"requiredCapabilities": needed})),
        ..RpcError::new(
            MISSING_CAPABILITY,
            "the client must declare the tasks extension",
        )
    })
}

/// Holds a version against those that are spoken here.
///
/// # Errors
/// The answer that names them.
pub(super) fn speak(version: &str) -> Result<(), RpcError> {
    if MODERN_VERSIONS.contains(&version) {
        return Ok(());
    }
    let data = json!({"supported": MODERN_VERSIONS, "requested": version});
    Err(RpcError {
        data: Some(data),
        ..RpcError::new(UNSUPPORTED_VERSION, "Unsupported protocol version")
    })
}
