//! An upstream over HTTP that outlives the guard: each call is on disk before it is answered.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use countersign::model::json;
use serde_json::{Value, json};

/// Serves a bank with that ledger and gives its address; it ends with the runtime.
pub(crate) async fn open(ledger: &Path) -> String {
    let ledger = OpenOptions::new().create(true).append(true).open(ledger);
    let ledger = Arc::new(Mutex::new(ledger.unwrap()));
    let answer = move |body: String| {
        let ledger = Arc::clone(&ledger);
        async move { answer(&ledger, &body) }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let router = Router::new().route("/mcp", post(answer));
        axum::serve(listener, router).await.unwrap();
    });
    format!("http://{address}/mcp")
}

fn answer(ledger: &Mutex<File>, body: &str) -> Response {
    let message = json::parse(body.as_bytes()).unwrap();
    let (Some(id), Some(method)) = (message.get("id"), message["method"].as_str()) else {
        return StatusCode::ACCEPTED.into_response();
    };
    let result = match method {
        "initialize" => json!({
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "bank", "version": "1"},
        }),
        "tools/list" => json!({"tools": [tool("look"), tool("pay")]}),
        "tools/call" => {
            let mut ledger = ledger.lock().unwrap();
            ledger
                .write_all(format!("{}\n", message["params"]).as_bytes())
                .unwrap();
            ledger.sync_data().unwrap();
            json!({"content": [{"type": "text", "text": "done"}]})
        }
        _ => json!({}),
    };
    let body = json!({"jsonrpc": "2.0", "id": id, "result": result});
    ([(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn tool(name: &str) -> Value {
    json!({"name": name, "inputSchema": {"type": "object"}})
}
