//! Sending a call over HTTP so that a stop before its first byte keeps it from being written at all.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_LENGTH;
use reqwest::{Body, RequestBuilder, Response};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::fault::LinkError;
use super::http::broken;
use crate::guard::Leave;

/// Sends `body`, asked for once a connection stands: a connection may take its time, and what let the call
/// through may have been stopped meanwhile.
pub(super) async fn send(
    request: RequestBuilder,
    body: Vec<u8>,
    leave: Leave,
) -> Result<Response, LinkError> {
    let length = body.len();
    let (taken, is_taken) = oneshot::channel();
    let whole = stream::once(async move {
        let holds = leave.holds();
        // Whoever sent it may be gone, and then the connection goes with it.
        let _ = taken.send(holds.then_some(leave));
        match holds {
            true => Ok(Bytes::from(body)),
            false => Err(LinkError::Stopped),
        }
    });
    let stopped = async {
        match is_taken.await {
            Ok(None) => return LinkError::Stopped,
            Ok(Some(leave)) => {
                sleep(ON_ITS_WAY).await;
                drop(leave);
            }
            // The connection never asked for it, which the sending tells.
            Err(_) => {}
        }
        std::future::pending().await
    };
    // With its length said, a body that is only asked for later is sent like any other.
    let request = request.header(CONTENT_LENGTH, length);
    tokio::select! {
        biased;
        fault = stopped => Err(fault),
        reply = request.body(Body::wrap_stream(whole)).send() => reply.map_err(broken),
    }
}

/// Longer than it takes from the connection asking for the body to the bytes being with the system.
const ON_ITS_WAY: Duration = Duration::from_millis(10);
