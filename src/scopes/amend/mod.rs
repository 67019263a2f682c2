//! A manifest's text, changed so that one call would have passed: the least change, in the file's own words.
//!
//! The text is edited where it stands and never written anew, so that comments and layout stay. Each
//! change is compiled before the next is looked for. Nothing here touches a `forbid`.

mod edit;
mod layout;
mod patch;
mod widen;
mod write;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use self::edit::Edit;
use self::layout::Piece;
use self::widen::{Widening, widen};
use super::compile::{Scopes, Source};
use super::fault::Faults;
use super::scope::Scope;
use crate::limits::AMENDMENT_CHANGES_COUNT;
use crate::model::privilege::Privilege;
use crate::model::target::Target;

/// The call that a changed manifest would let pass.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The tool.
    pub target: &'a Target,
    /// Whether any rule declares it.
    pub is_declared: bool,
    /// How far up the ladder it stands where no rule says so.
    pub privilege: Privilege,
    /// Its arguments, with notes in the place of secrets.
    pub arguments: &'a Value,
    /// JSON pointers of the secrets.
    pub secrets: &'a BTreeSet<String>,
}

/// A changed manifest that compiles.
#[derive(Debug)]
pub struct Amendment {
    /// The file, as it was named to the compiler.
    pub file: String,
    /// The directory in which the patch applies; empty where that is wherever the guard was started.
    pub directory: String,
    /// The unified diff from the text that was loaded.
    pub patch: String,
    /// What each change lets through.
    pub widens: Vec<String>,
    /// The changed manifest, compiled by itself.
    pub scopes: Scopes,
}

/// Why no change of a manifest is proposed.
#[derive(Debug, thiserror::Error)]
pub enum Unamendable {
    /// The manifest already lets it pass.
    #[error(
        "the manifest already admits these arguments: what stopped the call is nothing that a rule bounds"
    )]
    Inside,
    /// What was crossed is no bound.
    #[error(
        "{0}: that is no bound which could be moved a little, so somebody must rewrite the rule"
    )]
    NoBound(String),
    /// What was crossed is about a secret, which no manifest may hold.
    #[error("what was crossed is about a secret at {0}, which no manifest may hold")]
    Secret(String),
    /// A rule could not be evaluated.
    #[error("a rule of this tool cannot be evaluated: {0}")]
    Unevaluable(String),
    /// The text cannot be edited.
    #[error("the manifest is laid out in a way that cannot be edited without rewriting it")]
    Layout,
    /// It takes more than a person would look at.
    #[error("it would take more than {AMENDMENT_CHANGES_COUNT} changes")]
    TooMuch,
    /// The changed text is no manifest.
    #[error("the changed manifest would not compile: {0}")]
    Faulty(Faults),
}

impl Scope {
    /// The manifest with the least change that lets the call pass the rules about tools and arguments.
    ///
    /// # Errors
    /// [`Unamendable`] says why there is none.
    pub fn amended(&self, wanted: &Wanted<'_>) -> Result<Amendment, Unamendable> {
        let mut text = self.text.to_string();
        let mut widens = Vec::new();
        let mut changed: Option<Scopes> = None;
        let mut is_declared = wanted.is_declared;
        loop {
            let scope = changed
                .as_ref()
                .and_then(|scopes| scopes.scope(&self.agent));
            let scope = scope.map_or(self, AsRef::as_ref);
            let widening = match is_declared {
                true => scope.crossing(&text, wanted)?,
                false => Some(declare(&text, wanted)?),
            };
            is_declared = true;
            let Some(widening) = widening else {
                break;
            };
            if widens.len() == AMENDMENT_CHANGES_COUNT {
                return Err(Unamendable::TooMuch);
            }
            text = edit::apply(&text, widening.edits);
            widens.push(widening.sentence);
            let source = Source {
                name: self.file.to_string(),
                text: text.clone(),
            };
            changed = Some(Scopes::compile(&[source]).map_err(Unamendable::Faulty)?);
        }
        let scopes = changed.ok_or(Unamendable::Inside)?;
        let (directory, name) = placed(&self.file);
        // Such a name would have to be spelt out, and not every reader of patches reads that.
        if name.contains(|c: char| c.is_control() || c == '"' || c == '\\') {
            return Err(Unamendable::Layout);
        }
        Ok(Amendment {
            file: self.file.to_string(),
            patch: patch::unified(&name, &self.text, &text).ok_or(Unamendable::TooMuch)?,
            directory,
            widens,
            scopes,
        })
    }

    /// The first bound that the call crosses, moved as far as needed.
    fn crossing(&self, text: &str, wanted: &Wanted<'_>) -> Result<Option<Widening>, Unamendable> {
        let rules = self.rules_for(wanted.target);
        let mut crossed = rules.filter_map(|(at, rule)| {
            let arguments = rule.arguments.as_ref()?;
            Some((at, arguments.crossed(wanted.arguments)?))
        });
        let Some((at, crossed)) = crossed.next() else {
            return Ok(None);
        };
        let crossed = crossed.map_err(Unamendable::Unevaluable)?;
        let at_fault = crossed.whole();
        let touches = |secret: &&String| {
            let under = |one: &str, other: &str| {
                one.strip_prefix(other)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            under(secret, &at_fault) || under(&at_fault, secret)
        };
        let names_values = crossed
            .keyword
            .last()
            .is_none_or(|keyword| keyword != "required");
        if names_values && let Some(secret) = wanted.secrets.iter().find(touches) {
            return Err(Unamendable::Secret(secret.clone()));
        }
        let value = wanted.arguments.pointer(&at_fault).unwrap_or(&Value::Null);
        let root = Piece::read(text).ok_or(Unamendable::Layout)?;
        let path = ["tools".to_owned(), at.to_string(), "arguments".to_owned()];
        let arguments = root.at(&path).ok_or(Unamendable::Layout)?;
        widen(text, arguments, &crossed, value)
            .map(Some)
            .ok_or(Unamendable::NoBound(crossed.sentence))
    }
}

/// A rule of its own for a tool that none declares, with exactly the arguments of the call.
fn declare(text: &str, wanted: &Wanted<'_>) -> Result<Widening, Unamendable> {
    let tool = wanted.target.to_string();
    let (name, privilege) = (write::text(&tool), wanted.privilege);
    let members = wanted.arguments.as_object().into_iter().flatten();
    let properties: Vec<String> = members
        .map(|(argument, value)| {
            let pointer = format!("/{}", argument.replace('~', "~0").replace('/', "~1"));
            let inside = format!("{pointer}/");
            let mut secrets = wanted.secrets.iter();
            match secrets.find(|secret| **secret == pointer || secret.starts_with(&inside)) {
                Some(secret) => Err(Unamendable::Secret(secret.clone())),
                None => Ok(format!(
                    "{}: {{const: {}}}",
                    write::text(argument),
                    write::value(value)
                )),
            }
        })
        .collect::<Result<_, _>>()?;
    let flow = format!(
        "{{tool: {name}, privilege: {privilege}, arguments: {{properties: {{{}}}}}}}",
        properties.join(", ")
    );
    let mut lines = vec![
        format!("tool: {name}"),
        format!(
            "privilege: {privilege} # nobody has said how far up it stands; lower it only if you know"
        ),
    ];
    if properties.is_empty() {
        lines.push("arguments: {}".to_owned());
    } else {
        lines.push("arguments:".to_owned());
        lines.push("  properties:".to_owned());
        lines.extend(properties.iter().map(|property| format!("    {property}")));
    }
    let root = Piece::read(text).ok_or(Unamendable::Layout)?;
    let edit = match root.member("tools") {
        Some(tools) => Edit::append(text, &tools.value, &flow, &lines),
        None => {
            let marks = std::iter::once("- ").chain(std::iter::repeat("  "));
            let items: Vec<String> = marks
                .zip(&lines)
                .map(|(mark, line)| format!("{mark}{line}"))
                .collect();
            Edit::insert(text, &root, "tools", &format!("[{flow}]"), &items)
        }
    };
    let sentence = format!("{tool} may be called, as `{privilege}`, with exactly these arguments");
    edit.map(|edit| Widening {
        edits: vec![edit],
        sentence,
    })
    .ok_or(Unamendable::Layout)
}

/// The directory in which a patch of that file applies, and the file's name in it.
fn placed(file: &str) -> (String, String) {
    let path = Path::new(file);
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if path.is_absolute() => (
            parent.display().to_string(),
            name.to_string_lossy().into_owned(),
        ),
        _ => {
            let name = file.strip_prefix("./").unwrap_or(file);
            (String::new(), name.to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
