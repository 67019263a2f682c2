//! What an argument is beside its type: where a call goes, what it acts on, what nobody may read.

use serde_json::{Map, Value};

/// What an argument is to the world, as its schema says with `kind`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Where something goes: a recipient, an account, an address.
    Destination,
    /// What is acted on: an order, a file, a name.
    Object,
    /// What nobody may read: it is passed on, and neither kept, shown nor told.
    Secret,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Destination, Self::Object, Self::Secret];

    /// The word in manifests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Destination => "destination",
            Self::Object => "object",
            Self::Secret => "secret",
        }
    }

    /// The kind from its word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Where in the arguments of a rule values of a kind stand.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Kinds(Vec<(Vec<Step>, Kind)>);

/// One value of a kind, where it was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its JSON pointer.
    pub pointer: String,
    /// The value; a list or an object stands for everything in it.
    pub value: &'a Value,
}

impl Kinds {
    /// Every value of a kind in these arguments, whether or not they are inside the rule: a value whose
    /// type is wrong is no less secret.
    #[must_use]
    pub fn find<'a>(&self, arguments: &'a Value) -> Vec<Found<'a>> {
        let mut found = Vec::new();
        for (steps, kind) in &self.0 {
            walk(
                arguments,
                steps,
                &mut String::new(),
                &mut |pointer, value| {
                    found.push(Found {
                        kind: *kind,
                        pointer: pointer.to_owned(),
                        value,
                    });
                },
            );
        }
        found
    }

    /// Whether a value of that kind may stand at the pointer, above it or below it.
    #[must_use]
    pub fn touches(&self, kind: Kind, pointer: &str) -> bool {
        let mut paths = self.0.iter().filter(|(_, one)| *one == kind);
        paths.any(|(steps, _)| {
            let tokens = pointer.split('/').skip(1).map(unescape);
            tokens.zip(steps).all(|(token, step)| step.leads_to(&token))
        })
    }

    /// Those that a closed schema names.
    pub(super) fn of(schema: &Value) -> Self {
        let mut kinds = Self::default();
        kinds.gather(schema, &mut Vec::new());
        kinds.0.sort();
        kinds.0.dedup();
        kinds
    }

    fn gather(&mut self, schema: &Value, steps: &mut Vec<Step>) {
        let Value::Object(keywords) = schema else {
            return;
        };
        if let Some(kind) = keywords.get("kind").and_then(Value::as_str)
            && let Some(kind) = Kind::parse(kind)
        {
            self.0.push((steps.clone(), kind));
        }
        let mut under = |step: Step, inner: &Value| {
            steps.push(step);
            self.gather(inner, steps);
            steps.pop();
        };
        for (name, inner) in members(keywords, "properties") {
            under(Step::Member(name.clone()), inner);
        }
        for (_, inner) in members(keywords, "patternProperties") {
            under(Step::Each, inner);
        }
        for key in ["additionalProperties", "items"] {
            if let Some(inner) = keywords.get(key) {
                under(Step::Each, inner);
            }
        }
        for (at, inner) in listed(keywords, "prefixItems").enumerate() {
            under(Step::Member(at.to_string()), inner);
        }
        for key in ["anyOf", "allOf"] {
            for inner in listed(keywords, key) {
                self.gather(inner, steps);
            }
        }
    }
}

/// One step from a value to one inside it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Step {
    /// The member of that name, or the item at that place.
    Member(String),
    /// Every member and every item.
    Each,
}

impl Step {
    fn leads_to(&self, token: &str) -> bool {
        match self {
            Self::Member(name) => name == token,
            Self::Each => true,
        }
    }
}

fn walk<'a>(
    value: &'a Value,
    steps: &[Step],
    pointer: &mut String,
    found: &mut impl FnMut(&str, &'a Value),
) {
    let Some((step, rest)) = steps.split_first() else {
        found(pointer, value);
        return;
    };
    let mut into = |token: &str, inner: &'a Value| {
        if step.leads_to(token) {
            let length = pointer.len();
            pointer.push('/');
            pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
            walk(inner, rest, pointer, found);
            pointer.truncate(length);
        }
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(name, inner)| into(name, inner)),
        Value::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                into(&at.to_string(), inner);
            }
        }
        _ => {}
    }
}

fn members<'a>(
    keywords: &'a Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let members = keywords.get(key).and_then(Value::as_object);
    members.into_iter().flatten()
}

fn listed<'a>(keywords: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a Value> {
    let listed = keywords.get(key).and_then(Value::as_array);
    listed.into_iter().flatten()
}

fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(schema: &Value, arguments: &Value) -> Vec<String> {
        let kinds = Kinds::of(schema);
        let found = kinds.find(arguments);
        let told = found.iter();
        told.map(|one| format!("{} {}", one.kind.name(), one.pointer))
            .collect()
    }

    #[test]
    fn values_of_a_kind_are_found_wherever_a_schema_puts_them() {
        let schema = json!({
            "properties": {
                "to": {"items": {"kind": "destination"}},
                "login": {"properties": {"pass/word": {"kind": "secret"}}},
                "pair": {"prefixItems": [{"kind": "object"}, {}]},
                "headers": {"additionalProperties": {"kind": "secret"}},
                "either": {"anyOf": [{"kind": "object"}, {"properties": {"key": {"kind": "secret"}}}]},
            }
        });
        let arguments = json!({
            "to": ["a", "b"],
            "login": {"name": "ann", "pass/word": 7},
            "pair": ["x", "y"],
            "headers": {"one": "1"},
            "either": {"key": "k"},
        });
        let mut told = found(&schema, &arguments);
        told.sort();
        assert_eq!(
            told,
            [
                "destination /to/0",
                "destination /to/1",
                "object /either",
                "object /pair/0",
                "secret /either/key",
                "secret /headers/one",
                "secret /login/pass~1word",
            ]
        );
        assert!(found(&schema, &json!({})).is_empty());
        // Of another shape than the schema's, a secret is found all the same.
        let wrong = json!({"login": {"pass/word": {"inner": "x"}}});
        assert_eq!(found(&schema, &wrong), ["secret /login/pass~1word"]);
    }

    #[test]
    fn a_pointer_touches_a_kind_at_it_above_it_and_below_it() {
        let schema = json!({"properties": {"a": {"properties": {"b": {"kind": "secret"}}}}});
        let kinds = Kinds::of(&schema);
        for pointer in ["/a", "/a/b", "/a/b/c"] {
            assert!(kinds.touches(Kind::Secret, pointer), "{pointer}");
        }
        for pointer in ["/b", "/a/c", "/ab"] {
            assert!(!kinds.touches(Kind::Secret, pointer), "{pointer}");
        }
        assert!(!kinds.touches(Kind::Object, "/a/b"));
    }
}
