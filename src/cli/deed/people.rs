//! Deeds that concern operators: who they are, and what proves them.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::refusal;
use crate::audit::witnesses::Witness;
use crate::cli::failure::Failure;
use crate::guard::{Guard, OperateError};
use crate::limits::{AGENT_KEY_LIFE, OPERATOR_TOKEN_LIFE};
use crate::model::credential::Operator;
use crate::model::name::{GroupName, OperatorName};
use crate::model::proof::{Proof, ProofKind};
use crate::model::role::{Role, TokenScope};
use crate::model::time::Timestamp;

/// One deed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::cli) enum PeopleDeed {
    /// Add an operator.
    Add {
        /// The person.
        name: OperatorName,
        /// Their groups.
        groups: Vec<GroupName>,
        /// Their roles.
        roles: BTreeSet<Role>,
        /// Whether they get a token at once.
        token: bool,
        /// Whether they get a link at once.
        link: bool,
    },
    /// Remove an operator.
    Remove(OperatorName),
    /// List operators.
    List,
    /// Make a link with which an operator adds a passkey.
    Link(OperatorName),
    /// Vouch that an operator's passkeys are theirs.
    Confirm(OperatorName),
    /// List the passkeys of all operators for an auditor.
    Export,
    /// Make a token.
    AddToken {
        /// Whose.
        name: OperatorName,
        /// What for.
        scopes: BTreeSet<TokenScope>,
        /// How long it is accepted.
        life: Option<Duration>,
    },
    /// List tokens, links and passkeys.
    ListTokens,
    /// Revoke a token, or remove a passkey.
    EndToken(String),
}

impl PeopleDeed {
    pub(super) fn render(&self) -> Value {
        let named =
            |op: &str, name: &OperatorName| json!({"v": 1, "op": op, "name": name.as_str()});
        match self {
            Self::Add {
                name,
                groups,
                roles,
                token,
                link,
            } => json!({
                "v": 1,
                "op": "operators.add",
                "name": name.as_str(),
                "groups": names(groups),
                "roles": roles.iter().map(|role| role.name()).collect::<Vec<_>>(),
                "token": token,
                "link": link,
            }),
            Self::Remove(name) => named("operators.rm", name),
            Self::List => json!({"v": 1, "op": "operators.ls"}),
            Self::Link(name) => named("operators.link", name),
            Self::Confirm(name) => named("operators.confirm", name),
            Self::Export => json!({"v": 1, "op": "operators.export"}),
            Self::AddToken { name, scopes, life } => json!({
                "v": 1,
                "op": "tokens.add",
                "name": name.as_str(),
                "scopes": scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>(),
                "life_seconds": life.map(|life| life.as_secs()),
            }),
            Self::ListTokens => json!({"v": 1, "op": "tokens.ls"}),
            Self::EndToken(id) => json!({"v": 1, "op": "tokens.rm", "id": id}),
        }
    }

    pub(super) fn parse(hello: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| hello.get(name).and_then(Value::as_str);
        let name = || OperatorName::parse(text("name")?).ok();
        Some(match text("op")? {
            "operators.add" => Self::Add {
                name: name()?,
                groups: words(hello, "groups", |one| GroupName::parse(one).ok())?,
                roles: words(hello, "roles", Role::parse)
                    .filter(|roles: &BTreeSet<_>| !roles.is_empty())?,
                token: hello.get("token")?.as_bool()?,
                link: hello.get("link")?.as_bool()?,
            },
            "operators.rm" => Self::Remove(name()?),
            "operators.ls" => Self::List,
            "operators.link" => Self::Link(name()?),
            "operators.confirm" => Self::Confirm(name()?),
            "operators.export" => Self::Export,
            "tokens.add" => Self::AddToken {
                name: name()?,
                scopes: words(hello, "scopes", TokenScope::parse)
                    .filter(|scopes: &BTreeSet<_>| !scopes.is_empty())?,
                life: match hello.get("life_seconds")? {
                    Value::Null => None,
                    life => Some(Duration::from_secs(life.as_u64()?)),
                },
            },
            "tokens.ls" => Self::ListTokens,
            "tokens.rm" => Self::EndToken(text("id")?.to_owned()),
            _ => return None,
        })
    }

    pub(super) async fn perform(self, guard: &Guard, by: &str) -> Result<Value, Failure> {
        match self {
            Self::Add {
                name,
                groups,
                roles,
                token,
                link,
            } => add(guard, by, name, groups, roles, (token, link)).await,
            Self::Remove(name) => {
                let gone = guard.revoke_operator(by, &name).await;
                told(name.as_str(), gone)?;
                Ok(json!({"name": name.as_str(), "state": "removed"}))
            }
            Self::List => list(guard).await,
            Self::Link(name) => {
                let mut body = Map::new();
                body.insert("name".into(), name.as_str().into());
                match link(guard, by, &name, &mut body).await? {
                    true => Ok(Value::Object(body)),
                    false => Err(Failure::Refused(
                        "a link leads to the console, and no guard serves one for this directory; \
                         start it with `countersign serve`"
                            .to_owned(),
                    )),
                }
            }
            Self::Confirm(name) => {
                let confirmed = told(name.as_str(), guard.confirm_passkeys(by, &name).await)?;
                Ok(json!({"name": name.as_str(), "confirmed": confirmed}))
            }
            Self::Export => export(guard).await,
            Self::AddToken { name, scopes, life } => {
                let life = life.unwrap_or(OPERATOR_TOKEN_LIFE);
                if life.is_zero() || life > AGENT_KEY_LIFE {
                    let days = AGENT_KEY_LIFE.as_secs() / 86_400;
                    return Err(Failure::Input(format!("a token lives {days} days at most")));
                }
                let made = guard.add_token(by, &name, scopes, life).await;
                let (proof, token) = told(name.as_str(), made)?;
                let mut body = render(&proof, guard.ambient().now());
                body.insert("token".into(), token.into());
                Ok(Value::Object(body))
            }
            Self::ListTokens => {
                let now = guard.ambient().now();
                let proofs = guard.proofs().await;
                let proofs = proofs.map_err(|error| Failure::because(&error))?;
                let list: Vec<Value> = proofs
                    .iter()
                    .map(|proof| Value::Object(render(proof, now)))
                    .collect();
                Ok(json!({"tokens": list}))
            }
            Self::EndToken(id) => {
                let proof = told(&id, guard.end_proof(by, None, &id).await)?;
                Ok(Value::Object(render(&proof, guard.ambient().now())))
            }
        }
    }
}

async fn add(
    guard: &Guard,
    by: &str,
    name: OperatorName,
    groups: Vec<GroupName>,
    roles: BTreeSet<Role>,
    (with_token, with_link): (bool, bool),
) -> Result<Value, Failure> {
    let scopes = scopes_of(&roles);
    let added = guard.add_person(by, name.clone(), groups, roles).await;
    let operator = told(name.as_str(), added)?;
    let mut body = person(&operator);
    if with_token {
        let made = guard
            .add_token(by, &name, scopes, OPERATOR_TOKEN_LIFE)
            .await;
        let (proof, token) = told(name.as_str(), made)?;
        body.insert("token".into(), token.into());
        body.insert(
            "expires".into(),
            proof.expires.map(|at| at.to_string()).into(),
        );
    }
    if with_link {
        link(guard, by, &name, &mut body).await?;
    }
    Ok(Value::Object(body))
}

/// Makes a link, where there is a console that it could lead to; whether there was.
async fn link(
    guard: &Guard,
    by: &str,
    name: &OperatorName,
    body: &mut Map<String, Value>,
) -> Result<bool, Failure> {
    let Some(doorway) = guard.doorway() else {
        return Ok(false);
    };
    let (proof, secret) = told(name.as_str(), guard.add_link(by, name).await)?;
    let link = format!("{}/enrol#{secret}", doorway.origin());
    body.insert("link".into(), link.into());
    let expires = proof.expires.map(|at| at.to_string());
    body.insert("link_expires".into(), expires.into());
    Ok(true)
}

async fn list(guard: &Guard) -> Result<Value, Failure> {
    let now = guard.ambient().now();
    let operators = guard.operators().await;
    let operators = operators.map_err(|error| Failure::because(&error))?;
    let proofs = guard.proofs().await;
    let proofs = proofs.map_err(|error| Failure::because(&error))?;
    let list: Vec<Value> = operators
        .iter()
        .map(|operator| {
            let own = || {
                let own = proofs.iter().filter(|one| one.operator == operator.name);
                own.filter(|one| one.is_live(now))
            };
            let tokens = own().filter(|one| matches!(one.kind, ProofKind::Token { .. }));
            let passkeys = own().filter(|one| one.passkey().is_some());
            let mut body = person(operator);
            body.insert("tokens".into(), tokens.count().into());
            body.insert("passkeys".into(), passkeys.count().into());
            Value::Object(body)
        })
        .collect();
    Ok(json!({"operators": list}))
}

async fn export(guard: &Guard) -> Result<Value, Failure> {
    let proofs = guard.proofs().await;
    let proofs = proofs.map_err(|error| Failure::because(&error))?;
    let lines: Vec<String> = proofs
        .iter()
        .filter_map(|proof| Some(Witness::of_proof(proof)?.line()))
        .collect();
    Ok(json!({"lines": lines}))
}

fn person(operator: &Operator) -> Map<String, Value> {
    let state = match operator.revoked {
        Some(_) => "removed",
        None => "live",
    };
    let roles: Vec<&str> = operator.roles.iter().map(|role| role.name()).collect();
    let mut body = Map::new();
    body.insert("name".into(), operator.name.as_str().into());
    body.insert("groups".into(), names(&operator.groups).into());
    body.insert("roles".into(), roles.into());
    body.insert("state".into(), state.into());
    body
}

fn render(proof: &Proof, now: Timestamp) -> Map<String, Value> {
    let (scopes, label) = match &proof.kind {
        ProofKind::Token { scopes } => {
            let scopes: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
            (scopes, None)
        }
        ProofKind::Link => (Vec::new(), None),
        ProofKind::Passkey(passkey) => (Vec::new(), Some(passkey.label.as_str())),
        ProofKind::Account(account) => (Vec::new(), Some(account.issuer.as_str())),
    };
    let moment = |at: Option<Timestamp>| Value::from(at.map(|at| at.to_string()));
    let mut body = Map::new();
    body.insert("id".into(), proof.id().into());
    body.insert("operator".into(), proof.operator.as_str().into());
    body.insert("kind".into(), proof.word().into());
    body.insert("state".into(), proof.standing(now).into());
    body.insert("scopes".into(), scopes.into());
    body.insert("label".into(), label.into());
    body.insert("added".into(), proof.added.to_string().into());
    body.insert("expires".into(), moment(proof.expires));
    body.insert("used".into(), moment(proof.used));
    body
}

/// What a first token is good for: everything that its owner is.
fn scopes_of(roles: &BTreeSet<Role>) -> BTreeSet<TokenScope> {
    let mut scopes = BTreeSet::from([TokenScope::Read]);
    if roles.contains(&Role::Approver) {
        scopes.insert(TokenScope::Decide);
    }
    if roles.contains(&Role::Admin) {
        scopes.insert(TokenScope::Admin);
    }
    scopes
}

fn words<T, C: FromIterator<T>>(
    hello: &Map<String, Value>,
    member: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<C> {
    let list = hello.get(member)?.as_array()?;
    list.iter().map(|word| parse(word.as_str()?)).collect()
}

fn names(groups: &[GroupName]) -> Vec<&str> {
    groups.iter().map(GroupName::as_str).collect()
}

fn told<T>(name: &str, done: Result<T, OperateError>) -> Result<T, Failure> {
    done.map_err(|error| refusal(name, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deed_reads_back_as_itself_from_the_socket() {
        let alice = || OperatorName::parse("alice").unwrap();
        let deeds = [
            PeopleDeed::Add {
                name: alice(),
                groups: vec![GroupName::parse("finance").unwrap()],
                roles: BTreeSet::from([Role::Approver, Role::Viewer]),
                token: true,
                link: false,
            },
            PeopleDeed::Remove(alice()),
            PeopleDeed::List,
            PeopleDeed::Link(alice()),
            PeopleDeed::Confirm(alice()),
            PeopleDeed::Export,
            PeopleDeed::AddToken {
                name: alice(),
                scopes: BTreeSet::from([TokenScope::Read]),
                life: Some(Duration::from_secs(60)),
            },
            PeopleDeed::ListTokens,
            PeopleDeed::EndToken("00ff".to_owned()),
        ];
        for deed in deeds {
            let Value::Object(hello) = deed.render() else {
                unreachable!()
            };
            assert_eq!(PeopleDeed::parse(&hello), Some(deed));
        }
    }
}
