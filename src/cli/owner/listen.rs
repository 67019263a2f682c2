//! Serving a router until the guard stops.

use std::net::SocketAddr;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::authn::peer;
use crate::limits::SHUTDOWN_GRACE;

/// Answers until `stopping`, then lets requests under way end within [`SHUTDOWN_GRACE`].
pub(super) async fn serve(listener: TcpListener, router: Router, stopping: CancellationToken) {
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's algorithm");
        }
    });
    let deadline = {
        let stopping = stopping.clone();
        async move {
            stopping.cancelled().await;
            tokio::time::sleep(SHUTDOWN_GRACE).await;
        }
    };
    let router = router.layer(axum::middleware::from_fn(peer::told));
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(stopping.cancelled_owned());
    tokio::select! {
        served = serving => {
            if let Err(error) = served {
                tracing::error!(%error, "a listener ended");
            }
        }
        () = deadline => tracing::warn!("connections were cut at the end of the grace"),
    }
}
