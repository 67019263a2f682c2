//! What a form sent: each field once, from a page of ours, with the secret of the visit.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::constant_time;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::response::{IntoResponse, Response};

use super::Console;
use super::refusal::Refusal;
use super::viewer::Viewer;
use crate::limits::FORM_BYTES;
use crate::model::role::Right;

/// A form, and the person who posted it: neither is had without naming the right that the form takes.
pub(super) struct Posted {
    viewer: Viewer,
    fields: Fields,
}

impl Posted {
    /// Who and what, where they have the right.
    ///
    /// # Errors
    /// When they do not; that is recorded.
    pub(super) async fn with(
        self,
        console: &Console,
        right: Right,
    ) -> Result<(Viewer, Fields), Refusal> {
        console.guard.allow(&self.viewer.proven, right).await?;
        Ok((self.viewer, self.fields))
    }
}

/// The fields of a form.
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads the fields of a form that one of our own pages sent.
    ///
    /// # Errors
    /// When another site sent it, or it is not a form as our pages make them.
    pub(super) async fn read(request: Request) -> Result<Self, Refusal> {
        if !is_ours(request.headers()) {
            return Err(Refusal::foreign_form());
        }
        let kind = request.headers().get(CONTENT_TYPE);
        if kind.is_none_or(|kind| kind != "application/x-www-form-urlencoded") {
            return Err(Refusal::bad_form("it is not a form"));
        }
        let body = axum::body::to_bytes(request.into_body(), FORM_BYTES)
            .await
            .map_err(|_| Refusal::bad_form("it is too long"))?;
        let mut fields = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(&body) {
            if fields
                .insert(name.into_owned(), value.into_owned())
                .is_some()
            {
                return Err(Refusal::bad_form("a field stands twice"));
            }
        }
        Ok(Self(fields))
    }

    /// A field, where the form has it and it is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name)?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// A field that the form must have, as `parse` reads it.
    ///
    /// # Errors
    /// Naming the field.
    pub(super) fn needed<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Refusal> {
        self.text(name)
            .and_then(parse)
            .ok_or_else(|| Refusal::bad_field(name))
    }
}

impl FromRequest<Arc<Console>> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Arc<Console>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let viewer = Viewer::from_request_parts(&mut parts, console).await?;
        let fields = Fields::read(Request::from_parts(parts, body)).await;
        let fields = fields.map_err(IntoResponse::into_response)?;
        let seal = fields.text("seal").unwrap_or_default();
        let is_sealed =
            constant_time::verify_slices_are_equal(seal.as_bytes(), viewer.seal.as_bytes());
        match is_sealed {
            Ok(()) => Ok(Self { viewer, fields }),
            Err(_) => Err(Refusal::foreign_form().into_response()),
        }
    }
}

/// Whether a page of this very listener sent the request; every browser says so of a form.
fn is_ours(headers: &HeaderMap) -> bool {
    let only = |name| {
        let mut values = headers.get_all(name).iter();
        let first = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(first)
    };
    let (Some(origin), Some(host)) = (only(ORIGIN), only(HOST)) else {
        return false;
    };
    origin
        .strip_prefix("http://")
        .or(origin.strip_prefix("https://"))
        .is_some_and(|from| from == host)
}
