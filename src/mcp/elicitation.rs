//! What a server may ask of a person through the agent: forms without secrets, and addresses of listed hosts.

use serde_json::{Map, Value, json};

use super::jsonrpc::RpcError;
use super::relation::Relation;
use super::voice;
use crate::model::digest::Fields;

/// Screens the parameters of an elicitation: why the agent must not be asked, if it must not; what passes
/// says who asks.
pub(super) fn screen(relation: &Relation, params: &mut Map<String, Value>) -> Result<(), String> {
    let mode = params.get("mode").map(|mode| mode.as_str().unwrap_or(""));
    match mode {
        Some("url") => return address(relation, params),
        Some("form") | None => {}
        Some(_) => return Err("a server must ask by a form or an address".to_owned()),
    }
    if params.contains_key("url") {
        return Err("a form must not send people to an address".to_owned());
    }
    if let Some(Value::Object(properties)) = params
        .get("requestedSchema")
        .and_then(|schema| schema.get("properties"))
        && let Some(secret) = properties
            .iter()
            .find(|(name, field)| is_secret(name, field))
    {
        return Err(format!("a server must not ask for {:?}", secret.0));
    }
    label(relation, params);
    Ok(())
}

/// Screens the error by which a server sends people to addresses before it goes on: the same error with
/// nothing in it but what passes, or why nothing of it does.
pub(super) fn screen_error(relation: &Relation, mut error: RpcError) -> Result<RpcError, String> {
    let sent = match error.data.take() {
        Some(Value::Object(mut data)) => data.shift_remove(ADDRESSES),
        _ => None,
    };
    let Some(Value::Array(mut addresses)) = sent else {
        return Err("a server sends people nowhere".to_owned());
    };
    if addresses.is_empty() {
        return Err("a server sends people nowhere".to_owned());
    }
    for one in &mut addresses {
        match one {
            Value::Object(params) => address(relation, params)?,
            _ => return Err("an address that is none".to_owned()),
        }
    }
    voice::mark(&mut error.message);
    error.data = Some(json!({ADDRESSES: addresses}));
    Ok(error)
}

/// An address passes where the manifest lists its host; beside it, only what says why it is to be visited.
fn address(relation: &Relation, params: &mut Map<String, Value>) -> Result<(), String> {
    let scopes = relation.edge.guard.scopes();
    let scope = scopes.scope(&relation.principal.agent);
    let url = params.get("url").and_then(Value::as_str);
    let is_listed = url.is_some_and(|url| scope.is_some_and(|scope| scope.elicitation.admits(url)));
    if !is_listed {
        return Err("a server must not send people to an address that is not listed".to_owned());
    }
    params.retain(|key, _| ["mode", "url", "message", NAME, "_meta"].contains(&key.as_str()));
    if let Some(name) = params.get_mut(NAME) {
        let ours = name.as_str().and_then(|name| named(relation, name));
        *name = ours.map_or(Value::Null, Value::String);
    }
    label(relation, params);
    Ok(())
}

/// The name under which the agent knows an elicitation of this server.
fn named(relation: &Relation, name: &str) -> Option<String> {
    let Relation {
        principal, server, ..
    } = relation;
    let binding = Fields::new("countersign.elicitation.v1")
        .field(principal.agent.as_str().as_bytes())
        .field(principal.credential.as_bytes())
        .field(server.as_str().as_bytes())
        .digest();
    let seal = &relation.edge.seal;
    seal.name(binding.as_bytes(), name.as_bytes())
}

/// Says before the server's own words whose they are.
fn label(relation: &Relation, params: &mut Map<String, Value>) {
    let message = params.entry("message").or_insert_with(|| Value::from(""));
    let mut text = message.as_str().unwrap_or("").to_owned();
    voice::mark(&mut text);
    *message = format!("[{}] {text}", relation.server).into();
}

/// Whether a field of a form looks as if a secret belonged into it.
fn is_secret(name: &str, field: &Value) -> bool {
    let texts =
        ["title", "description", "format"].map(|key| field.get(key).and_then(Value::as_str));
    let words = texts.into_iter().flatten().chain([name]);
    words
        .flat_map(split)
        .any(|word| SECRETS.contains(&word.as_str()))
}

/// The words of a name, whatever it separates them with.
fn split(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower = false;
    for c in text.chars() {
        if !c.is_alphanumeric() || (lower && c.is_uppercase()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        lower = c.is_lowercase();
    }
    words
}

/// The member of an error that lists addresses.
const ADDRESSES: &str = "elicitations";
/// The member that names an elicitation.
const NAME: &str = "elicitationId";

const SECRETS: &[&str] = &[
    "password",
    "passwort",
    "passphrase",
    "passcode",
    "passwd",
    "pwd",
    "pin",
    "otp",
    "totp",
    "secret",
    "token",
    "apikey",
    "credential",
    "credentials",
    "cvv",
    "cvc",
    "ssn",
    "mnemonic",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_look_like_secrets_are_recognised() {
        for name in [
            "password",
            "userPassword",
            "api_token",
            "PIN",
            "one-time passcode",
        ] {
            assert!(is_secret(name, &json!({})), "{name}");
        }
        assert!(is_secret("x", &json!({"title": "Your password, please"})));
        for name in ["name", "pinned", "tokens_per_day", "email", "color"] {
            assert!(
                !is_secret(name, &json!({"description": "A plain field"})),
                "{name}"
            );
        }
    }
}
