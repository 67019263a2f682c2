//! An HTTP server that plays a part: it keeps what it hears and answers as it was told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use serde_json::Value;
use tokio::sync::mpsc;

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn id(&self) -> String {
        self.body["id"].to_string()
    }
}

/// One answer; `$id` in it becomes the id of the request.
#[derive(Default)]
pub(crate) struct Part {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// Whether the body never ends.
    stays: bool,
}

impl Part {
    /// One JSON document.
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::other(status, "application/json", body)
    }

    /// A stream of events.
    pub(crate) fn events(body: &str) -> Self {
        Self::other(200, "text/event-stream", body)
    }

    /// Anything.
    pub(crate) fn other(status: u16, kind: &str, body: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type", kind.to_owned())],
            body: body.to_owned(),
            stays: false,
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The same, with a body that stays open.
    pub(crate) fn staying(mut self) -> Self {
        self.stays = true;
        self
    }
}

/// The server; it ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Play {
    pub(crate) url: String,
    stage: Arc<Stage>,
}

#[derive(Default)]
struct Stage {
    heard: Mutex<Vec<Heard>>,
    posts: Mutex<VecDeque<Part>>,
    gets: Mutex<VecDeque<Part>>,
    left: Mutex<usize>,
}

impl Play {
    /// Answers POSTs with these parts, then with 202, and GETs with 405.
    pub(crate) async fn of(posts: impl IntoIterator<Item = Part>) -> Self {
        Self::with_gets(posts, []).await
    }

    pub(crate) async fn with_gets(
        posts: impl IntoIterator<Item = Part>,
        gets: impl IntoIterator<Item = Part>,
    ) -> Self {
        let stage = Arc::new(Stage::default());
        stage.posts.lock().unwrap().extend(posts);
        stage.gets.lock().unwrap().extend(gets);
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&stage));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, stage }
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.stage.heard.lock().unwrap().clone()
    }

    /// How many open bodies the other side closed.
    pub(crate) fn left(&self) -> usize {
        *self.stage.left.lock().unwrap()
    }
}

async fn answer(
    State(stage): State<Arc<Stage>>,
    method: Method,
    _: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = serde_json::from_str(std::str::from_utf8(&body).unwrap()).unwrap_or_default();
    let heard = Heard {
        method: method.clone(),
        headers,
        body,
    };
    stage.heard.lock().unwrap().push(heard.clone());
    let (parts, otherwise) = match method {
        Method::POST => (&stage.posts, StatusCode::ACCEPTED),
        Method::GET => (&stage.gets, StatusCode::METHOD_NOT_ALLOWED),
        _ => return status(StatusCode::OK),
    };
    let Some(part) = parts.lock().unwrap().pop_front() else {
        return status(otherwise);
    };
    let text = part.body.replace("$id", &heard.id());
    let mut response = Response::builder().status(part.status);
    for (name, value) in part.headers {
        response = response.header(name, value);
    }
    let body = if part.stays {
        stay(&stage, text)
    } else {
        Body::from(text)
    };
    response.body(body).unwrap()
}

/// A body that says its text and then waits until nobody reads any more.
fn stay(stage: &Arc<Stage>, text: String) -> Body {
    let (sender, receiver) = mpsc::channel::<Result<String, std::io::Error>>(1);
    let stage = Arc::clone(stage);
    tokio::spawn(async move {
        if sender.send(Ok(text)).await.is_ok() {
            sender.closed().await;
        }
        *stage.left.lock().unwrap() += 1;
    });
    Body::from_stream(futures_util::stream::unfold(
        receiver,
        async |mut receiver| receiver.recv().await.map(|piece| (piece, receiver)),
    ))
}

fn status(status: StatusCode) -> Response {
    Response::builder()
        .status(status)
        .body(Body::empty())
        .unwrap()
}
