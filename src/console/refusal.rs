//! A page that says what was not done, why, and what to do.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::html;

use super::frame;
use crate::guard::{
    AmendError, Denial, EnrolError, OperateError, ResolveError, ReviewError, StoreError,
};
use crate::model::reason::Reason;

/// Why a page was not shown, or a wish not done.
pub(super) struct Refusal {
    status: StatusCode,
    title: String,
    what: String,
    remedy: String,
}

impl Refusal {
    /// Nothing is there.
    pub(super) fn missing() -> Self {
        Self::of(Reason::NotFound)
    }

    /// A row of the one table of reasons.
    pub(super) fn of(reason: Reason) -> Self {
        let row = reason.row();
        Self {
            status: StatusCode::from_u16(row.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            title: row.sentence.to_owned(),
            what: "Nothing was changed.".to_owned(),
            remedy: row.remedy.to_owned(),
        }
    }

    /// Another site may have sent the form.
    pub(super) fn foreign_form() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            title: "This form did not come from a page of this visit.".to_owned(),
            what: "Nothing was changed.".to_owned(),
            remedy: "Open the page again and decide there.".to_owned(),
        }
    }

    /// The form is none of ours.
    pub(super) fn bad_form(what: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            title: "The form could not be read.".to_owned(),
            what: format!("Nothing was changed: {what}."),
            remedy: "Open the page again and decide there.".to_owned(),
        }
    }

    /// A field of the form is not acceptable.
    pub(super) fn bad_field(name: &str) -> Self {
        Self::bad_form(&format!("“{name}” is missing or not acceptable"))
    }

    fn because(mut self, what: &impl std::fmt::Display) -> Self {
        self.what = format!("Nothing was changed: {what}.");
        self
    }
}

impl From<StoreError> for Refusal {
    fn from(fault: StoreError) -> Self {
        tracing::error!(%fault, "a page could not be made");
        Self::of(Reason::StoreUnavailable)
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self::of(denial.reason())
    }
}

impl From<EnrolError> for Refusal {
    fn from(error: EnrolError) -> Self {
        Self::of(error.reason()).because(&error)
    }
}

impl From<AmendError> for Refusal {
    fn from(error: AmendError) -> Self {
        Self::of(error.reason()).because(&error)
    }
}

impl From<OperateError> for Refusal {
    fn from(error: OperateError) -> Self {
        Self::of(error.reason()).because(&error)
    }
}

impl From<ReviewError> for Refusal {
    fn from(error: ReviewError) -> Self {
        Self::of(error.reason()).because(&error)
    }
}

impl From<ResolveError> for Refusal {
    fn from(error: ResolveError) -> Self {
        Self::of(error.reason()).because(&error)
    }
}

impl Refusal {
    /// The same for a script of ours.
    pub(super) fn spoken(self) -> Response {
        let said =
            serde_json::json!({"title": self.title, "what": self.what, "remedy": self.remedy});
        (self.status, axum::Json(said)).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = html! {
            main .narrow {
                h1 { (self.title) }
                p { (self.what) }
                p { (self.remedy) }
                p { a href="/" { "Back to the inbox" } }
            }
        };
        (self.status, frame::bare("Not done", body)).into_response()
    }
}
