//! What the upstream servers present: whole definitions, their digests, their schemas compiled.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use parking_lot::RwLock;
use serde_json::Value;

use super::presented::{Definition, Presented};
use crate::limits::UPSTREAM_TOOLS_COUNT;
use crate::model::digest::Digest;
use crate::model::name::{ServerName, ToolName};
use crate::model::pin::PinKind;
use crate::model::target::{Target, TargetKind};
use crate::scopes::ToolSchema;

/// One tool as its server defines it.
#[derive(Debug)]
pub struct KnownTool {
    /// Its name.
    pub name: ToolName,
    /// The whole definition, as it came.
    pub definition: Value,
    /// SHA-256 of the definition in canonical form.
    pub pin: Digest,
    /// Its input schema, compiled.
    pub schema: ToolSchema,
}

/// Every server's newest presentation.
#[derive(Default)]
pub struct Catalog {
    servers: RwLock<HashMap<ServerName, Server>>,
}

struct Server {
    pin: Digest,
    order: Vec<Arc<KnownTool>>,
    tools: HashMap<Arc<str>, Arc<KnownTool>>,
    /// Names of changed tools whose approvals are not known to have ended.
    unsettled: BTreeSet<Arc<str>>,
    /// The digest of everything else it presents.
    others: HashMap<PinKind, HashMap<Arc<str>, Digest>>,
}

impl Catalog {
    /// The tool of that name, if its server presents an acceptable one.
    #[must_use]
    pub fn tool(&self, target: &Target) -> Option<Arc<KnownTool>> {
        if target.kind != TargetKind::Tool {
            return None;
        }
        self.servers
            .read()
            .get(&target.server)?
            .tools
            .get(&target.name)
            .cloned()
    }

    /// Every acceptable tool of a server, in the server's order.
    #[must_use]
    pub fn tools(&self, server: &ServerName) -> Vec<Arc<KnownTool>> {
        self.servers
            .read()
            .get(server)
            .map(|server| server.order.clone())
            .unwrap_or_default()
    }

    /// The server's identity, once it has presented itself.
    #[must_use]
    pub fn server_pin(&self, server: &ServerName) -> Option<Digest> {
        self.servers.read().get(server).map(|server| server.pin)
    }

    /// The digest of what a server presents under a name, if it does.
    #[must_use]
    pub fn digest(&self, server: &ServerName, kind: PinKind, name: &str) -> Option<Digest> {
        let servers = self.servers.read();
        let server = servers.get(server)?;
        match kind {
            PinKind::Server => Some(server.pin),
            PinKind::Tool => server.tools.get(name).map(|tool| tool.pin),
            PinKind::Instructions | PinKind::Prompt | PinKind::Template => {
                server.others.get(&kind)?.get(name).copied()
            }
        }
    }

    /// Takes in what a server presents. A tool that cannot be checked is left out, so that no call of
    /// it can pass. Gives the names of tools whose definition is not the one known before, now or at an
    /// earlier presentation that was not settled, and a
    /// sentence for each tool left out.
    pub(super) fn present(&self, server: &ServerName, presented: &Presented) -> Taken {
        let (definitions, dropped) = presented.definitions();
        let mut others: HashMap<PinKind, HashMap<Arc<str>, Digest>> = HashMap::new();
        for one in &definitions {
            let names = others.entry(one.kind).or_default();
            names.insert(Arc::clone(&one.name), one.digest);
        }
        let mut taken = Taken {
            definitions,
            dropped,
            ..Taken::default()
        };
        let mut next = Server {
            pin: presented.pin(),
            others,
            order: Vec::new(),
            tools: HashMap::new(),
            unsettled: BTreeSet::new(),
        };
        let mut ambiguous = HashSet::new();
        for definition in presented.tools.iter().take(UPSTREAM_TOOLS_COUNT) {
            let text = Definition::of(PinKind::Tool, name(definition), definition);
            match KnownTool::compile(definition, &text) {
                Ok(tool) => {
                    taken.definitions.push(text);
                    let name: Arc<str> = Arc::from(tool.name.as_str());
                    let tool = Arc::new(tool);
                    if next
                        .tools
                        .insert(Arc::clone(&name), Arc::clone(&tool))
                        .is_some()
                    {
                        ambiguous.insert(name);
                    }
                    next.order.push(tool);
                }
                Err(sentence) => taken.dropped.push(sentence),
            }
        }
        // Of tools that share a name neither can be meant, so none stays.
        next.order
            .retain(|tool| !ambiguous.contains(tool.name.as_str()));
        taken
            .definitions
            .retain(|one| one.kind != PinKind::Tool || !ambiguous.contains(&one.name));
        for name in ambiguous {
            next.tools.remove(&name);
            taken
                .dropped
                .push(format!("{name} is defined more than once"));
        }
        let mut servers = self.servers.write();
        if let Some(before) = servers.get(server) {
            let moved = before.pin != next.pin;
            let changed = before.tools.iter().filter(|(name, known)| {
                moved || next.tools.get(*name).is_none_or(|now| now.pin != known.pin)
            });
            next.unsettled.clone_from(&before.unsettled);
            next.unsettled
                .extend(changed.map(|(name, _)| Arc::clone(name)));
            taken.changed = next.unsettled.iter().map(Arc::clone).collect();
        }
        servers.insert(server.clone(), next);
        taken
    }

    /// The approvals of these changed tools have ended.
    pub(super) fn settle(&self, server: &ServerName, changed: &[Arc<str>]) {
        if let Some(server) = self.servers.write().get_mut(server) {
            server.unsettled.retain(|name| !changed.contains(name));
        }
    }
}

/// What a presentation changed.
#[derive(Default, Debug)]
pub(super) struct Taken {
    /// Names whose definition changed or went away.
    pub(super) changed: Vec<Arc<str>>,
    /// Why definitions were left out.
    pub(super) dropped: Vec<String>,
    /// What was taken in, the server itself first.
    pub(super) definitions: Vec<Definition>,
}

impl KnownTool {
    fn compile(definition: &Value, text: &Definition) -> Result<Self, String> {
        text.fits()?;
        let name = ToolName::parse(&text.name).map_err(|fault| fault.to_string())?;
        let schema = definition
            .get("inputSchema")
            .ok_or_else(|| format!("{name} declares no input schema"))?;
        let schema = ToolSchema::compile(schema).map_err(|fault| format!("{name}: {fault}"))?;
        Ok(Self {
            name,
            definition: definition.clone(),
            pin: text.digest,
            schema,
        })
    }
}

fn name(definition: &Value) -> &str {
    definition
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}
