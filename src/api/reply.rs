//! Answers that are not refusals.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::problem::Problem;
use crate::model::json;
use crate::model::reason::Reason;
use crate::model::text::{Surface, show};

/// 200 with a document.
pub(super) fn ok(body: Value) -> Response {
    with(StatusCode::OK, body)
}

/// A status with a document.
pub(super) fn with(status: StatusCode, body: Value) -> Response {
    let text = show(&body.to_string(), Surface::Json);
    (status, [(CONTENT_TYPE, JSON)], text).into_response()
}

/// A document that the store keeps in canonical form.
///
/// Only what the guard wrote itself comes here; a fault in it shows as null rather than as a lie.
pub(super) fn stored(canonical: &[u8]) -> Value {
    match canonical.is_empty() {
        true => Value::Null,
        false => json::parse(canonical).unwrap_or(Value::Null),
    }
}

/// What every router of this edge has in common: its own refusals, and nothing kept by caches.
pub(super) fn finish<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router
        .fallback(|| async { Problem::new(Reason::NotFound) })
        .method_not_allowed_fallback(|| async {
            Problem::new(Reason::NotFound).detail("nothing here takes this method")
        })
        .layer(map_response(|response: Response| async {
            let mut response = own_words(response);
            response
                .headers_mut()
                .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }))
}

/// The one refusal that routing makes by itself, of a path that is not UTF-8, in our form.
fn own_words(response: Response) -> Response {
    let is_ours = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/problem+json");
    match response.status() == StatusCode::BAD_REQUEST && !is_ours {
        true => Problem::malformed("the path is not acceptable").into_response(),
        false => response,
    }
}

const JSON: &str = "application/json";
