//! The provider of the configuration: how somebody is sent there, and what is believed when they return.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use reqwest::Client;
use serde_json::{Map, Value};
use url::Url;

use super::ask::ask;
use super::claims;
use super::discovery::Metadata;
use super::fault::SignInFault;
use super::journey::{Arrival, Errand, Journey, Journeys};
use crate::ambient::Ambient;
use crate::authn::jwt::{IssuerSpec, Issuers, KeySource, TokenType};
use crate::limits::{JWKS_FRESH, JWKS_STALE_LONGEST, PROVIDER_CODE_BYTES};
use crate::model::account::{Account, Attested, Rights};
use crate::model::digest::Digest;
use crate::model::name::GroupName;
use crate::model::role::Role;
use crate::model::secret::Secret;
use crate::outbound;

/// What a provider is configured with.
#[derive(Clone, Debug)]
pub struct ProviderSpec {
    /// Its name, exactly as its tokens give it; what it publishes of itself is found by it.
    pub issuer: String,
    /// The guard's name there.
    pub client: String,
    /// What the guard proves itself with there, where it has anything.
    pub secret: Option<Secret<String>>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// What its groups give.
    pub mapping: Mapping,
    /// Whether its names may resolve to addresses that are not public.
    pub allow_private: bool,
    /// Whether plain HTTP on this machine will do.
    pub allow_loopback_http: bool,
}

/// What the provider's groups give.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mapping {
    /// The claim that lists them.
    pub claim: String,
    /// The groups of operators, by the provider's words.
    pub groups: Vec<(String, GroupName)>,
    /// The roles, by the provider's words.
    pub roles: Vec<(String, Role)>,
}

/// A provider, and the ways to it that are open.
pub struct Provider {
    spec: ProviderSpec,
    client: Client,
    known: tokio::sync::Mutex<Option<Arc<Known>>>,
    journeys: Journeys,
}

/// What was last seen of a provider.
struct Known {
    metadata: Metadata,
    issuers: Issuers,
    at: Duration,
}

/// Somebody on their way to the provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leaving {
    /// Where to.
    pub address: Url,
    /// What their browser keeps until it comes back.
    pub pass: String,
}

/// Somebody who came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrived {
    /// What they went for.
    pub errand: Errand,
    /// The page to go to.
    pub back: String,
    /// What the provider says of them.
    pub attested: Attested,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Provider").field(&self.spec.issuer).finish()
    }
}

impl Provider {
    /// The provider; it is asked when the first person goes there.
    ///
    /// # Errors
    /// [`SignInFault::Client`] where the platform gives no TLS.
    pub fn new(spec: ProviderSpec) -> Result<Self, SignInFault> {
        let allow = spec.allow_private || spec.allow_loopback_http;
        Ok(Self {
            client: outbound::build(allow).map_err(SignInFault::Client)?,
            spec,
            known: tokio::sync::Mutex::default(),
            journeys: Journeys::default(),
        })
    }

    /// Its name.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.spec.issuer
    }

    /// Begins a way there that leads back to `redirect`, and then to the page `back`.
    ///
    /// # Errors
    /// [`SignInFault`] where the provider says nothing acceptable of itself.
    pub async fn begin(
        &self,
        errand: Errand,
        back: &str,
        redirect: &str,
        ambient: &Ambient,
    ) -> Result<Leaving, SignInFault> {
        let known = self.known(ambient).await?;
        let prompt = match &errand {
            Errand::SignIn | Errand::Bind(_) => None,
            Errand::Read(_) => Some("none"),
            Errand::Prove(_) => Some("login"),
        };
        let begun = self.journeys.begin(errand, back, ambient);
        let challenge = Digest::of(begun.verifier.as_bytes());
        let scope: Vec<&str> = std::iter::once("openid")
            .chain(self.spec.scopes.iter().map(String::as_str))
            .collect();
        let mut address = known.metadata.authorization.clone();
        let mut query = address.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.spec.client)
            .append_pair("redirect_uri", redirect)
            .append_pair("scope", &scope.join(" "))
            .append_pair("state", &begun.state)
            .append_pair("nonce", &begun.nonce)
            .append_pair(
                "code_challenge",
                &BASE64URL_NOPAD.encode(challenge.as_bytes()),
            )
            .append_pair("code_challenge_method", "S256");
        if let Some(prompt) = prompt {
            query.append_pair("prompt", prompt);
        }
        if prompt == Some("login") {
            // Only asked so must the token say when the person signed in.
            query.append_pair("max_age", "0");
        }
        drop(query);
        Ok(Leaving {
            address,
            pass: begun.pass,
        })
    }

    /// What the provider says of whoever came back. Whatever comes of it, that way is ended.
    ///
    /// # Errors
    /// [`SignInFault`].
    pub async fn arrive(
        &self,
        arrival: &Arrival,
        pass: Option<&str>,
        redirect: &str,
        ambient: &Ambient,
    ) -> Result<Arrived, SignInFault> {
        let journey = self.journeys.end(&arrival.state, pass, ambient)?;
        let known = self.known(ambient).await?;
        let is_ours = match &arrival.issuer {
            Some(issuer) => *issuer == self.spec.issuer,
            None => !known.metadata.names_itself,
        };
        if !is_ours {
            return Err(SignInFault::OtherIssuer);
        }
        let code = match (&arrival.code, arrival.error.as_deref()) {
            (Some(code), None) if code.len() <= PROVIDER_CODE_BYTES => code,
            (None, Some(error)) if NEEDS_PERSON.contains(&error) => {
                return Err(SignInFault::LoginNeeded);
            }
            _ => return Err(SignInFault::Declined),
        };
        let answer = self
            .exchange(&known.metadata, code, &journey, redirect)
            .await?;
        let text = |member: &str| answer.get(member).and_then(Value::as_str);
        let identity = text("id_token").ok_or(SignInFault::Claims("there is no identity token"))?;
        let token = known.issuers.verify(identity, ambient).await;
        let token = token.map_err(SignInFault::Token)?;
        claims::concerns(&token, &self.spec.client, &journey.nonce)?;
        if let Errand::Prove(_) = journey.errand {
            claims::is_fresh(&token, ambient.now())?;
        }
        let mapping = &self.spec.mapping;
        let given = match (&known.metadata.userinfo, text("access_token")) {
            (Some(place), Some(access)) if !claims::speaks(&token.claims, mapping) => {
                let more = self.further(place, access, &token.subject).await?;
                claims::rights(&more, mapping)?
            }
            _ => claims::rights(&token.claims, mapping)?,
        };
        Ok(Arrived {
            errand: journey.errand,
            back: journey.back,
            attested: Attested {
                governed: mapping.governed(),
                given,
                account: Account {
                    issuer: token.issuer,
                    subject: token.subject,
                },
            },
        })
    }

    /// Exchanges a code for tokens.
    async fn exchange(
        &self,
        metadata: &Metadata,
        code: &str,
        journey: &Journey,
        redirect: &str,
    ) -> Result<Map<String, Value>, SignInFault> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
            ("code_verifier", &journey.verifier),
        ];
        let mut request = self
            .client
            .post(metadata.token.clone())
            .header("content-type", "application/x-www-form-urlencoded");
        match &self.spec.secret {
            Some(secret) if !metadata.secret_in_form => {
                request = request.header("authorization", self.basic(secret));
            }
            Some(secret) => {
                fields.push(("client_id", &self.spec.client));
                fields.push(("client_secret", secret.reveal()));
            }
            None => fields.push(("client_id", &self.spec.client)),
        }
        let form: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        match ask(request.body(form)).await? {
            (200, Some(answer)) => Ok(answer),
            (500.., _) => Err(SignInFault::Unreachable(None)),
            _ => Err(SignInFault::Code),
        }
    }

    /// RFC 6749, 2.3.1: both parts are encoded as in a form before they are joined.
    fn basic(&self, secret: &Secret<String>) -> String {
        let coded = |text: &str| -> String {
            url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
        };
        let pair = format!("{}:{}", coded(&self.spec.client), coded(secret.reveal()));
        format!("Basic {}", BASE64.encode(pair.as_bytes()))
    }

    /// What the provider says of the person beside the identity token.
    async fn further(
        &self,
        place: &Url,
        access: &str,
        subject: &str,
    ) -> Result<Map<String, Value>, SignInFault> {
        let request = self.client.get(place.clone()).bearer_auth(access);
        let (200, Some(said)) = ask(request).await? else {
            return Err(SignInFault::Unreachable(None));
        };
        match said.get("sub").and_then(Value::as_str) == Some(subject) {
            true => Ok(said),
            false => Err(SignInFault::Claims("it speaks of somebody else")),
        }
    }

    /// The provider as it was seen within the last minutes; for a while longer where it cannot be asked.
    async fn known(&self, ambient: &Ambient) -> Result<Arc<Known>, SignInFault> {
        let mut known = self.known.lock().await;
        let age = |one: &Arc<Known>| ambient.monotonic().saturating_sub(one.at);
        if let Some(seen) = known.as_ref().filter(|one| age(one) <= JWKS_FRESH) {
            return Ok(Arc::clone(seen));
        }
        match self.discover(known.as_deref(), ambient).await {
            Ok(seen) => {
                let seen = Arc::new(seen);
                *known = Some(Arc::clone(&seen));
                Ok(seen)
            }
            Err(fault) => {
                let source = std::error::Error::source(&fault).map(ToString::to_string);
                tracing::warn!(%fault, ?source, issuer = %self.spec.issuer, "a provider could not be asked");
                let stale = known.as_ref().filter(|one| age(one) <= JWKS_STALE_LONGEST);
                stale.map(Arc::clone).ok_or(fault)
            }
        }
    }

    async fn discover(
        &self,
        before: Option<&Known>,
        ambient: &Ambient,
    ) -> Result<Known, SignInFault> {
        let base = self.spec.issuer.trim_end_matches('/');
        let place = format!("{base}/.well-known/openid-configuration");
        let place = Url::parse(&place).map_err(|_| SignInFault::Discovery("it has no address"))?;
        let (200, Some(document)) = ask(self.client.get(place)).await? else {
            return Err(SignInFault::Discovery("it publishes nothing"));
        };
        let allow_http = self.spec.allow_loopback_http;
        let metadata = Metadata::read(&document, &self.spec.issuer, allow_http)?;
        let issuers = match before.filter(|before| before.metadata.keys == metadata.keys) {
            // Keys are not asked for more often because this document was.
            Some(before) => before.issuers.clone(),
            None => Issuers::new([IssuerSpec {
                name: self.spec.issuer.clone(),
                keys: KeySource::address(&metadata.keys, self.spec.allow_private, allow_http)
                    .map_err(SignInFault::Keys)?,
                typ: TokenType::Identity,
            }]),
        };
        Ok(Known {
            metadata,
            issuers,
            at: ambient.monotonic(),
        })
    }
}

impl Mapping {
    /// Everything that the provider's groups may give.
    fn governed(&self) -> Rights {
        let groups: BTreeSet<_> = self.groups.iter().map(|(_, group)| group.clone()).collect();
        let roles = self.roles.iter().map(|(_, role)| *role).collect();
        Rights { groups, roles }
    }
}

/// What a provider answers that would have to ask the person something (OpenID Connect, 3.1.2.6).
const NEEDS_PERSON: [&str; 4] = [
    "login_required",
    "interaction_required",
    "consent_required",
    "account_selection_required",
];
