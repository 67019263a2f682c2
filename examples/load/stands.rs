//! What stands beside the guard: the upstream itself, a bare pass-through, and a bare authorizer.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::http::{Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Serves on a free port of the loopback, as long as the program runs.
pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A server of two tools, which say what they were given.
pub(crate) fn upstream() -> Router {
    Router::new().route("/mcp", post(echo))
}

async fn echo(body: Bytes) -> Response {
    let message: Value = serde_json::from_slice(&body).unwrap();
    let result = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "echo", "version": "1"},
        }),
        Some("tools/list") => {
            let tool = |name| json!({"name": name, "inputSchema": {"type": "object"}});
            json!({"tools": [tool("echo"), tool("note")]})
        }
        Some("tools/call") => {
            let said = message["params"]["arguments"].to_string();
            json!({"content": [{"type": "text", "text": said}], "isError": false})
        }
        _ => return StatusCode::ACCEPTED.into_response(),
    };
    let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
    let kind = (header::CONTENT_TYPE, "application/json");
    ([kind], answer.to_string()).into_response()
}

/// Passes every request on as it is; nothing but hyper.
pub(crate) async fn pass_through(upstream: SocketAddr) -> SocketAddr {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let to = Uri::try_from(format!("http://{upstream}/mcp")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (client, to) = (client.clone(), to.clone());
            let service = service_fn(move |request| pass(client.clone(), to.clone(), request));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

async fn pass(
    client: Client<HttpConnector, Incoming>,
    to: Uri,
    mut request: Request<Incoming>,
) -> Result<Response<Incoming>, Error> {
    *request.uri_mut() = to;
    client.request(request).await
}

/// Answers a JSON request with JSON, and decides nothing.
pub(crate) fn authorizer() -> Router {
    Router::new().route("/v1/calls", post(say_yes))
}

async fn say_yes(body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let answer = json!({"state": "permitted", "tool": asked["tool"]});
    let kind = (header::CONTENT_TYPE, "application/json");
    ([kind], answer.to_string()).into_response()
}
