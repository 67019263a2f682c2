//! The console: where a person sees what waits, decides it, and stops what must stop.
//!
//! Pages are made on the server by templates that escape; the few scripts only tell that something
//! changed, count time down and move the focus. Without them everything but that works too. No page
//! decides anything when it is read: what changes something is posted, with the secret of the session.

mod account;
mod agents;
mod amendment;
mod assets;
mod calls;
mod channels;
mod confirm;
mod cookie;
mod decision;
mod device;
mod enrol;
mod export;
mod feed;
mod filter;
mod foreign;
mod form;
mod frame;
mod grants;
mod inbox;
mod list;
mod marks;
mod me;
mod moment;
mod pattern;
mod people;
mod plot;
mod precedent;
mod record;
mod refusal;
mod request;
mod reviews;
mod scopes;
mod sessions;
mod shield;
mod sign_in;
mod since;
mod stopped;
mod tail;
mod tier;
mod tools;
mod viewer;
mod visits;
mod votes;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use self::feed::Feed;
use self::tail::Tail;
use self::visits::Visits;
use crate::authn::oidc::Provider;
use crate::guard::Guard;

/// What the pages are made from.
struct Console {
    guard: Arc<Guard>,
    visits: Visits,
    feed: Feed,
    tail: Tail,
    provider: Option<Provider>,
}

/// The console's pages; whatever they do not know is left to `rest`, which shares the listener.
pub fn router(guard: Arc<Guard>, rest: Router) -> Router {
    router_with(guard, None, rest)
}

/// The same, where people may sign in over an identity provider.
pub fn router_with(guard: Arc<Guard>, provider: Option<Provider>, rest: Router) -> Router {
    let console = Arc::new(Console {
        visits: Visits::default(),
        feed: Feed::follow(&guard),
        tail: Tail::default(),
        provider,
        guard,
    });
    let pages = Router::new()
        .route("/", get(inbox::page))
        .route("/requests/{id}", get(request::page))
        .route("/requests/{id}/pattern", get(pattern::page))
        .route("/requests/{id}/decision", post(decision::take))
        .route("/requests/{id}/amendment", get(amendment::page))
        .route("/requests/{id}/amendment.patch", get(amendment::patch))
        .route("/requests/{id}/withdraw", post(votes::withdraw))
        .route("/requests/{id}/break-glass", post(reviews::take))
        .route("/reviews", get(reviews::page))
        .route("/reviews/{id}/close", post(reviews::close))
        .route("/agents", get(agents::page))
        .route("/agents/{name}/{deed}", post(agents::take))
        .route("/sessions/{id}", get(sessions::page))
        .route("/sessions/{id}/{deed}", post(sessions::take))
        .route("/grants", get(grants::page))
        .route("/grants/{id}/revoke", post(grants::revoke))
        .route("/decisions", get(record::page))
        .route("/decisions/export", get(export::file))
        .route("/channels", get(channels::page))
        .route("/channels/{name}/enable", post(channels::enable))
        .route("/scopes", get(scopes::page))
        .route("/scopes/accept", post(scopes::accept))
        .route("/tools", get(tools::page))
        .route("/tools/diff", get(tools::diff))
        .route("/tools/{deed}", post(tools::take))
        .route("/people", get(people::page))
        .route("/people/{name}/confirm", post(people::confirm))
        .route("/people/{name}/sign-out", post(people::sign_out))
        .route("/me", get(me::page))
        .route("/me/passkeys/begin", post(me::begin))
        .route("/me/passkeys/finish", post(me::finish))
        .route("/me/proofs/{id}/end", post(me::end))
        .route("/me/sign-out", post(me::leave))
        .route("/me/account/read", post(account::read))
        .route("/me/account/prove", post(account::prove))
        .route("/confirm", get(confirm::page))
        .route("/confirm/{id}", post(confirm::take))
        .route("/enrol", get(enrol::page))
        .route("/enrol/begin", post(enrol::begin))
        .route("/enrol/finish", post(enrol::finish))
        .route("/enrol/account", post(account::enrol))
        .route("/sign-in", get(sign_in::page).post(sign_in::enter))
        .route("/sign-in/passkey/begin", post(sign_in::begin))
        .route("/sign-in/passkey/finish", post(sign_in::finish))
        .route("/sign-in/account", post(account::begin))
        .route(account::CALLBACK, get(account::arrive))
        .route("/sign-out", post(sign_in::leave))
        .route("/feed", get(feed::stream))
        .route("/assets/{name}", get(assets::file))
        .layer(axum::middleware::map_response(shield::cover))
        .with_state(console);
    pages.fallback_service(rest)
}
