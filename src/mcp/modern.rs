//! What every modern request must say of itself.

use serde_json::{Map, Value, json};

use super::dialect::code::UNSUPPORTED_VERSION;
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
