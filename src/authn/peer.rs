//! The address that a connection comes from, told to the guard for what it counts.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::middleware::Next;
use axum::response::Response;

use crate::guard::source::{self, Source};

/// Answers a request on behalf of the address that it comes from. What a header says of another address
/// is not read: whoever wants to be counted as somebody else could write it.
pub async fn told(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    source::from(Source::of(peer.ip()), next.run(request)).await
}
