//! Permits for calls that somebody else runs: the arguments that must be used, under the guard's seal.

use std::sync::Arc;

use aws_lc_rs::hmac;
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;

use super::Guard;
use super::permit::{Permit, Receipt};
use super::ruling::Denial;
use crate::limits::SIGNED_PERMIT_LIFE;
use crate::model::digest::Digest;
use crate::model::id::CallId;
use crate::model::time::Timestamp;

/// A permit on its way to another runner.
#[derive(Debug)]
pub struct SignedPermit {
    /// `csp_`, then call, digest and expiry, then their HMAC; base64url.
    pub token: String,
    /// The call.
    pub call: CallId,
    /// The arguments that must be used, in canonical form.
    pub arguments: Bytes,
    /// The action digest.
    pub digest: Digest,
    /// When it ends.
    pub expires: Timestamp,
    /// Must be settled by what the runner reports.
    pub receipt: Receipt,
}

impl Guard {
    /// Seals a permit for another runner.
    ///
    /// # Errors
    /// As [`Guard::dispatch`].
    pub async fn sign(self: &Arc<Self>, permit: Permit) -> Result<SignedPermit, Denial> {
        let digest = permit.digest();
        let (call, receipt) = self.dispatch(permit).await?.into_parts();
        let expires = self.ambient.now().after(SIGNED_PERMIT_LIFE);
        let mut text = call.id.as_bytes().to_vec();
        text.extend_from_slice(digest.as_bytes());
        text.extend_from_slice(&expires.millis().to_be_bytes());
        let tag = hmac::sign(&self.permit_key, &text);
        text.extend_from_slice(tag.as_ref());
        Ok(SignedPermit {
            token: format!("csp_{}", BASE64URL_NOPAD.encode(&text)),
            call: call.id,
            arguments: call.arguments.canonical().clone(),
            digest,
            expires,
            receipt,
        })
    }
}
