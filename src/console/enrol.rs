//! Where a link leads: a person adds their first passkey, or another one.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde_json::json;

use super::form::Fields;
use super::refusal::Refusal;
use super::{Console, account, frame};
use crate::guard::Enrolling;
use crate::model::json;
use crate::model::passkey::Registration;

/// The page. The secret stands behind the `#` of its address, so that no log and no other page sees it.
pub(super) async fn page(State(console): State<Arc<Console>>) -> Markup {
    let doorway = console.guard.doorway();
    frame::bare(
        "Add a passkey",
        html! {
            main #main .narrow {
                h1 { "Add a passkey" }
                p { "It signs you in, and signs what you decide. It never leaves your device or your key." }
                @if let Some(doorway) = doorway {
                    form #enrol method="post" action="/enrol" .stack data-origin=(doorway.origin()) {
                        input type="hidden" name="secret";
                        label for="label" { "A name for it, for example the device it is on" }
                        input #label name="label" maxlength="64" autocomplete="off";
                        button .main hidden { "Add a passkey" }
                        p .meta data-said role="status" { "This takes a browser with scripts." }
                    }
                    (account::way_to_bind(console.provider.as_ref()))
                } @else {
                    p .alert role="alert" {
                        "This guard has no console address that passkeys could be made for. Write "
                        code { "console: {origin: …}" } " into its configuration."
                    }
                }
            }
        },
    )
}

/// What the browser is asked, for whoever holds a link that is open.
pub(super) async fn begin(State(console): State<Arc<Console>>, request: Request) -> Response {
    let asked = async {
        let fields = Fields::read(request).await?;
        let secret = fields.needed("secret", |text| Some(text.to_owned()))?;
        Ok::<_, Refusal>(console.guard.begin_enrolment(&secret).await?)
    };
    spoken(asked.await)
}

/// Adds what it made.
pub(super) async fn finish(State(console): State<Arc<Console>>, request: Request) -> Response {
    let added = async {
        let fields = Fields::read(request).await?;
        let answer = answer(&fields)?;
        let label = fields.text("label").unwrap_or_default();
        Ok::<_, Refusal>(console.guard.add_passkey(&answer, label, None).await?)
    };
    match added.await {
        Ok(_) => axum::Json(json!({"to": "/sign-in"})).into_response(),
        Err(refusal) => refusal.spoken(),
    }
}

/// What a browser is asked, or why not, for a script of ours.
pub(super) fn spoken(asked: Result<Enrolling, Refusal>) -> Response {
    match asked {
        Ok(asked) => {
            let asked = json!({"publicKey": asked.options, "name": asked.operator.as_str()});
            axum::Json(asked).into_response()
        }
        Err(refusal) => refusal.spoken(),
    }
}

/// The new passkey that a form carries.
pub(super) fn answer(fields: &Fields) -> Result<Registration, Refusal> {
    let answer = fields.needed("credential", |text| json::parse(text.as_bytes()).ok())?;
    Registration::parse(&answer).map_err(|_| Refusal::bad_field("credential"))
}
