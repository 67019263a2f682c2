//! What is done by whoever holds the guard's directory, through its owner or, without one, directly.

mod people;

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

pub(super) use self::people::PeopleDeed;

use super::failure::Failure;
use super::owner::core::Core;
use super::owner::socket::SOCKET;
use crate::guard::{Guard, Keep, OperateError, PinPolicy, PruneError, Pruned, Reload};
use crate::limits::{AGENT_KEY_LIFE, AGENT_MESSAGE_BYTES};
use crate::model::credential::Credential;
use crate::model::id::CredentialId;
use crate::model::isolation::Isolation;
use crate::model::json;
use crate::model::name::{AgentName, ServerName};
use crate::model::time::Timestamp;
use crate::store::keys::Purpose;

/// One deed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Deed {
    /// Issue a key for an agent.
    AddAgentKey {
        /// The agent.
        name: AgentName,
        /// How long the key is accepted.
        life: Option<Duration>,
    },
    /// Issue a key for an enforcement point.
    AddPepKey {
        /// The server it stands before.
        name: ServerName,
        /// How long the key is accepted.
        life: Option<Duration>,
    },
    /// Revoke a key of an enforcement point.
    RevokePepKey {
        /// The key.
        id: CredentialId,
    },
    /// List the keys of enforcement points.
    ListPepKeys,
    /// What concerns operators.
    People(PeopleDeed),
    /// Take entries out of the record.
    Prune {
        /// Which stay.
        keep: Keep,
        /// The directory of the segments, from the root.
        to: String,
        /// Whether only to say what would go.
        dry_run: bool,
    },
    /// Change one of the guard's own keys.
    RotateKey {
        /// What it is for.
        purpose: Purpose,
    },
}

/// The directory in which deeds are done.
#[derive(Clone, Copy)]
pub(super) struct Home<'a> {
    /// The directory.
    pub(super) data: &'a Path,
    /// Whether agents are served meanwhile.
    pub(super) serves: bool,
}

/// Has the deed done: by the owner of the directory, or directly where nobody owns it.
pub(super) async fn ask(data: &Path, deed: Deed) -> Result<Value, Failure> {
    for _ in 0..ASK_TRIES_COUNT {
        if let Ok(stream) = UnixStream::connect(data.join(SOCKET)).await {
            return ask_owner(stream, &deed).await;
        }
        let opened = Core::open(
            data,
            Reload::Accept,
            PinPolicy::Accept,
            false,
            Isolation::None,
        );
        if let Some(core) = opened.await? {
            let by = format!("uid {}", rustix::process::getuid().as_raw());
            let serves = false;
            let done = deed.perform(&core.guard, &by, Home { data, serves }).await;
            core.close().await?;
            return done;
        }
        // Somebody owns it and does not listen yet, or not any more.
        tokio::time::sleep(ASK_INTERVAL).await;
    }
    Err(Failure::Refused(format!(
        "another process holds {} and does not answer",
        data.display()
    )))
}

impl Deed {
    /// The deed as it stands on the socket.
    pub(super) fn render(&self) -> Value {
        match self {
            Self::AddAgentKey { name, life } => json!({
                "v": 1,
                "op": "agents.add",
                "name": name.as_str(),
                "life_seconds": life.map(|life| life.as_secs()),
            }),
            Self::AddPepKey { name, life } => json!({
                "v": 1,
                "op": "peps.add",
                "name": name.as_str(),
                "life_seconds": life.map(|life| life.as_secs()),
            }),
            Self::RevokePepKey { id } => json!({"v": 1, "op": "peps.rm", "id": id.to_string()}),
            Self::ListPepKeys => json!({"v": 1, "op": "peps.ls"}),
            Self::People(deed) => deed.render(),
            Self::Prune { keep, to, dry_run } => {
                let (time, from) = match keep {
                    Keep::For(time) => (Some(time.as_secs()), None),
                    Keep::From(seq) => (None, Some(seq)),
                };
                json!({
                    "v": 1,
                    "op": "audit.prune",
                    "keep_seconds": time,
                    "before": from,
                    "to": to,
                    "dry_run": dry_run,
                })
            }
            Self::RotateKey { purpose } => {
                json!({"v": 1, "op": "keys.rotate", "purpose": purpose.name()})
            }
        }
    }

    /// The deed from the socket; `None` where it is none.
    pub(super) fn parse(hello: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| hello.get(name).and_then(Value::as_str);
        let life = hello
            .get("life_seconds")
            .and_then(Value::as_u64)
            .map(Duration::from_secs);
        match text("op")? {
            "agents.add" => Some(Self::AddAgentKey {
                name: AgentName::parse(text("name")?).ok()?,
                life,
            }),
            "peps.add" => Some(Self::AddPepKey {
                name: ServerName::parse(text("name")?).ok()?,
                life,
            }),
            "peps.rm" => Some(Self::RevokePepKey {
                id: CredentialId::parse(text("id")?)?,
            }),
            "peps.ls" => Some(Self::ListPepKeys),
            "audit.prune" => {
                let number = |name: &str| hello.get(name).and_then(Value::as_u64);
                Some(Self::Prune {
                    keep: match (number("keep_seconds"), number("before")) {
                        (Some(time), None) => Keep::For(Duration::from_secs(time)),
                        (None, Some(from)) => Keep::From(from),
                        _ => return None,
                    },
                    to: text("to")?.to_owned(),
                    dry_run: hello.get("dry_run")?.as_bool()?,
                })
            }
            "keys.rotate" => Some(Self::RotateKey {
                purpose: Purpose::parse(text("purpose")?)?,
            }),
            _ => PeopleDeed::parse(hello).map(Self::People),
        }
    }

    /// Does it, in the name of `by`.
    pub(super) async fn perform(
        self,
        guard: &Guard,
        by: &str,
        home: Home<'_>,
    ) -> Result<Value, Failure> {
        match self {
            Self::AddAgentKey { name, life } => {
                check_life(life)?;
                let (key, secret) = guard
                    .add_agent_key(by, &name, life)
                    .await
                    .map_err(|error| refusal(name.as_str(), &error))?;
                Ok(json!({
                    "id": key.id.to_string(),
                    "agent": key.agent.as_str(),
                    "expires": key.expires.to_string(),
                    "secret": secret,
                }))
            }
            Self::AddPepKey { name, life } => {
                check_life(life)?;
                let (key, secret) = guard
                    .add_pep_key(by, &name, life)
                    .await
                    .map_err(|error| refusal(name.as_str(), &error))?;
                Ok(json!({
                    "id": key.id.to_string(),
                    "server": name.as_str(),
                    "expires": key.expires.to_string(),
                    "secret": secret,
                }))
            }
            Self::RevokePepKey { id } => {
                guard
                    .revoke_pep_key(by, id)
                    .await
                    .map_err(|error| refusal(&id.to_string(), &error))?;
                Ok(json!({"id": id.to_string(), "state": "revoked"}))
            }
            Self::ListPepKeys => {
                let now = guard.ambient().now();
                let keys = guard.peps().await;
                let keys = keys.map_err(|error| Failure::because(&error))?;
                let list: Vec<Value> = keys.iter().map(|key| pep_key(key, now)).collect();
                Ok(json!({"keys": list}))
            }
            Self::Prune { keep, to, dry_run } => {
                let pruned = match dry_run {
                    true => guard.prunable(keep).await.map_err(PruneError::from),
                    false => guard.prune(by, keep, Path::new(&to)).await,
                };
                Ok(pruned_of(
                    &pruned.map_err(|error| Failure::because(&error))?,
                    &to,
                ))
            }
            Self::RotateKey { purpose } => {
                let rotated = guard.rotate_key(by, home.data, purpose, home.serves);
                let key = rotated.await.map_err(|error| Failure::because(&error))?;
                Ok(json!({"purpose": purpose.name(), "key": key, "state": "in force"}))
            }
            Self::People(deed) => deed.perform(guard, by).await,
        }
    }
}

/// A deed's end as it stands on the socket.
pub(super) fn render_end(end: &Result<Value, Failure>) -> Value {
    match end {
        Ok(result) => json!({"ok": true, "result": result}),
        Err(failure) => {
            json!({"ok": false, "exit": failure.code(), "message": failure.to_string()})
        }
    }
}

/// A deed's end from the socket.
pub(super) fn parse_end(line: &[u8]) -> Result<Value, Failure> {
    let garbled = || Failure::Refused("the owner's answer is not understood".to_owned());
    let Ok(Value::Object(mut end)) = json::parse(line) else {
        return Err(garbled());
    };
    if end.get("ok") == Some(&Value::Bool(true)) {
        return end.shift_remove("result").ok_or_else(garbled);
    }
    let message = end
        .get("message")
        .and_then(Value::as_str)
        .ok_or_else(garbled)?
        .to_owned();
    Err(match end.get("exit").and_then(Value::as_u64) {
        Some(2) => Failure::Input(message),
        Some(3) => Failure::Missing(message),
        Some(4) => Failure::NeedsInput(message),
        _ => Failure::Refused(message),
    })
}

async fn ask_owner(mut stream: UnixStream, deed: &Deed) -> Result<Value, Failure> {
    stream
        .write_all(format!("{}\n", deed.render()).as_bytes())
        .await?;
    let mut line = Vec::new();
    let mut reader = BufReader::new(stream).take(AGENT_MESSAGE_BYTES as u64);
    reader.read_until(b'\n', &mut line).await?;
    parse_end(&line)
}

fn check_life(life: Option<Duration>) -> Result<(), Failure> {
    if life.is_some_and(|life| life > AGENT_KEY_LIFE) {
        let days = AGENT_KEY_LIFE.as_secs() / 86_400;
        return Err(Failure::Input(format!("a key lives {days} days at most")));
    }
    Ok(())
}

fn pep_key(key: &Credential, now: Timestamp) -> Value {
    let state = match key.revoked {
        Some(_) => "revoked",
        None if key.expires <= now => "expired",
        None => "live",
    };
    json!({
        "id": key.id.to_string(),
        "server": key.agent.as_str(),
        "state": state,
        "expires": key.expires.to_string(),
    })
}

fn pruned_of(pruned: &Pruned, to: &str) -> Value {
    let segments: Vec<Value> = pruned
        .segments
        .iter()
        .map(|segment| {
            json!({
                "first": segment.first,
                "last": segment.last,
                "digest": segment.digest.to_string(),
                "file": Path::new(to).join(segment.file()).display().to_string(),
            })
        })
        .collect();
    json!({"first": pruned.first, "count": pruned.count, "segments": segments})
}

fn refusal(name: &str, error: &OperateError) -> Failure {
    match error {
        OperateError::Missing => Failure::Missing(format!("{name}: {error}")),
        _ => Failure::Refused(format!("{name}: {error}")),
    }
}

const ASK_TRIES_COUNT: usize = 50;
const ASK_INTERVAL: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deed_reads_back_as_itself_from_the_socket() {
        let deeds = [
            Deed::AddAgentKey {
                name: AgentName::parse("billing").unwrap(),
                life: Some(Duration::from_secs(60)),
            },
            Deed::AddPepKey {
                name: ServerName::parse("ledger").unwrap(),
                life: None,
            },
            Deed::RevokePepKey {
                id: CredentialId::random(&crate::ambient::Ambient::system()),
            },
            Deed::ListPepKeys,
            Deed::Prune {
                keep: Keep::For(Duration::from_secs(60)),
                to: "/srv/segments".to_owned(),
                dry_run: true,
            },
            Deed::Prune {
                keep: Keep::From(7),
                to: "/srv/segments".to_owned(),
                dry_run: false,
            },
            Deed::RotateKey {
                purpose: Purpose::Checkpoint,
            },
        ];
        for deed in deeds {
            let Value::Object(hello) = deed.render() else {
                unreachable!()
            };
            assert_eq!(Deed::parse(&hello), Some(deed));
        }
    }

    #[test]
    fn a_failure_keeps_its_exit_code_across_the_socket() {
        for failure in [
            Failure::Refused("no".to_owned()),
            Failure::Input("no".to_owned()),
            Failure::Missing("no".to_owned()),
            Failure::NeedsInput("no".to_owned()),
        ] {
            let code = failure.code();
            let line = render_end(&Err(failure)).to_string();
            assert_eq!(parse_end(line.as_bytes()).unwrap_err().code(), code);
        }
    }
}
