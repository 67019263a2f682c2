//! Which issuers' tokens are accepted here: the metadata of a protected resource (RFC 9728), and the
//! challenge that points to it. Without an issuer there is neither: a pointer would lead nowhere.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use url::{Host, Url};

use super::door::Door;
use super::post::known;
use crate::guard::Denial;
use crate::model::name::ServerName;
use crate::model::reason::Reason;

/// Where the metadata of the whole listener stands; that of one endpoint stands below it.
pub(super) const PATH: &str = "/.well-known/oauth-protected-resource";

/// The metadata of the listener.
pub(super) async fn whole(State(door): State<Arc<Door>>, headers: HeaderMap) -> Response {
    document(&door, "", &headers)
}

/// The metadata of one endpoint.
pub(super) async fn part(
    State(door): State<Arc<Door>>,
    Path(of): Path<String>,
    headers: HeaderMap,
) -> Response {
    let is_known = match of.split_once('/') {
        None => of == "mcp",
        Some((first, server)) => first == "mcp" && known(&door, server).is_some(),
    };
    match is_known {
        true => document(&door, &format!("/{of}"), &headers),
        false => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The challenge to a request that proved nobody (RFC 6750, 3; RFC 9728, 5.1).
pub(super) fn challenge(
    door: &Door,
    server: Option<&ServerName>,
    headers: &HeaderMap,
    denial: &Denial,
) -> HeaderValue {
    const PLAIN: HeaderValue = HeaderValue::from_static("Bearer");
    if door.issuers.is_empty() {
        return PLAIN;
    }
    let Some(origin) = origin(headers) else {
        return PLAIN;
    };
    let error = match denial.reason() {
        Reason::CredentialMissing => "",
        _ => r#"error="invalid_token", "#,
    };
    let endpoint = server.map_or_else(String::new, |server| format!("/{server}"));
    let text = format!(r#"Bearer {error}resource_metadata="{origin}{PATH}/mcp{endpoint}""#);
    HeaderValue::from_str(&text).unwrap_or(PLAIN)
}

fn document(door: &Door, path: &str, headers: &HeaderMap) -> Response {
    let origin = origin(headers).filter(|_| door.hosts.admit(headers));
    let Some(origin) = origin.filter(|_| !door.issuers.is_empty()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let body = json!({
        "resource": format!("{origin}{path}"),
        "resource_name": "Countersign",
        "authorization_servers": door.issuers.names().collect::<Vec<_>>(),
        "bearer_methods_supported": ["header"],
    });
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, body.to_string()).into_response()
}

/// The address that a request was sent to, as its own header says; the door admits only names of ours.
/// The guard speaks plainly, so a name that is not this machine's own has something in front of it that
/// speaks TLS.
fn origin(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let url = Url::parse(&format!("http://{host}/")).ok()?;
    let is_local = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    let scheme = if is_local { "http" } else { "https" };
    let origin = url.origin().ascii_serialization();
    Some(format!("{scheme}{}", origin.strip_prefix("http")?))
}
