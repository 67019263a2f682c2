//! Signatures of Standard Webhooks: `v1` with a secret that the receiver shares, `v1a` with a key of the
//! guard's own whose public half it knows.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::BASE64;

use crate::model::time::Timestamp;
use crate::outbound::signing::DeliveryKey;

/// The seed of the guard's own key is no Ed25519 key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the seed of the key is not acceptable")]
pub struct NoSigner;

/// The guard's own key for notifications, which signs nothing else.
#[derive(Clone)]
pub struct NoticeSigner(Arc<Ed25519KeyPair>);

impl NoticeSigner {
    /// From the 32 secret bytes of an Ed25519 key.
    ///
    /// # Errors
    /// [`NoSigner`], which a seed of random bytes never meets.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, NoSigner> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NoSigner)?;
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
        secret: Option<&DeliveryKey>,
        id: &str,
        at: Timestamp,
        body: &str,
    ) -> String {
        let text = format!("{id}.{}.{body}", seconds(at));
        let own = self.0.sign(text.as_bytes());
        let own = format!("v1a,{}", BASE64.encode(own.as_ref()));
        match secret {
            Some(secret) => format!("{} {own}", secret.sign(id, at, body.as_bytes())),
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

    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        let secret = DeliveryKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
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
}
