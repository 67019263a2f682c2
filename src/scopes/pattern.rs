//! What a rule speaks of: names written out, or with `*` standing for some of their characters.

use std::fmt;
use std::sync::Arc;

use crate::limits::PATTERN_LENGTH_BYTES;
use crate::model::json::is_plain_key;
use crate::model::name::{ServerName, ToolName};
use crate::model::target::{Target, TargetKind};

/// Which targets a rule speaks of.
///
/// | kind | form | `*` | `**` |
/// | --- | --- | --- | --- |
/// | tool | `server/tool` | within the half it stands in | refused |
/// | prompt | `name`, or `server/name` for one server | within its half | refused |
/// | resource | a URI, with `server` beside it for one server | never crosses `/` | crosses `/` |
/// | method | the method's name | never crosses `/` | refused; a lone `*` is every method |
#[derive(Clone, Debug)]
pub struct Pattern {
    kind: TargetKind,
    pub(super) server: Half,
    pub(super) name: Half,
    text: Arc<str>,
}

/// One half of a pattern.
#[derive(Clone, Debug)]
pub(super) enum Half {
    /// Every name.
    Any,
    /// This name.
    Exact(Arc<str>),
    /// Names of this form.
    Glob(Glob),
}

impl Pattern {
    /// The kind of target it speaks of.
    #[must_use]
    pub const fn kind(&self) -> TargetKind {
        self.kind
    }

    /// The pattern as the manifest wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether server and name are written out, so that it speaks of one target.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        matches!(self.server, Half::Exact(_)) && matches!(self.name, Half::Exact(_))
    }

    /// Whether it speaks of this target.
    ///
    /// A URI that is not its own normal form is matched only when written out in full, or by `**`
    /// alone: `/docs/../etc` is under `/docs/**` only for who reads it as text.
    #[must_use]
    pub fn matches(&self, target: &Target) -> bool {
        self.kind == target.kind
            && self.server.matches(target.server.as_str())
            && self.name_matches(&target.name)
    }

    /// Whether it speaks of anything on this server.
    #[must_use]
    pub(super) fn is_of(&self, server: &ServerName) -> bool {
        self.server.matches(server.as_str())
    }

    /// Whether its name half speaks of this name.
    pub(super) fn name_matches(&self, name: &str) -> bool {
        let Half::Glob(glob) = &self.name else {
            return self.name.matches(name);
        };
        (self.kind != TargetKind::Resource || is_normal_uri(name)) && glob.matches(name)
    }

    /// A tool, as `server/tool`.
    pub(super) fn tool(text: &str) -> Result<Self, String> {
        let (server, name) = text
            .split_once('/')
            .ok_or("a tool is named by its server and its name")?;
        Ok(Self {
            kind: TargetKind::Tool,
            server: half(server, |part| ServerName::parse(part).map(drop))?,
            name: half(name, |part| ToolName::parse(part).map(drop))?,
            text: Arc::from(text),
        })
    }

    /// A prompt, as `name` or `server/name`.
    pub(super) fn prompt(text: &str) -> Result<Self, String> {
        let (server, name) = match text.split_once('/') {
            Some((server, name)) => {
                let server = half(server, |part| ServerName::parse(part).map(drop))?;
                (server, name)
            }
            None => (Half::Any, text),
        };
        Ok(Self {
            kind: TargetKind::Prompt,
            server,
            name: half(name, plain)?,
            text: Arc::from(text),
        })
    }

    /// A resource, by its URI, of any server or of one.
    pub(super) fn resource(uri: &str, server: Option<&str>) -> Result<Self, String> {
        if uri.is_empty() || uri.len() > PATTERN_LENGTH_BYTES {
            return Err(format!("a URI has 1 to {PATTERN_LENGTH_BYTES} bytes"));
        }
        plain(uri)?;
        if uri == "*" {
            return Err(
                "`*` crosses no `/`, so it covers next to no URI; `**` covers all".to_owned(),
            );
        }
        let server = match server {
            Some(server) => half(server, |part| ServerName::parse(part).map(drop))?,
            None => Half::Any,
        };
        let name = match Glob::parse(uri) {
            _ if uri == "**" => Half::Any,
            Some(glob) => Half::Glob(glob),
            None => Half::Exact(Arc::from(uri)),
        };
        let text = match &server {
            Half::Any => Arc::from(uri),
            Half::Exact(server) => Arc::from(format!("{server} {uri}")),
            Half::Glob(server) => Arc::from(format!("{server} {uri}")),
        };
        Ok(Self {
            kind: TargetKind::Resource,
            server,
            name,
            text,
        })
    }

    /// A method of the protocol.
    pub(super) fn method(text: &str) -> Result<Self, String> {
        Ok(Self {
            kind: TargetKind::Method,
            server: Half::Any,
            name: half(text, |part| {
                let known = part.split('/').all(|word| {
                    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                });
                match known {
                    true => Ok(()),
                    false => {
                        Err("a method is words of letters and digits, joined by `/`".to_owned())
                    }
                }
            })?,
            text: Arc::from(text),
        })
    }

    /// The one target it speaks of, where it speaks of one.
    pub(super) fn exact(&self) -> Option<Target> {
        match (&self.server, &self.name) {
            (Half::Exact(server), Half::Exact(name)) => Some(Target {
                kind: self.kind,
                server: ServerName::parse(server).ok()?,
                name: Arc::clone(name),
            }),
            _ => None,
        }
    }

    /// A target it speaks of, each `*` played by a letter; `None` where that is no legal target.
    pub(super) fn sample(&self) -> Option<Target> {
        Some(Target {
            kind: self.kind,
            server: ServerName::parse(&self.server.sample()).ok()?,
            name: Arc::from(self.name.sample()),
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Half {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => **exact == *name,
            Self::Glob(glob) => glob.matches(name),
        }
    }

    fn sample(&self) -> String {
        match self {
            Self::Any => "x".to_owned(),
            Self::Exact(exact) => exact.to_string(),
            Self::Glob(glob) => glob.text.replace("**", "x").replace('*', "x"),
        }
    }
}

/// Text in which `*` stands for characters other than `/`, and `**` for any.
#[derive(Clone, Debug)]
pub(super) struct Glob {
    text: Arc<str>,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Char(char),
    Star,
    Stars,
}

impl Glob {
    /// `None` where nothing stands for anything else.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::with_capacity(text.len());
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            parts.push(match c {
                '*' if chars.next_if_eq(&'*').is_some() => Part::Stars,
                '*' => Part::Star,
                c => Part::Char(c),
            });
        }
        parts
            .iter()
            .any(|part| !matches!(part, Part::Char(_)))
            .then(|| Self {
                text: Arc::from(text),
                parts,
            })
    }

    /// Walks every possible reading at once, so that no name makes it slow.
    fn matches(&self, name: &str) -> bool {
        let literal = self
            .parts
            .iter()
            .take_while(|part| matches!(part, Part::Char(_)));
        if !literal
            .zip(name.chars())
            .all(|(part, c)| *part == Part::Char(c))
        {
            return false;
        }
        let mut live = vec![false; self.parts.len() + 1];
        if let Some(first) = live.first_mut() {
            *first = true;
        }
        self.skip_stars(&mut live);
        for c in name.chars() {
            let mut next = vec![false; live.len()];
            for (at, part) in self.parts.iter().enumerate() {
                if live.get(at) != Some(&true) {
                    continue;
                }
                let to = match part {
                    Part::Char(own) if *own == c => at + 1,
                    Part::Star if c != '/' => at,
                    Part::Stars => at,
                    _ => continue,
                };
                if let Some(state) = next.get_mut(to) {
                    *state = true;
                }
            }
            self.skip_stars(&mut next);
            live = next;
        }
        live.last() == Some(&true)
    }

    /// A star may stand for nothing.
    fn skip_stars(&self, live: &mut [bool]) {
        for (at, part) in self.parts.iter().enumerate() {
            if !matches!(part, Part::Char(_))
                && live.get(at) == Some(&true)
                && let Some(state) = live.get_mut(at + 1)
            {
                *state = true;
            }
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn half<E: fmt::Display>(
    text: &str,
    check: impl Fn(&str) -> Result<(), E>,
) -> Result<Half, String> {
    if text.len() > PATTERN_LENGTH_BYTES {
        return Err(format!(
            "a pattern has at most {PATTERN_LENGTH_BYTES} bytes"
        ));
    }
    if text.contains("**") {
        return Err("`**` stands only in the URI of a resource".to_owned());
    }
    if text == "*" {
        return Ok(Half::Any);
    }
    // A letter for each star: the rest must be what a name may consist of.
    check(&text.replace('*', "x")).map_err(|error| error.to_string())?;
    Ok(match Glob::parse(text) {
        Some(glob) => Half::Glob(glob),
        None => Half::Exact(Arc::from(text)),
    })
}

fn plain(text: &str) -> Result<(), String> {
    match !text.is_empty() && is_plain_key(text) {
        true => Ok(()),
        false => Err("a name is plain characters, none of them invisible".to_owned()),
    }
}

/// Whether a URI has one reading: no dot segments, empty segments, escapes, backslashes or controls.
fn is_normal_uri(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else {
        return false;
    };
    let scheme_is_plain = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+.-".contains(&b));
    let path = rest.strip_prefix("//").map_or(rest, |rest| {
        // The authority may be empty, as in `file:///srv`.
        rest.split_once('/').map_or("", |(_, path)| path)
    });
    let segments = path.strip_prefix('/').unwrap_or(path);
    scheme_is_plain
        && is_plain_key(uri)
        && !uri.contains(['\\', '%', ' '])
        && !segments
            .split('/')
            .any(|segment| [".", ".."].contains(&segment))
        && !segments.contains("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(kind: TargetKind, server: &str, name: &str) -> Target {
        Target {
            kind,
            server: ServerName::parse(server).unwrap(),
            name: Arc::from(name),
        }
    }

    fn tool(pattern: &str, server: &str, name: &str) -> bool {
        Pattern::tool(pattern)
            .unwrap()
            .matches(&target(TargetKind::Tool, server, name))
    }

    #[test]
    fn a_star_stays_in_its_half() {
        assert!(tool("files/read_*", "files", "read_file"));
        assert!(tool("files/read_*", "files", "read_"));
        assert!(!tool("files/read_*", "files", "unread_file"));
        assert!(!tool("files/read_*", "files2", "read_file"));
        assert!(tool("*/delete_*", "crm", "delete_all"));
        assert!(tool("c*m/*_*_x", "crm", "a_b_x"));
        assert!(!tool("c*m/*_*_x", "crm", "a_x"));
        assert!(tool("*/*", "crm", "anything"));
        // A name with a slash is matched by its half alone, never across it.
        assert!(!tool("*/delete", "crm", "x/delete"));
    }

    #[test]
    fn names_are_compared_exactly() {
        assert!(tool("crm/get", "crm", "get"));
        assert!(!tool("crm/get", "crm", "Get"));
        assert!(!tool("crm/get", "crm", "get "));
    }

    #[test]
    fn a_tool_without_a_server_or_with_odd_characters_is_refused() {
        for text in [
            "get", "crm/", "/get", "CRM/get", "crm/ge t", "crm/**", "crm/a/b", "c__m/x", "crm/[ab]",
        ] {
            assert!(Pattern::tool(text).is_err(), "{text}");
        }
    }

    fn resource(pattern: &str, uri: &str) -> bool {
        Pattern::resource(pattern, None).unwrap().matches(&target(
            TargetKind::Resource,
            "files",
            uri,
        ))
    }

    #[test]
    fn two_stars_cross_slashes_and_one_does_not() {
        assert!(resource("file:///srv/docs/**", "file:///srv/docs/a/b.md"));
        assert!(!resource("file:///srv/docs/*", "file:///srv/docs/a/b.md"));
        assert!(resource("file:///srv/docs/*", "file:///srv/docs/a.md"));
        assert!(!resource("file:///srv/docs/**", "file:///srv/docs2/a"));
        assert!(resource("**", "anything at all"));
        assert!(resource("db://x/*/rows", "db://x/t/rows"));
    }

    #[test]
    fn a_uri_with_two_readings_is_under_no_pattern() {
        for uri in [
            "file:///srv/docs/../../etc/passwd",
            "file:///srv/docs/./a",
            "file:///srv/docs/%2e%2e/etc",
            "file:///srv/docs//etc",
            "file:///srv/docs/..\\etc",
            "FILE:///srv/docs/a",
        ] {
            assert!(!resource("file:///srv/docs/**", uri), "{uri}");
        }
        assert!(resource("file:///srv/docs/%20a", "file:///srv/docs/%20a"));
    }

    #[test]
    fn a_resource_may_be_of_one_server() {
        let pattern = Pattern::resource("**", Some("files")).unwrap();
        assert!(pattern.matches(&target(TargetKind::Resource, "files", "a:b")));
        assert!(!pattern.matches(&target(TargetKind::Resource, "web", "a:b")));
        assert_eq!(pattern.as_str(), "files **");
    }

    #[test]
    fn prompts_and_methods_have_their_forms() {
        let prompt = |pattern: &str, server: &str, name: &str| {
            Pattern::prompt(pattern)
                .unwrap()
                .matches(&target(TargetKind::Prompt, server, name))
        };
        assert!(prompt("*", "crm", "summary"));
        assert!(prompt("summary", "crm", "summary"));
        assert!(!prompt("web/*", "crm", "summary"));
        let method = |pattern: &str, name: &str| {
            Pattern::method(pattern)
                .unwrap()
                .matches(&target(TargetKind::Method, "crm", name))
        };
        assert!(method("completion/complete", "completion/complete"));
        assert!(method("*", "completion/complete"));
        assert!(!method("completion*", "completion/complete"));
        assert!(Pattern::method("completion//complete").is_err());
    }

    #[test]
    fn a_long_name_of_many_stars_is_not_slow() {
        let stars = "a*".repeat(60);
        let name = "a".repeat(120);
        assert!(!tool(&format!("crm/{stars}b"), "crm", &name));
    }
}
