//! What a server presents when it is asked, and the definitions in it that are pinned.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::limits::{PIN_DEFINITION_BYTES, PIN_NAME_BYTES, UPSTREAM_TOOLS_COUNT};
use crate::model::digest::Digest;
use crate::model::json;
use crate::model::pin::PinKind;

/// What a server presented when it was asked.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The server's identity: command and arguments, or address.
    pub identity: Value,
    /// What it tells every client about itself.
    pub instructions: Option<String>,
    /// Whole tool definitions, in the server's order.
    pub tools: Vec<Value>,
    /// Whole prompt definitions.
    pub prompts: Vec<Value>,
    /// Whole templates of resources.
    pub templates: Vec<Value>,
}

/// One definition, as it is pinned.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub(super) kind: PinKind,
    pub(super) name: Arc<str>,
    pub(super) digest: Digest,
    /// In canonical form.
    pub(super) text: Bytes,
}

impl Presented {
    /// A server that presents tools and nothing else.
    #[must_use]
    pub const fn tools(identity: Value, tools: Vec<Value>) -> Self {
        Self {
            identity,
            instructions: None,
            tools,
            prompts: Vec::new(),
            templates: Vec::new(),
        }
    }

    /// The digest of the server's identity.
    #[must_use]
    pub fn pin(&self) -> Digest {
        Digest::of(&json::canonical(&self.identity))
    }

    /// Everything but the tools, and a sentence for each definition that cannot be pinned.
    pub(super) fn definitions(&self) -> (Vec<Definition>, Vec<String>) {
        let mut found = vec![Definition::of(PinKind::Server, "", &self.identity)];
        if let Some(instructions) = &self.instructions {
            let text = Value::from(instructions.as_str());
            found.push(Definition::of(PinKind::Instructions, "", &text));
        }
        let named = |kind, member| move |value| Definition::named(kind, value, member);
        let prompts = self.prompts.iter().take(UPSTREAM_TOOLS_COUNT);
        let templates = self.templates.iter().take(UPSTREAM_TOOLS_COUNT);
        found.extend(prompts.filter_map(named(PinKind::Prompt, "name")));
        found.extend(templates.filter_map(named(PinKind::Template, "uriTemplate")));
        let mut dropped = Vec::new();
        let mut counts: HashMap<(PinKind, Arc<str>), usize> = HashMap::new();
        for one in &found {
            *counts.entry((one.kind, Arc::clone(&one.name))).or_default() += 1;
        }
        // Of two that share a name neither can be meant.
        found.retain(|one| {
            let is_single = counts.get(&(one.kind, Arc::clone(&one.name))) == Some(&1);
            if !is_single {
                let sentence =
                    format!("{} {} is defined more than once", one.kind.name(), one.name);
                dropped.push(sentence);
            }
            is_single && one.fits().map_err(|why| dropped.push(why)).is_ok()
        });
        (found, dropped)
    }
}

impl Definition {
    pub(super) fn of(kind: PinKind, name: &str, definition: &Value) -> Self {
        let text = json::canonical(definition);
        Self {
            kind,
            name: Arc::from(name),
            digest: Digest::of(&text),
            text: Bytes::from(text),
        }
    }

    fn named(kind: PinKind, definition: &Value, member: &str) -> Option<Self> {
        let name = definition.get(member).and_then(Value::as_str)?;
        Some(Self::of(kind, name, definition))
    }

    /// Whether it can be kept at all.
    pub(super) fn fits(&self) -> Result<(), String> {
        let kind = self.kind.name();
        if self.name.len() > PIN_NAME_BYTES {
            return Err(format!(
                "a {kind} has a name of more than {PIN_NAME_BYTES} bytes"
            ));
        }
        match self.text.len() > PIN_DEFINITION_BYTES {
            true => Err(format!(
                "{kind} {} is defined in more than {PIN_DEFINITION_BYTES} bytes",
                self.name
            )),
            false => Ok(()),
        }
    }
}
