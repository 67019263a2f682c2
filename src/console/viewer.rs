//! The person behind a request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};

use super::device::Device;
use super::refusal::Refusal;
use super::visits::Found;
use super::{Console, cookie};
use crate::guard::Denial;
use crate::model::proof::Proven;
use crate::model::reason::Reason;
use crate::model::role::Right;

/// An operator that signed in; a page that takes one cannot be seen without.
pub(super) struct Viewer {
    /// Who, with groups and roles as they stand now, and what they signed in with.
    pub(super) proven: Proven,
    /// What the forms of the page carry.
    pub(super) seal: String,
}

impl Viewer {
    /// The person whose visit the request carries, if it goes on.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn find(
        console: &Console,
        headers: &HeaderMap,
        by_person: bool,
    ) -> Result<Option<Self>, Refusal> {
        let guard = &console.guard;
        let Some(name) = cookie::read(headers) else {
            return Ok(None);
        };
        let device = Device::of(headers);
        let visit = match console
            .visits
            .find(name, device, guard.ambient(), by_person)
        {
            Found::Here(visit) => visit,
            Found::Nothing => return Ok(None),
            Found::Elsewhere(visit) => {
                let sentence = format!(
                    "a visit of {} was shown by another kind of browser, and has ended",
                    visit.operator
                );
                let denial = Denial::new(Reason::CredentialRevoked, sentence);
                guard.unproved_person(denial).await;
                return Ok(None);
            }
        };
        // A provider may have taken the last role since.
        let standing = guard.still_proven(&visit.proof).await?;
        let standing = standing.filter(|proven| proven.may(Right::Read));
        if standing.is_none() {
            console.visits.end(name);
        }
        Ok(standing.map(|proven| Self {
            proven,
            seal: visit.seal,
        }))
    }

    /// Whether they may do what takes that right.
    pub(super) fn may(&self, right: Right) -> bool {
        self.proven.may(right)
    }
}

impl FromRequestParts<Arc<Console>> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        console: &Arc<Console>,
    ) -> Result<Self, Response> {
        let found = Self::find(console, &parts.headers, true).await;
        match found.map_err(IntoResponse::into_response)? {
            Some(viewer) => Ok(viewer),
            // A form that was posted is lost; the page it stood on is asked for again.
            None if parts.method == Method::GET => Err(to_sign_in(parts.uri.path())),
            None => Err(to_sign_in("/")),
        }
    }
}

fn to_sign_in(back: &str) -> Response {
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("back", back)
        .finish();
    Redirect::to(&format!("/sign-in?{query}")).into_response()
}
