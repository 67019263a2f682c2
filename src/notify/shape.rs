//! The forms in which a message goes to an address.

use serde_json::{Value, json};

use super::message::{Message, Request};
use crate::model::text::Surface;

/// The form of a webhook's body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// A document for programs: `type`, `timestamp` and `data`.
    Generic,
    /// A message of a chat that takes what Slack takes. Its links only lead somewhere; no button decides.
    Slack,
}

impl Shape {
    /// Where messages of this form are read.
    pub(super) const fn surface(self) -> Surface {
        match self {
            Self::Generic => Surface::Webhook,
            Self::Slack => Surface::Chat,
        }
    }

    /// The body of a message.
    pub(super) fn render(self, message: &Message) -> String {
        match self {
            Self::Generic => generic(message),
            Self::Slack => slack(message),
        }
        .to_string()
    }
}

fn generic(message: &Message) -> Value {
    let requests = message.requests.iter().map(|request| {
        json!({
            "approval": request.approval,
            "agent": request.agent,
            "sentence": request.sentence,
            "tier": request.tier.name(),
            "groups": request.groups,
            "code": request.code,
            "decide_by": request.decide_by.to_string(),
            "url": request.url,
        })
    });
    json!({
        "type": format!("approval.{}", message.kind.name()),
        "timestamp": message.at.to_string(),
        "data": {
            "title": message.title(),
            "tier": message.tier().name(),
            "requests": requests.collect::<Vec<_>>(),
            "more": message.more,
        },
    })
}

fn slack(message: &Message) -> Value {
    let title = message.title();
    let mut blocks = vec![json!({"type": "header", "text": plain(&title)})];
    for request in &message.requests {
        blocks.push(json!({"type": "section", "text": plain(&request.sentence)}));
        blocks.push(json!({"type": "context", "elements": [plain(&request.facts(message.kind))]}));
        blocks.push(json!({
            "type": "section",
            "text": {"type": "mrkdwn", "text": format!("<{}|Open the request>", request.url), "verbatim": true},
        }));
    }
    if message.more > 0 {
        let more = format!("and {} more", message.more);
        blocks.push(json!({"type": "context", "elements": [plain(&more)]}));
    }
    let first = message.requests.first().map(fallback).unwrap_or_default();
    json!({
        // What a notification of the chat itself shows, and a client that knows no blocks.
        "text": format!("{title}: {first}"),
        "mrkdwn": false,
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": blocks,
    })
}

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": false})
}

fn fallback(request: &Request) -> String {
    format!("{} {}", request.sentence, request.url)
}
