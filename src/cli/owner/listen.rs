//! Serving a router until the guard stops, to a bounded number of connections that say soon what they want.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::authn::peer;
use crate::limits::{CONNECTIONS_PER_LISTENER_COUNT, REQUEST_HEAD_LONGEST, SHUTDOWN_GRACE};

/// Answers until `stopping`, then lets requests under way end within [`SHUTDOWN_GRACE`].
pub(super) async fn serve(listener: TcpListener, router: Router, stopping: CancellationToken) {
    serve_at_most(CONNECTIONS_PER_LISTENER_COUNT, listener, router, stopping).await;
}

/// Whoever comes when there is no room waits with the system until there is.
async fn serve_at_most(
    count: usize,
    listener: TcpListener,
    router: Router,
    stopping: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(count));
    let connections = Connections {
        router: router.layer(axum::middleware::from_fn(peer::told)),
        ending: GracefulShutdown::new(),
        cut: CancellationToken::new(),
    };
    let accepting = async {
        // The room is never closed.
        while let Ok(place) = Arc::clone(&room).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, peer)) => connections.begin(stream, peer, place),
                Err(error) => {
                    tracing::error!(%error, "a listener does not accept");
                    // Out of descriptors, most likely; a moment later there may be some.
                    sleep(RECOVERY).await;
                }
            }
        }
    };
    tokio::select! {
        () = stopping.cancelled() => {}
        () = accepting => {}
    }
    drop(listener);
    if timeout(SHUTDOWN_GRACE, connections.ending.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("connections were cut at the end of the grace");
    }
    connections.cut.cancel();
}

/// The connections of one listener.
struct Connections {
    router: Router,
    ending: GracefulShutdown,
    cut: CancellationToken,
}

impl Connections {
    fn begin(&self, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's algorithm");
        }
        let answering = TowerToHyperService::new(self.router.clone());
        // Told to the guard, which counts by it what anybody can cause.
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            answering.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(REQUEST_HEAD_LONGEST)
            .serve_connection(TokioIo::new(stream), service);
        let connection = self.ending.watch(connection);
        let cut = self.cut.clone();
        tokio::spawn(async move {
            let _place = place;
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended");
                    }
                }
                () = cut.cancelled() => {}
            }
        });
    }
}

const RECOVERY: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;

    struct Listening {
        address: std::net::SocketAddr,
        stopping: CancellationToken,
        serving: tokio::task::JoinHandle<()>,
    }

    async fn listen(count: usize) -> Listening {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stopping = CancellationToken::new();
        let slow = get(|| async {
            sleep(Duration::from_millis(200)).await;
            "slow"
        });
        let router = Router::new()
            .route("/", get(|| async { "here" }))
            .route("/slow", slow);
        let serving = tokio::spawn(serve_at_most(count, listener, router, stopping.clone()));
        Listening {
            address,
            stopping,
            serving,
        }
    }

    impl Listening {
        async fn say(&self, text: &str) -> TcpStream {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            stream
        }
    }

    async fn hear(stream: &mut TcpStream) -> String {
        let mut heard = vec![0; 1_024];
        let count = stream.read(&mut heard).await.unwrap();
        String::from_utf8_lossy(&heard[..count]).into_owned()
    }

    const ASKS: &str = "GET / HTTP/1.1\r\nhost: here\r\n\r\n";

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_never_says_what_it_wants_is_ended() {
        let listening = listen(4).await;
        let begun = Instant::now();
        for says in ["", "GET / HTTP/1.1\r\nhost: he"] {
            let mut stream = listening.say(says).await;
            let heard = hear(&mut stream).await;
            assert!(
                heard.is_empty() || heard.starts_with("HTTP/1.1 408"),
                "{heard}"
            );
        }
        assert!(begun.elapsed() >= REQUEST_HEAD_LONGEST);
    }

    #[tokio::test]
    async fn who_finds_no_room_is_answered_when_there_is_some() {
        let listening = listen(1).await;
        let mut first = listening.say(ASKS).await;
        assert!(hear(&mut first).await.ends_with("here"));
        let mut second = listening.say(ASKS).await;
        let early = timeout(Duration::from_millis(200), hear(&mut second)).await;
        assert!(early.is_err(), "there was no room");
        drop(first);
        assert!(hear(&mut second).await.ends_with("here"));
    }

    #[tokio::test]
    async fn a_request_under_way_is_answered_while_the_listener_stops() {
        let listening = listen(4).await;
        let mut slow = listening
            .say("GET /slow HTTP/1.1\r\nhost: here\r\n\r\n")
            .await;
        sleep(Duration::from_millis(50)).await;
        listening.stopping.cancel();
        assert!(hear(&mut slow).await.ends_with("slow"));
        timeout(SHUTDOWN_GRACE, listening.serving)
            .await
            .unwrap()
            .unwrap();
        assert!(TcpStream::connect(listening.address).await.is_err());
    }
}
