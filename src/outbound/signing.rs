//! Signatures on what the guard delivers, as Standard Webhooks describes them: whoever has the secret
//! knows who sent it, that nobody changed it, and when.

use aws_lc_rs::hmac;
use data_encoding::BASE64;

use crate::limits::WEBHOOK_SECRET_BYTES;
use crate::model::time::Timestamp;

/// The secret that sender and receiver share.
#[derive(Clone)]
pub struct DeliveryKey(hmac::Key);

/// The secret is not of the form that receivers know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a webhook's secret is `whsec_` and 24 to 64 bytes in base64")]
pub struct NoDeliveryKey;

impl DeliveryKey {
    /// From `whsec_…`, as receivers' libraries take it.
    ///
    /// # Errors
    /// [`NoDeliveryKey`].
    pub fn parse(text: &str) -> Result<Self, NoDeliveryKey> {
        let coded = text.strip_prefix(PREFIX).ok_or(NoDeliveryKey)?;
        let secret = BASE64.decode(coded.as_bytes()).map_err(|_| NoDeliveryKey)?;
        match WEBHOOK_SECRET_BYTES.contains(&secret.len()) {
            true => Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &secret))),
            false => Err(NoDeliveryKey),
        }
    }

    /// The headers of one delivery. A repeat of it keeps its `id`, so that it is taken once.
    #[must_use]
    pub fn headers(&self, id: &str, at: Timestamp, body: &[u8]) -> [(&'static str, String); 3] {
        let seconds = at.millis().div_euclid(1_000).to_string();
        [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", seconds),
            ("webhook-signature", self.sign(id, at, body)),
        ]
    }

    /// The signature over a body with this identifier and moment, as the header tells it.
    #[must_use]
    pub fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> String {
        let seconds = at.millis().div_euclid(1_000).to_string();
        let mut tag = hmac::Context::with_key(&self.0);
        for part in [id.as_bytes(), b".", seconds.as_bytes(), b".", body] {
            tag.update(part);
        }
        format!("v1,{}", BASE64.encode(tag.sign().as_ref()))
    }
}

impl std::fmt::Debug for DeliveryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeliveryKey(…)")
    }
}

const PREFIX: &str = "whsec_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_is_signed_as_published() {
        // Of the specification's reference libraries.
        let key = DeliveryKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let at = Timestamp::from_millis(1_614_265_330_999);
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let headers = key.headers(id, at, br#"{"test": 2432232314}"#);
        assert_eq!(
            headers.map(|(_, value)| value),
            [
                id,
                "1614265330",
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ]
        );
    }

    #[test]
    fn a_secret_of_another_form_is_refused() {
        let coded = |length| format!("whsec_{}", BASE64.encode(&vec![7; length]));
        assert!(DeliveryKey::parse(&coded(24)).is_ok());
        for text in [
            String::new(),
            coded(23),
            coded(65),
            coded(32).replace("whsec_", ""),
            "whsec_!".to_owned(),
        ] {
            assert!(DeliveryKey::parse(&text).is_err(), "{text}");
        }
    }
}
