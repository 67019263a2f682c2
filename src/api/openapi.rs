//! The OpenAPI 3.1 document of both listeners, written by hand and held against the routers by a test.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

/// The document. The tags of an operation name the listeners that serve it.
pub const DOCUMENT: &str = include_str!("openapi.json");

/// Gives the document.
pub(super) async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
