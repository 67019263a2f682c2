//! What a client may send and what it can take.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};

use crate::limits::AGENT_MESSAGE_BYTES;

/// The body of a message; otherwise the status that says what is wrong with it.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, StatusCode> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    if !accepts(headers, "application/json") || !accepts(headers, "text/event-stream") {
        return Err(StatusCode::NOT_ACCEPTABLE);
    }
    axum::body::to_bytes(body, AGENT_MESSAGE_BYTES)
        .await
        .map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)
}

/// Whether the client can take an answer of this kind.
pub(super) fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let family = kind.split('/').next().unwrap_or_default();
    let values = headers.get_all(header::ACCEPT).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| {
            let one = one.split(';').next().unwrap_or_default().trim();
            one.eq_ignore_ascii_case(kind) || one == "*/*" || one == format!("{family}/*")
        })
}

/// Whether the client names a stream before a single message as what it accepts.
pub(super) fn prefers_stream(headers: &HeaderMap) -> bool {
    let first = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let first = first.and_then(|value| value.split([',', ';']).next());
    first.is_some_and(|first| first.trim().eq_ignore_ascii_case("text/event-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_headers_are_read_as_they_are_written() {
        let accepts = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, value.parse().unwrap());
            super::accepts(&headers, "text/event-stream")
        };
        assert!(accepts("application/json, text/event-stream"));
        assert!(accepts("text/event-stream;q=0.5"));
        assert!(accepts("*/*"));
        assert!(accepts("text/*"));
        assert!(!accepts("application/json"));
    }
}
