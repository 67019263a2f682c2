//! One tool as a listing shows it.

use serde_json::{Map, Value, json};

/// A tool: its name, what it does, and what it takes.
pub(in crate::cli::demo) struct Offer {
    name: &'static str,
    description: &'static str,
    takes: Map<String, Value>,
    needs: Vec<&'static str>,
}

impl Offer {
    /// A tool that takes nothing yet.
    pub(super) fn new(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            description,
            takes: Map::new(),
            needs: Vec::new(),
        }
    }

    /// With an argument that it needs.
    pub(super) fn needs(mut self, name: &'static str, kind: &str, description: &str) -> Self {
        self.needs.push(name);
        self.takes(name, kind, description)
    }

    /// With an argument that may be left out.
    pub(super) fn takes(mut self, name: &str, kind: &str, description: &str) -> Self {
        let schema = json!({"type": kind, "description": description});
        self.takes.insert(name.to_owned(), schema);
        self
    }

    /// As the protocol shows it.
    pub(super) fn to_value(&self) -> Value {
        json!({
            "name": self.name,
            "description": self.description,
            "inputSchema": {
                "type": "object",
                "properties": self.takes,
                "required": self.needs,
                "additionalProperties": false,
            },
        })
    }
}
