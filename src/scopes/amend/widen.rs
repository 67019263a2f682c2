//! From a bound that a value crosses to the edit that moves it just so far.

use serde_json::{Value, json};

use super::super::judgement::Crossed;
use super::super::normal;
use super::edit::Edit;
use super::layout::{Form, Piece};
use super::write;

/// What is changed, and what that lets through, in words.
pub(super) struct Widening {
    pub(super) edits: Vec<Edit>,
    pub(super) sentence: String,
}

/// Moves the one bound that was crossed as far as the value; nothing where it is no bound that could be
/// moved, or is not written in a way that can be edited.
pub(super) fn widen(
    text: &str,
    arguments: &Piece,
    crossed: &Crossed,
    value: &Value,
) -> Option<Widening> {
    let (keyword, path) = crossed.keyword.split_last()?;
    let schema = arguments.at(path)?;
    let place = spoken(path);
    let made = |edits, sentence| Some(Widening { edits, sentence });
    let object = Place {
        text,
        schema,
        place: &place,
    };
    match keyword.as_str() {
        "required" => object.spare(crossed.name.as_deref()?),
        "additionalProperties" | "unevaluatedProperties" => {
            object.name(crossed.name.as_deref()?, value)
        }
        "maximum" | "minimum" if value.is_number() => object.bound(keyword, keyword, value),
        "exclusiveMaximum" if value.is_number() => object.bound(keyword, "maximum", value),
        "exclusiveMinimum" if value.is_number() => object.bound(keyword, "minimum", value),
        "maxLength" | "minLength" => {
            object.bound(keyword, keyword, &value.as_str()?.chars().count().into())
        }
        "maxItems" | "minItems" => object.bound(keyword, keyword, &value.as_array()?.len().into()),
        "maxProperties" | "minProperties" => {
            object.bound(keyword, keyword, &value.as_object()?.len().into())
        }
        "const" => {
            let member = schema.member(keyword)?;
            let now = text.get(member.value.span.clone())?;
            let is_plain = matches!(member.value.form, Form::Scalar)
                && (now.starts_with(['"', '\'']) || !now.contains([',', '[', ']', '{', '}', '#']));
            let is_line = is_plain || member.value.is_flow(text) && !now.contains('\n');
            let both = format!("[{now}, {}]", write::value(value));
            let edits = vec![
                Edit::replace(&member.at, "enum".to_owned()),
                Edit::replace(&member.value.span, both),
            ];
            is_line.then(|| {
                made(
                    edits,
                    format!("{place} may also be {}", write::value(value)),
                )
            })?
        }
        "enum" | "anyOf" => {
            let item = match keyword.as_str() {
                "anyOf" => json!({"const": value}),
                _ => value.clone(),
            };
            let item = write::value(&item);
            let list = &schema.member(keyword)?.value;
            let edit = Edit::append(text, list, &item, std::slice::from_ref(&item))?;
            let sentence = format!("{place} may also be {}", write::value(value));
            made(vec![edit], sentence)
        }
        "path_under" | "host_in" => object.list(keyword, value),
        "pattern" | "format" | "multipleOf" => object.either(keyword, value),
        _ => None,
    }
}

/// One schema of the manifest.
struct Place<'a> {
    text: &'a str,
    schema: &'a Piece,
    place: &'a str,
}

impl Place<'_> {
    fn made(&self, edits: Vec<Edit>, sentence: String) -> Option<Widening> {
        Some(Widening { edits, sentence })
    }

    fn bound(&self, keyword: &str, becomes: &str, limit: &Value) -> Option<Widening> {
        let member = self.schema.member(keyword)?;
        let was = self.text.get(member.value.span.clone())?;
        let mut edits = Vec::new();
        if keyword != becomes {
            edits.push(Edit::replace(&member.at, becomes.to_owned()));
        }
        edits.push(Edit::replace(&member.value.span, write::value(limit)));
        let place = self.place;
        let sentence = match keyword == becomes {
            true => format!("{place}: `{keyword}` becomes {limit}, was {was}"),
            false => format!("{place}: `{keyword}` {was} becomes `{becomes}` {limit}"),
        };
        self.made(edits, sentence)
    }

    /// A required argument that was absent.
    fn spare(&self, name: &str) -> Option<Widening> {
        let edit = self.optional(name)?;
        self.made(vec![edit], format!("{} may be absent", self.under(name)))
    }

    /// An argument that nothing names.
    fn name(&self, name: &str, value: &Value) -> Option<Widening> {
        let schema = format!("{{const: {}}}", write::value(value));
        let named = format!("{}: {schema}", write::text(name));
        let sentence = format!(
            "{} may be given, as {}",
            self.under(name),
            write::value(value)
        );
        if let Form::Map(keys) = &self.schema.form
            && keys.is_empty()
        {
            let item = write::text(name);
            let whole = format!("{{properties: {{{named}}}, optional: [{item}]}}");
            return self.made(vec![Edit::replace(&self.schema.span, whole)], sentence);
        }
        let property = match self.schema.member("properties") {
            Some(properties) => Edit::insert(self.text, &properties.value, name, &schema, &[])?,
            None => {
                let flow = format!("{{{named}}}");
                Edit::insert(self.text, self.schema, "properties", &flow, &[named])?
            }
        };
        let edits = vec![property, self.optional(name)?];
        self.made(edits, sentence)
    }

    fn optional(&self, name: &str) -> Option<Edit> {
        let item = write::text(name);
        match self.schema.member("optional") {
            Some(list) => Edit::append(self.text, &list.value, &item, std::slice::from_ref(&item)),
            None => {
                let list = format!("[{item}]");
                Edit::insert(self.text, self.schema, "optional", &list, &[])
            }
        }
    }

    /// A list of roots or hosts.
    fn list(&self, keyword: &str, value: &Value) -> Option<Widening> {
        let listed = match (keyword, value) {
            ("path_under", Value::String(path)) => path.clone(),
            ("host_in", Value::String(url)) => normal::normal_host(url)?,
            _ => return None,
        };
        let item = write::text(&listed);
        let list = &self.schema.member(keyword)?.value;
        let edit = Edit::append(self.text, list, &item, std::slice::from_ref(&item))?;
        let sentence = match keyword {
            "path_under" => format!("{} may also be {item}, or under it", self.place),
            _ => format!("{} may also be of the host {item}", self.place),
        };
        self.made(vec![edit], sentence)
    }

    /// A keyword that cannot be moved a little: the value is let in beside it.
    fn either(&self, keyword: &str, value: &Value) -> Option<Widening> {
        let member = self.schema.member(keyword)?;
        let was = self.text.get(member.value.span.clone())?;
        let is_safe = matches!(member.value.form, Form::Scalar)
            && (was.starts_with(['"', '\'']) || !was.contains([',', '[', ']', '{', '}', '#']));
        let value = write::value(value);
        let both = format!("anyOf: [{{{keyword}: {was}}}, {{const: {value}}}]");
        let edit = Edit::replace(&(member.at.start..member.value.span.end), both);
        let sentence = format!("{} may also be {value}", self.place);
        is_safe.then(|| self.made(vec![edit], sentence))?
    }

    fn under(&self, name: &str) -> String {
        let name = name.replace('~', "~0").replace('/', "~1");
        match self.place {
            "the argument object" => format!("/{name}"),
            place => format!("{place}/{name}"),
        }
    }
}

/// The place of a schema as a pointer into the arguments; a star stands for any of several.
fn spoken(path: &[String]) -> String {
    let mut place = String::new();
    let mut tokens = path.iter();
    while let Some(token) = tokens.next() {
        match token.as_str() {
            "properties" | "prefixItems" => {
                let name = tokens.next().map(String::as_str).unwrap_or_default();
                place.push('/');
                place.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            "items" | "additionalProperties" => place.push_str("/*"),
            "patternProperties" => {
                tokens.next();
                place.push_str("/*");
            }
            "anyOf" | "allOf" => {
                tokens.next();
            }
            _ => {}
        }
    }
    match place.is_empty() {
        true => "the argument object".to_owned(),
        false => place,
    }
}
