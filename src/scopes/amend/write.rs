//! Values as a manifest spells them, on one line, with nothing in them that reads as something else.

use std::fmt::Write;

use serde_json::Value;

use super::super::yaml;
use crate::model::json::is_deceptive;

/// A value in flow form.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::String(said) => text(said),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(self::value).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members = members.iter();
            let members: Vec<String> = members
                .map(|(name, inner)| format!("{}: {}", text(name), self::value(inner)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        plain => plain.to_string(),
    }
}

/// A text, plain where every reader of YAML takes it for one, and in quotes elsewhere.
pub(super) fn text(said: &str) -> String {
    let is_simple = said.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && said
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/_.-".contains(c));
    if is_simple && yaml::is_text(said) {
        return said.to_owned();
    }
    let mut out = String::from("\"");
    for c in said.chars() {
        let code = u32::from(c);
        // Writing to a text cannot fail.
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            '\n' => write!(out, "\\n"),
            '\t' => write!(out, "\\t"),
            _ if !c.is_control() && !is_deceptive(c) && c != '\u{feff}' => write!(out, "{c}"),
            _ if code <= 0xffff => write!(out, "\\u{code:04X}"),
            _ => write!(out, "\\U{code:08X}"),
        };
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::fault::Faults;
    use super::super::super::{Source, yaml};
    use super::*;

    fn read(text: &str) -> Value {
        let source = Source {
            name: "m.yaml".to_owned(),
            text: format!("a: [{text}]"),
        };
        let mut faults = Faults::default();
        let node = yaml::parse(&source, &mut faults).unwrap();
        assert!(faults.is_empty(), "{text}: {faults}");
        node.to_value()["a"][0].clone()
    }

    #[test]
    fn a_value_reads_back_as_itself_whatever_stands_in_it() {
        for said in [
            serde_json::json!("EUR"),
            serde_json::json!("/srv/docs"),
            serde_json::json!("yes"),
            serde_json::json!("15"),
            serde_json::json!("a, b]: #c"),
            serde_json::json!("a\u{202e}b\u{0}\u{85}\u{1f600}\n\t\"\\'"),
            serde_json::json!({"a b": [1.50, null, true, {}], "on": []}),
        ] {
            assert_eq!(read(&value(&said)), said, "{}", value(&said));
        }
        assert!(!value(&serde_json::json!("a\u{202e}b")).contains('\u{202e}'));
    }

    proptest! {
        #[test]
        fn any_text_reads_back(said in ".{0,40}") {
            prop_assert_eq!(read(&text(&said)), Value::String(said));
        }
    }
}
