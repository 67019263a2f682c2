//! A receiver of webhooks that answers as it is told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use std::sync::Mutex;

/// One message as it came.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: Value,
}

impl Message {
    /// The approvals that it tells of.
    pub(crate) fn approvals(&self) -> Vec<String> {
        let requests = self.body["data"]["requests"].as_array().unwrap();
        let approvals = requests.iter().map(|one| one["approval"].as_str().unwrap());
        approvals.map(str::to_owned).collect()
    }

    pub(crate) fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap()
    }
}

#[derive(Default)]
struct Inbox {
    messages: Mutex<Vec<Message>>,
    answers: Mutex<VecDeque<u16>>,
}

pub(crate) struct Receiver {
    inbox: Arc<Inbox>,
    pub(crate) url: String,
}

impl Receiver {
    pub(crate) async fn begin() -> Self {
        let inbox = Arc::new(Inbox::default());
        let router = Router::new()
            .route("/", post(take))
            .with_state(Arc::clone(&inbox));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { inbox, url }
    }

    /// The next answers; after them everything is taken. 0 answers never.
    pub(crate) fn answer(&self, statuses: impl IntoIterator<Item = u16>) {
        *self.inbox.answers.lock().unwrap() = statuses.into_iter().collect();
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        self.inbox.messages.lock().unwrap().clone()
    }

    /// What came, once there is as much as that.
    #[track_caller]
    pub(crate) fn receives(&self, count: usize) -> impl Future<Output = Vec<Message>> {
        let at = std::panic::Location::caller();
        async move {
            for _ in 0..1_500 {
                let messages = self.messages();
                if messages.len() >= count {
                    return messages;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            panic!("{at}: waited for message {count} in vain");
        }
    }
}

async fn take(State(inbox): State<Arc<Inbox>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    let body = countersign::model::json::parse(&body).unwrap();
    inbox.messages.lock().unwrap().push(Message { id, body });
    let status = inbox.answers.lock().unwrap().pop_front().unwrap_or(200);
    if status == 0 {
        std::future::pending::<()>().await;
    }
    StatusCode::from_u16(status).unwrap()
}
