//! `POST /v1/calls`.

use countersign::model::json;
use countersign::outbound;
use serde_json::{Value, json};

use crate::edge::{Agent, Told};
use crate::house::{House, Last};

/// An agent without MCP.
pub(crate) struct Http {
    client: reqwest::Client,
    url: String,
    key: String,
    session: Option<String>,
    wait: u64,
    last: Last,
}

impl Http {
    fn body(&self, tool: &str, arguments: &Value) -> Value {
        let mut body =
            json!({"mode": "proxy", "tool": format!("bank/{tool}"), "arguments": arguments});
        if let Some(session) = &self.session {
            body["session"] = json!(session);
        }
        body
    }

    async fn send(&self, body: Value, named: Option<&str>) -> Told {
        let mut request = self
            .client
            .post(&self.url)
            .bearer_auth(&self.key)
            .header("content-type", "application/json")
            .header("prefer", format!("wait={}", self.wait));
        if let Some(name) = named {
            request = request.header("idempotency-key", name);
        }
        let response = request.body(body.to_string()).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        self.last.keep(body);
        let answer = json::parse(text.as_bytes()).unwrap();
        match status {
            200 => Told::of_result(&answer["result"]),
            202 => Told::Held,
            _ => Told::Refused(answer["code"].as_str().unwrap().to_owned()),
        }
    }
}

impl Agent for Http {
    async fn connect(house: &House, key: &str) -> Self {
        Self {
            client: outbound::build(true).unwrap(),
            url: format!("http://{}/v1/calls", house.agents),
            key: key.to_owned(),
            session: None,
            wait: house.hold().as_secs(),
            last: Last::default(),
        }
    }

    async fn connect_in(house: &House, key: &str, session: &str) -> Self {
        Self {
            session: Some(session.to_owned()),
            ..Self::connect(house, key).await
        }
    }

    async fn call(&self, tool: &str, arguments: &Value) -> Told {
        self.send(self.body(tool, arguments), None).await
    }

    async fn swap(&self, tool: &str, arguments: &Value, others: &Value) -> Told {
        let name = Some("one-name-for-two-calls");
        self.send(self.body(tool, arguments), name).await.held();
        self.send(self.body(tool, others), name).await
    }

    async fn again(&self) -> Told {
        self.send(self.last.said(), None).await
    }

    async fn call_and_leave(self, house: &House, tool: &str, arguments: &Value) {
        let bearer = format!("Bearer {}", self.key);
        let wait = format!("wait={}", self.wait);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("prefer", &wait),
        ];
        let body = self.body(tool, arguments);
        house.send_and_leave("/v1/calls", &headers, &body).await;
    }
}
