//! Plain HTTP, as a client without a library would speak it.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// One client with its headers.
pub(crate) struct Wire {
    client: reqwest::Client,
    url: String,
    headers: HeaderMap,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Came {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: String,
}

impl Came {
    /// Every message in the body, whether it came as one or as a stream.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let kind = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        match kind {
            Some("text/event-stream") => self
                .body
                .lines()
                .filter_map(|line| line.strip_prefix("data:"))
                .filter(|data| !data.trim().is_empty())
                .map(|data| serde_json::from_str(data.trim()).unwrap())
                .collect(),
            _ => vec![serde_json::from_str(&self.body).unwrap_or(Value::Null)],
        }
    }

    /// The answer: the last message.
    pub(crate) fn answer(&self) -> Value {
        self.messages().pop().unwrap_or(Value::Null)
    }

    /// The first event's id.
    pub(crate) fn event_id(&self) -> String {
        let id = self.body.lines().find_map(|line| line.strip_prefix("id:"));
        id.expect("an event with an id").trim().to_owned()
    }

    /// The text of a tool's result.
    pub(crate) fn text(&self) -> String {
        let answer = self.answer();
        let text = answer["result"]["content"][0]["text"].as_str();
        text.unwrap_or_else(|| panic!("no text in {answer}"))
            .to_owned()
    }
}

impl Wire {
    /// A client of `url` with a key.
    pub(crate) fn new(url: &str, key: &str) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "a client that is not the guard's"
        )]
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        let wire = Self {
            client,
            url: url.to_owned(),
            headers: HeaderMap::new(),
        };
        wire.with(AUTHORIZATION.as_str(), &format!("Bearer {key}"))
            .with(ACCEPT.as_str(), "application/json, text/event-stream")
            .with(CONTENT_TYPE.as_str(), "application/json")
    }

    /// The same client with a header more, or another value of it.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers
            .insert(name, HeaderValue::from_str(value).unwrap());
        self
    }

    /// The same client without a header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// The same client in a session of the legacy era, begun like any client begins it.
    pub(crate) async fn begin(self, version: &str) -> Self {
        let params = json!({
            "protocolVersion": version,
            "capabilities": {"elicitation": {}, "sampling": {}},
            "clientInfo": {"name": "wire", "version": "1"},
        });
        let came = self.ask("initialize", params).await;
        assert_eq!(came.status, 200, "{}", came.body);
        let session = came.headers["mcp-session-id"].to_str().unwrap().to_owned();
        let wire = self
            .with("mcp-session-id", &session)
            .with("mcp-protocol-version", version);
        let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(wire.post(&told.to_string()).await.status, 202);
        wire
    }

    /// A request with these parameters.
    pub(crate) async fn ask(&self, method: &str, params: Value) -> Came {
        let id = METHOD_IDS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.post(&body.to_string()).await
    }

    /// A call of a tool.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Came {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments}))
            .await
    }

    /// Calls a tool in the older era, answers the one question that comes meanwhile with `result`, and
    /// gives the question and the tool's answer.
    pub(crate) async fn call_answering(&self, tool: &str, result: Value) -> (Value, Value) {
        let params = json!({"name": tool, "arguments": {"message": "Who are you?"}});
        let body =
            json!({"jsonrpc": "2.0", "id": "asking", "method": "tools/call", "params": params});
        let request = self.client.post(&self.url).headers(self.headers.clone());
        let mut response = request.body(body.to_string()).send().await.unwrap();
        let (mut text, mut question) = (String::new(), Value::Null);
        while let Some(chunk) = response.chunk().await.unwrap() {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
            let lines = text.lines().filter_map(|line| line.strip_prefix("data:"));
            for message in lines.filter_map(|data| serde_json::from_str::<Value>(data.trim()).ok())
            {
                if message["id"] == "asking" {
                    return (question, message);
                }
                if message.get("method").is_some() && question.is_null() {
                    let id = message["id"].clone();
                    question = message;
                    let answer = json!({"jsonrpc": "2.0", "id": id, "result": result});
                    assert_eq!(self.post(&answer.to_string()).await.status, 202);
                }
            }
        }
        (question, serde_json::from_str(&text).unwrap())
    }

    /// A request of the modern era, with the headers that repeat it.
    pub(crate) async fn ask_modern(&self, method: &str, mut params: Value) -> Came {
        params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
        if params["_meta"]["io.modelcontextprotocol/clientCapabilities"].is_null() {
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
        }
        let mut headers = self.headers.clone();
        headers.insert(
            "mcp-protocol-version",
            HeaderValue::from_static("2026-07-28"),
        );
        headers.insert("mcp-method", HeaderValue::from_str(method).unwrap());
        for member in ["name", "uri", "taskId"] {
            if let Some(name) = params[member].as_str() {
                headers.insert("mcp-name", HeaderValue::from_str(name).unwrap());
            }
        }
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = self
            .client
            .post(&self.url)
            .headers(headers)
            .body(body.to_string());
        came(request.send().await.unwrap()).await
    }

    /// Calls a tool in the modern era, hangs up once the answer has begun, and returns when the other
    /// side has noticed.
    pub(crate) async fn leave(&self, mut params: Value) {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let name = params["name"].as_str().unwrap().to_owned();
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let body = body.to_string();
        let url = reqwest::Url::parse(&self.url).unwrap();
        let host = format!("127.0.0.1:{}", url.port().unwrap());
        let mut head = format!("POST {} HTTP/1.1\r\nhost: {host}\r\n", url.path());
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
        }
        head.push_str(&format!(
            "mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: {name}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        ));
        let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut begun = [0; 12];
        stream.read_exact(&mut begun).await.unwrap();
        assert_eq!(&begun, b"HTTP/1.1 200");
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        let read = stream.read_to_end(&mut rest);
        tokio::time::timeout(Duration::from_secs(20), read)
            .await
            .unwrap()
            .unwrap();
    }

    /// A POST of these bytes.
    pub(crate) async fn post(&self, body: &str) -> Came {
        let request = self.client.post(&self.url).headers(self.headers.clone());
        came(request.body(body.to_owned()).send().await.unwrap()).await
    }

    /// A GET, until the body ends.
    pub(crate) async fn get(&self) -> Came {
        let request = self.client.get(&self.url).headers(self.headers.clone());
        came(request.send().await.unwrap()).await
    }

    /// A DELETE.
    pub(crate) async fn delete(&self) -> Came {
        let request = self.client.delete(&self.url).headers(self.headers.clone());
        came(request.send().await.unwrap()).await
    }
}

static METHOD_IDS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

async fn came(response: reqwest::Response) -> Came {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = response.text().await.unwrap_or_default();
    Came {
        status,
        headers,
        body,
    }
}
