//! A receiver that the guard delivers to, signed, a bounded number of times.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use tokio::time::{sleep, timeout};
use url::Url;

use super::address::{self, Address};
use super::signing::{DeliveryKey, NoDeliveryKey};
use super::{ClientError, build};
use crate::ambient::Ambient;
use crate::limits::{WEBHOOK_ANSWER_TIMEOUT, WEBHOOK_RETRY_FIRST, WEBHOOK_TRIES_COUNT};

/// Where deliveries go.
#[derive(Clone, Debug)]
pub struct Webhook {
    url: Url,
    client: Client,
    key: DeliveryKey,
}

/// Why there is no such receiver.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The address is not acceptable.
    #[error("the address of a webhook is not acceptable: {0}")]
    Unacceptable(&'static str),
    /// The secret is none.
    #[error(transparent)]
    Secret(#[from] NoDeliveryKey),
    /// The platform gives no client.
    #[error("there is no client to deliver with")]
    Client(#[source] ClientError),
}

/// Why a delivery was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// No answer came.
    #[error("the receiver could not be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The answer was no success; a redirect is none.
    #[error("the receiver answered with HTTP status {0}")]
    Status(u16),
    /// The answer took too long.
    #[error("the receiver did not answer in time")]
    TimedOut,
}

impl Webhook {
    /// A receiver at an address: https, or http on this very machine. A name is dialled only where it
    /// resolves to public addresses, unless `allow_private`; an address written out, and `localhost`, are
    /// dialled as written.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub fn new(url: &str, secret: &str, allow_private: bool) -> Result<Self, WebhookError> {
        let Address { url, is_local, .. } =
            address::judge(url).map_err(WebhookError::Unacceptable)?;
        Ok(Self {
            client: build(is_local || allow_private).map_err(WebhookError::Client)?,
            key: DeliveryKey::parse(secret)?,
            url,
        })
    }

    /// Delivers JSON; what is not taken is sent again, with the same id, a bounded number of times.
    ///
    /// # Errors
    /// The last [`DeliveryError`].
    pub async fn deliver(&self, body: &[u8], ambient: &Ambient) -> Result<(), DeliveryError> {
        let id = identifier(ambient);
        let mut pause = WEBHOOK_RETRY_FIRST;
        let mut tries = 1;
        loop {
            match self.send(&id, body, ambient).await {
                Err(fault) if tries >= WEBHOOK_TRIES_COUNT => return Err(fault),
                Err(_) => {}
                Ok(()) => return Ok(()),
            }
            sleep(jittered(pause, ambient)).await;
            pause = pause.saturating_mul(2);
            tries += 1;
        }
    }

    /// Delivers JSON, or not, at the one try that there is time for.
    ///
    /// # Errors
    /// [`DeliveryError`].
    pub async fn deliver_once(&self, body: &[u8], ambient: &Ambient) -> Result<(), DeliveryError> {
        self.send(&identifier(ambient), body, ambient).await
    }

    async fn send(&self, id: &str, body: &[u8], ambient: &Ambient) -> Result<(), DeliveryError> {
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in self.key.headers(id, ambient.now(), body) {
            request = request.header(name, value);
        }
        let sent = request.body(body.to_vec()).send();
        // What the receiver says beyond its status is not read.
        let answer = timeout(WEBHOOK_ANSWER_TIMEOUT, sent)
            .await
            .map_err(|_| DeliveryError::TimedOut)?
            .map_err(|fault| DeliveryError::Unreachable(fault.without_url()))?;
        match answer.status().is_success() {
            true => Ok(()),
            false => Err(DeliveryError::Status(answer.status().as_u16())),
        }
    }
}

fn identifier(ambient: &Ambient) -> String {
    format!("msg_{}", BASE64URL_NOPAD.encode(&ambient.random::<18>()))
}

/// Up to half as long again, so that many guards do not come back at once.
fn jittered(pause: Duration, ambient: &Ambient) -> Duration {
    let [byte] = ambient.random::<1>();
    pause + pause * u32::from(byte) / 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_reached_by_https_or_on_this_machine() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let webhook = |url: &str| Webhook::new(url, secret, false);
        for url in [
            "https://hooks.example.com/heads?x=1",
            "http://127.0.0.1:1/",
            "http://localhost:1/",
            "http://[::1]:1/",
        ] {
            assert!(webhook(url).is_ok(), "{url}");
        }
        for url in [
            "hooks.example.com",
            "http://hooks.example.com/",
            "ftp://127.0.0.1/",
            "https://a:b@hooks.example.com/",
            "https://hooks.example.com/#x",
        ] {
            let refused = webhook(url).err().unwrap();
            assert!(matches!(refused, WebhookError::Unacceptable(_)), "{url}");
        }
        let refused = Webhook::new("https://hooks.example.com", "secret", false);
        assert!(matches!(refused, Err(WebhookError::Secret(_))));
    }
}
