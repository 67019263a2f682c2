//! JSON pointers to arguments, and how an argument schema names what one points to.

use super::fault::Faults;
use super::yaml::{Node, Shape};

/// How an argument schema names what a pointer points to.
pub(super) enum Named<'a> {
    /// Required, with this schema.
    Present(&'a Node),
    Optional,
    Absent,
    /// Not named, in an object that is open.
    Open,
}

pub(super) fn named<'a>(schema: &'a Node, pointer: &str) -> Named<'a> {
    let mut node = schema;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let Shape::Map(keys) = &node.shape else {
            return Named::Absent;
        };
        let key = |name: &str| {
            keys.iter()
                .find(|entry| entry.key == name)
                .map(|entry| &entry.value)
        };
        let optional = key("optional").is_some_and(|node| match &node.shape {
            Shape::List(items) => items
                .iter()
                .any(|item| matches!(&item.shape, Shape::Text(text) if *text == token)),
            _ => false,
        });
        if optional {
            return Named::Optional;
        }
        let property = key("properties").and_then(|node| match &node.shape {
            Shape::Map(entries) => entries.iter().find(|entry| entry.key == token),
            _ => None,
        });
        match property {
            Some(entry) => node = &entry.value,
            None if matches!(key("open").map(|node| &node.shape), Some(Shape::Flag(true))) => {
                return Named::Open;
            }
            None => return Named::Absent,
        }
    }
    Named::Present(node)
}

/// A JSON pointer to one argument.
pub(super) fn pointer(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.text(faults)?;
    let escaped = text
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    if text.len() < 2 || !text.starts_with('/') || !escaped {
        faults.add(
            &node.at,
            "not a JSON pointer to an argument",
            "write `/name`, or `/name/inner`",
        );
        return None;
    }
    Some(text.to_owned())
}

/// Complains at `place` where a call could come without what the pointer points to: `used` says what is
/// done with it, `lost` what could then not be done.
pub(super) fn require(
    place: &Node,
    pointer: &str,
    arguments: &Node,
    (used, lost): (&str, &str),
    faults: &mut Faults,
) {
    match named(arguments, pointer) {
        Named::Present(_) | Named::Open => {}
        Named::Optional => faults.add(
            &place.at,
            format!("`{pointer}` is {used}, but optional"),
            format!("require it: a call without it could not be {lost}"),
        ),
        Named::Absent => faults.add(
            &place.at,
            format!("`{pointer}` is {used}, but `arguments` does not name it"),
            "name it under `properties`",
        ),
    }
}
