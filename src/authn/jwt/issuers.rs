//! Every issuer of the configuration, and the verification of one token.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::claims;
use super::fault::TokenFault;
use super::issuer::Issuer;
use super::parts::Parts;
use super::source::KeySource;
use crate::ambient::Ambient;
use crate::model::token::Token;

/// What one issuer is configured with.
#[derive(Clone, Debug)]
pub struct IssuerSpec {
    /// Its name, exactly as its tokens give it.
    pub name: String,
    /// Where its keys are read.
    pub keys: KeySource,
    /// The type its tokens have.
    pub typ: TokenType,
}

/// The type of an issuer's access tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TokenType {
    /// `at+jwt` (RFC 9068), which no other kind of token has.
    #[default]
    Access,
    /// `JWT`, which says nothing: other tokens of the issuer for the same audience pass as well.
    Any,
    /// An identity token: `JWT` or nothing, and it need not say from when on it holds.
    Identity,
}

impl TokenType {
    /// The word of headers and configurations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Any | Self::Identity => "jwt",
        }
    }

    /// Whether a header's `typ` says so; the prefix of media types may be left out (RFC 7515, 4.1.9).
    pub(super) fn is(self, typ: Option<&str>) -> bool {
        let Some(typ) = typ else {
            return self == Self::Identity;
        };
        let typ = typ.to_ascii_lowercase();
        typ.strip_prefix("application/").unwrap_or(&typ) == self.name()
    }
}

/// The issuers whose tokens are looked at.
#[derive(Clone, Default)]
pub struct Issuers(Arc<BTreeMap<String, Issuer>>);

impl Issuers {
    /// No issuer: no token proves anybody.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// These issuers. Keys are read when the first token asks for them.
    pub fn new(specs: impl IntoIterator<Item = IssuerSpec>) -> Self {
        let issuers = specs.into_iter().map(|spec| {
            let issuer = Issuer::new(spec.name.clone(), spec.typ, spec.keys);
            (spec.name, issuer)
        });
        Self(Arc::new(issuers.collect()))
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a bearer's text has the form of a token; no key of the guard's own has a point in it.
    pub(in crate::authn) fn concerns(&self, bearer: &str) -> bool {
        !self.is_empty() && bearer.contains('.')
    }

    /// What a token says, once issuer, key, signature, type and times hold.
    ///
    /// Whether its audience is ours and whom it speaks for is the manifests' to say.
    ///
    /// # Errors
    /// [`TokenFault`]: why it proves nobody.
    pub async fn verify(&self, token: &str, ambient: &Ambient) -> Result<Token, TokenFault> {
        let parts = Parts::parse(token)?;
        let issuer = parts.issuer().and_then(|name| self.0.get(name));
        let issuer = issuer.ok_or(TokenFault::Issuer)?;
        if !issuer.typ.is(parts.typ.as_deref()) {
            return Err(TokenFault::Type);
        }
        let key = issuer.key(&parts.key, ambient).await?;
        // The key says how it signs; a token that says otherwise is for another reader.
        if parts.algorithm != key.algorithm || !key.verifies(parts.signed, parts.signature) {
            return Err(TokenFault::Signature);
        }
        claims::read(parts.claims, issuer.typ, ambient.now())
    }
}
