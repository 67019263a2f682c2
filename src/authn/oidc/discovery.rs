//! What a provider publishes of itself (OpenID Connect Discovery), read as strictly as it matters here.

use serde_json::{Map, Value};
use url::Url;

use super::fault::SignInFault;
use crate::outbound::address;

/// Where a provider is asked what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Metadata {
    /// Where people sign in.
    pub(super) authorization: Url,
    /// Where codes are exchanged.
    pub(super) token: Url,
    /// Where more is said of a person, if anywhere.
    pub(super) userinfo: Option<Url>,
    /// Where its keys are.
    pub(super) keys: String,
    /// Whether its answers name it (RFC 9207).
    pub(super) names_itself: bool,
    /// Whether a secret goes into the form, since it is not taken from the header.
    pub(super) secret_in_form: bool,
}

impl Metadata {
    /// Reads it, for the issuer of exactly that name.
    pub(super) fn read(
        document: &Map<String, Value>,
        issuer: &str,
        allow_loopback_http: bool,
    ) -> Result<Self, SignInFault> {
        let text = |member: &str| document.get(member).and_then(Value::as_str);
        if text("issuer") != Some(issuer) {
            return Err(SignInFault::Discovery("`issuer` is another's"));
        }
        let place = |member: &str, fault: &'static str| {
            let found = text(member).and_then(|text| address::judge(text).ok());
            found
                .map(|address| address.url)
                .filter(|url| allow_loopback_http || url.scheme() == "https")
                .ok_or(SignInFault::Discovery(fault))
        };
        let holds = |member: &str, word: &str| {
            let listed = document.get(member).and_then(Value::as_array);
            listed.map(|listed| listed.iter().any(|one| one == word))
        };
        if holds("code_challenge_methods_supported", "S256") == Some(false) {
            return Err(SignInFault::Discovery("it takes no S256 challenges"));
        }
        let methods = "token_endpoint_auth_methods_supported";
        Ok(Self {
            authorization: place(
                "authorization_endpoint",
                "`authorization_endpoint` is no acceptable address",
            )?,
            token: place(
                "token_endpoint",
                "`token_endpoint` is no acceptable address",
            )?,
            userinfo: match document.contains_key("userinfo_endpoint") {
                true => Some(place(
                    "userinfo_endpoint",
                    "`userinfo_endpoint` is no acceptable address",
                )?),
                false => None,
            },
            keys: place("jwks_uri", "`jwks_uri` is no acceptable address")?.into(),
            names_itself: document.get("authorization_response_iss_parameter_supported")
                == Some(&Value::Bool(true)),
            secret_in_form: holds(methods, "client_secret_basic") == Some(false)
                && holds(methods, "client_secret_post") == Some(true),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(changed: Value, http: bool) -> Result<Metadata, SignInFault> {
        let mut document = json!({
            "issuer": "https://idp.example.com",
            "authorization_endpoint": "https://idp.example.com/auth",
            "token_endpoint": "https://idp.example.com/token",
            "jwks_uri": "https://idp.example.com/keys",
        });
        let (Value::Object(document), Value::Object(changed)) = (&mut document, changed) else {
            unreachable!()
        };
        document.extend(changed);
        Metadata::read(document, "https://idp.example.com", http)
    }

    #[test]
    fn a_provider_that_leads_elsewhere_or_takes_no_challenge_is_refused() {
        assert!(read(json!({}), false).is_ok());
        let local = json!({"token_endpoint": "http://127.0.0.1:1/token"});
        assert!(read(local.clone(), true).is_ok());
        for changed in [
            local,
            json!({"issuer": "https://idp.example.com/"}),
            json!({"issuer": "https://evil.example.com"}),
            json!({"authorization_endpoint": "javascript:alert(1)"}),
            json!({"authorization_endpoint": "https://a@idp.example.com/"}),
            json!({"token_endpoint": "http://idp.example.com/token"}),
            json!({"userinfo_endpoint": 7}),
            json!({"jwks_uri": ""}),
            json!({"code_challenge_methods_supported": ["plain"]}),
        ] {
            let read = read(changed.clone(), false);
            assert!(matches!(read, Err(SignInFault::Discovery(_))), "{changed}");
        }
    }

    #[test]
    fn a_secret_goes_into_the_header_unless_only_the_form_is_taken() {
        let methods = |listed: Value| json!({"token_endpoint_auth_methods_supported": listed});
        let in_form = |listed| read(methods(listed), false).unwrap().secret_in_form;
        assert!(!read(json!({}), false).unwrap().secret_in_form);
        assert!(!in_form(json!([
            "client_secret_post",
            "client_secret_basic"
        ])));
        assert!(in_form(json!(["client_secret_post"])));
    }
}
