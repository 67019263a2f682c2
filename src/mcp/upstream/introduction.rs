//! What a server says of itself when a relation begins, as far as the guard keeps it.

use serde_json::Value;

/// What a server said of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Introduction {
    /// What it tells every client.
    pub instructions: Option<String>,
    /// Whether it says that it has prompts.
    pub has_prompts: bool,
    /// Whether it says that it has resources.
    pub has_resources: bool,
}

impl Introduction {
    /// Reads the answer to `initialize` or `server/discover`.
    #[must_use]
    pub fn parse(result: &Value) -> Self {
        let has = |name: &str| {
            let capabilities = result.get("capabilities");
            capabilities.is_some_and(|all| all.get(name).is_some_and(Value::is_object))
        };
        let instructions = result.get("instructions").and_then(Value::as_str);
        Self {
            instructions: instructions.map(str::to_owned),
            has_prompts: has("prompts"),
            has_resources: has("resources"),
        }
    }
}
