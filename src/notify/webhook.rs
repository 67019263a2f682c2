//! A channel that calls an address, signed as Standard Webhooks say.

use std::fmt;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use url::Url;

use super::message::Message;
use super::sign::seconds;
use super::{Answer, Desk, Shape};
use crate::limits::NOTICE_ANSWER_BYTES;
use crate::model::digest::Digest;
use crate::model::text::Surface;
use crate::model::time::Timestamp;
use crate::outbound::address::{self, Address};
use crate::outbound::signing::DeliveryKey;
use crate::outbound::{self, ClientError};

/// Where messages go, and how.
#[derive(Clone)]
pub struct Webhook {
    url: Url,
    secret: Option<DeliveryKey>,
    shape: Shape,
    client: Client,
}

/// Why an address is not acceptable.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// What is wrong with it.
    #[error("the address is not acceptable: {0}")]
    Unacceptable(&'static str),
    /// The platform gives no client.
    #[error("there is no client to send with")]
    Client(#[source] ClientError),
}

impl Webhook {
    /// Checks the address and builds the one client that dials it: https, and public, unless
    /// `allow_private`; with it also http to this very machine.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub fn new(
        url: &str,
        secret: Option<DeliveryKey>,
        shape: Shape,
        allow_private: bool,
    ) -> Result<Self, WebhookError> {
        let Address { url, is_public, .. } =
            address::judge(url).map_err(WebhookError::Unacceptable)?;
        if !is_public && !allow_private {
            return Err(WebhookError::Unacceptable(
                "it is not public; write `allow_private: true` where that is meant",
            ));
        }
        Ok(Self {
            client: outbound::build(allow_private).map_err(WebhookError::Client)?,
            url,
            secret,
            shape,
        })
    }

    pub(super) const fn surface(&self) -> Surface {
        self.shape.surface()
    }

    pub(super) fn address(&self) -> Digest {
        Digest::of(self.url.as_str().as_bytes())
    }

    pub(super) async fn send(&self, message: &Message, desk: &Desk, now: Timestamp) -> Answer {
        let body = self.shape.render(message);
        // Of the try, not of the message: a receiver refuses what is old.
        let signature = desk
            .signer
            .sign(self.secret.as_ref(), &message.id, now, &body);
        let sent = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", seconds(now))
            .header("webhook-signature", signature)
            .body(body)
            .send()
            .await;
        match sent {
            Ok(response) => answer(response).await,
            Err(fault) => Answer::Failed {
                fault: word(&fault).to_owned(),
                pause: None,
                said: String::new(),
            },
        }
    }
}

impl fmt::Debug for Webhook {
    /// Without the address, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

async fn answer(response: Response) -> Answer {
    let status = response.status();
    let pause = pause(response.headers());
    if status == StatusCode::GONE {
        return Answer::Gone;
    }
    let said = read(response).await;
    match status.is_success() {
        true => Answer::Taken(format!("HTTP {} {said}", status.as_u16())),
        false => Answer::Failed {
            fault: format!("the receiver answered with HTTP status {}", status.as_u16()),
            pause,
            said,
        },
    }
}

/// How long a receiver asks to be left alone; dates are not read.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The begin of what a receiver said.
async fn read(response: Response) -> String {
    let mut said = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(Ok(piece)) = pieces.next().await {
        let room = NOTICE_ANSWER_BYTES.saturating_sub(said.len());
        said.extend(piece.iter().take(room));
        if room <= piece.len() {
            break;
        }
    }
    String::from_utf8_lossy(&said).trim().to_owned()
}

/// What was the matter, without the address, which may be a secret.
fn word(fault: &reqwest::Error) -> &'static str {
    let mut source = std::error::Error::source(fault);
    while let Some(inner) = source {
        if inner.is::<outbound::Refused>() {
            return "the name resolves to no public address";
        }
        source = inner.source();
    }
    match (fault.is_timeout(), fault.is_connect()) {
        (true, _) => "no answer came in time",
        (false, true) => "the receiver could not be reached",
        (false, false) => "the connection broke",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_not_public_needs_an_open_word() {
        let new = |url, allowed| Webhook::new(url, None, Shape::Generic, allowed);
        for url in [
            "https://127.0.0.1/x",
            "https://localhost/x",
            "https://10.1.2.3/x",
            "https://169.254.169.254/latest",
            "https://[::1]/x",
            "https://[::ffff:10.0.0.1]/x",
            "https://2130706433/x",
        ] {
            let fault = new(url, false).unwrap_err().to_string();
            assert!(fault.contains("allow_private"), "{url}: {fault}");
            assert!(new(url, true).is_ok(), "{url}");
        }
        assert!(new("https://hooks.example.com/x", false).is_ok());
        assert!(new("http://127.0.0.1:1/x", true).is_ok());
        for url in [
            "http://hooks.example.com/x",
            "http://10.1.2.3/x",
            "https://user:word@hooks.example.com",
            "https://hooks.example.com/#x",
            "ftp://hooks.example.com",
            "mailto:a@b.c",
            "hooks",
        ] {
            assert!(new(url, true).is_err(), "{url}");
        }
    }
}
