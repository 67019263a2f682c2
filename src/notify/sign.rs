//! Signatures of Standard Webhooks: `v1` with a secret that the receiver shares, `v1a` with a key of the
//! guard's own whose public half it knows.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::BASE64;

use crate::limits::WEBHOOK_SECRET_BYTES;
use crate::model::secret::Secret;
use crate::model::time::Timestamp;

/// Why there is nothing to sign with.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SignError {
    /// The secret does not have the form that receivers know.
    #[error("the secret is not `whsec_` and 16 to 64 bytes in base64")]
    Secret,
    /// The seed is no Ed25519 key.
    #[error("the seed of the key is not acceptable")]
    Seed,
}

/// A secret that the guard shares with one receiver.
#[derive(Clone)]
pub struct WebhookSecret(hmac::Key);

impl WebhookSecret {
    /// From its usual form: `whsec_` and base64.
    ///
    /// # Errors
    /// [`SignError::Secret`].
    pub fn parse(text: &Secret<String>) -> Result<Self, SignError> {
        let text = text.reveal().strip_prefix("whsec_");
        let bytes = text.and_then(|text| BASE64.decode(text.as_bytes()).ok());
        bytes
            .filter(|bytes| WEBHOOK_SECRET_BYTES.contains(&bytes.len()))
            .map(|bytes| Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
            .ok_or(SignError::Secret)
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// The guard's own key for notifications, which signs nothing else.
#[derive(Clone)]
pub struct NoticeSigner(Arc<Ed25519KeyPair>);

impl NoticeSigner {
    /// From the 32 secret bytes of an Ed25519 key.
    ///
    /// # Errors
    /// [`SignError::Seed`], which a seed of random bytes never meets.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, SignError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| SignError::Seed)?;
        Ok(Self(Arc::new(pair)))
    }

    /// Its public half, as receivers know it: `whpk_` and base64.
    #[must_use]
    pub fn public(&self) -> String {
        format!("whpk_{}", BASE64.encode(self.0.public_key().as_ref()))
    }

    /// The header of signatures over a body with this identifier and moment.
    pub(super) fn sign(
        &self,
        secret: Option<&WebhookSecret>,
        id: &str,
        at: Timestamp,
        body: &str,
    ) -> String {
        let text = format!("{id}.{}.{body}", seconds(at));
        let own = self.0.sign(text.as_bytes());
        let own = format!("v1a,{}", BASE64.encode(own.as_ref()));
        match secret {
            Some(WebhookSecret(key)) => {
                let shared = hmac::sign(key, text.as_bytes());
                format!("v1,{} {own}", BASE64.encode(shared.as_ref()))
            }
            None => own,
        }
    }
}

impl fmt::Debug for NoticeSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoticeSigner({})", self.public())
    }
}

/// A moment as the headers tell it.
pub(super) const fn seconds(at: Timestamp) -> i64 {
    at.millis().div_euclid(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Result<WebhookSecret, SignError> {
        WebhookSecret::parse(&Secret::new(text.to_owned()))
    }

    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        let secret = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signer = NoticeSigner::from_seed(&[1; 32]).unwrap();
        let header = signer.sign(
            Some(&secret),
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            Timestamp::from_millis(1_614_265_330_000),
            "{\"test\": 2432232314}",
        );
        let (shared, own) = header.split_once(' ').unwrap();
        assert_eq!(shared, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(own.starts_with("v1a,"));
        let alone = signer.sign(None, "msg_1", Timestamp::default(), "{}");
        assert!(alone.starts_with("v1a,") && !alone.contains(' '));
    }

    #[test]
    fn a_secret_of_another_form_is_refused() {
        for text in [
            "",
            "whsec_",
            "hunter2",
            "whsec_c2hvcnQ=",
            "whsec_not base64 at all, whatever it is",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ] {
            assert_eq!(secret(text).unwrap_err(), SignError::Secret, "{text}");
        }
    }
}
