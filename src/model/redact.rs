//! What of foreign text may be kept, logged and traced: everything but secrets.
//!
//! Two things count as secrets: the values that a manifest calls so, in whatever spelling they come back,
//! and what has the form of a key, a token or a password. In their place stands a note of what was there.
//! A form may be taken for a secret that is none: a word lost in a log costs less than a key kept there.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};
use regex::{Regex, RegexSet};
use serde_json::{Map, Value};

use super::json;
use crate::limits::{REDACTED_SECRETS_COUNT, TEXT_BYTES};

/// Redacts the secrets of one call, and whatever has the form of a secret.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Spellings of the call's secrets, longest first.
    spellings: Option<Arc<[String]>>,
}

impl Redactor {
    /// For a call with these secrets: texts and numbers, at any depth.
    #[must_use]
    pub fn of<'a>(secrets: impl Iterator<Item = &'a Value>) -> Self {
        let mut plain = Vec::new();
        let mut left: Vec<&Value> = secrets.collect();
        while let Some(value) = left.pop() {
            match value {
                Value::Array(items) => left.extend(items),
                Value::Object(map) => left.extend(map.values()),
                Value::String(text) => plain.push(text.clone()),
                Value::Number(number) => plain.push(number.to_string()),
                Value::Bool(_) | Value::Null => {}
            }
            if plain.len() >= REDACTED_SECRETS_COUNT {
                break;
            }
        }
        let mut spellings: Vec<String> = plain.iter().flat_map(|one| spellings(one)).collect();
        spellings.retain(|one| one.len() >= SHORTEST_BYTES);
        spellings.sort_unstable_by(|one, other| (other.len(), other).cmp(&(one.len(), one)));
        spellings.dedup();
        Self {
            spellings: (!spellings.is_empty()).then(|| spellings.into()),
        }
    }

    /// Whether it knows any secret of a call.
    #[must_use]
    pub const fn knows_any(&self) -> bool {
        self.spellings.is_some()
    }

    /// The text without secrets.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for spelling in self.spellings.iter().flat_map(|all| all.iter()) {
            if text.contains(spelling.as_str()) {
                text = Cow::Owned(text.replace(spelling.as_str(), VALUE));
            }
        }
        formless(text)
    }

    /// At most [`TEXT_BYTES`] of the text without secrets, at a character's edge, saying that and how much
    /// was cut.
    #[must_use]
    pub fn clipped(&self, text: &str) -> String {
        // A secret that the cut would halve is seen whole, unless it is longer than all that is kept.
        let seen = head(text, 2 * TEXT_BYTES);
        let redacted = self.text(seen);
        match redacted.len() <= TEXT_BYTES && seen.len() == text.len() {
            true => redacted.into_owned(),
            false => format!(
                "{}… ({} bytes in all)",
                head(&redacted, TEXT_BYTES),
                text.len()
            ),
        }
    }

    /// The members without secrets, also those whose name says that they are one.
    #[must_use]
    pub fn members(&self, members: &Map<String, Value>) -> Map<String, Value> {
        let members = members.iter();
        let redacted = members.map(|(name, value)| {
            let value = match value {
                Value::String(_) | Value::Number(_) if SECRET_NAME.is_match(name) => NAMED.into(),
                value => self.value(value),
            };
            (self.text(name).into_owned(), value)
        });
        redacted.collect()
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text).into(),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => Value::Object(self.members(members)),
            Value::Number(number) => match self.text(number.as_str()) {
                Cow::Borrowed(_) => value.clone(),
                Cow::Owned(note) => note.into(),
            },
            Value::Bool(_) | Value::Null => value.clone(),
        }
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(…)")
    }
}

/// The text without what has the form of a secret.
#[must_use]
pub fn formless(text: Cow<'_, str>) -> Cow<'_, str> {
    let met = SET.matches(&text);
    if !met.matched_any() {
        return text;
    }
    let mut text = text;
    for at in met.iter() {
        if let Some((form, note)) = EACH.get(at)
            && let Cow::Owned(redacted) = form.replace_all(&text, *note)
        {
            text = Cow::Owned(redacted);
        }
    }
    text
}

/// Text that is spoken line by line, in which a key may span several.
#[derive(Default, Debug)]
pub struct Spoken {
    in_key: bool,
}

impl Spoken {
    /// The next line without secrets.
    #[must_use]
    pub fn line(&mut self, line: &str) -> String {
        let was_in_key = self.in_key;
        let begins = line.rfind(KEY_BEGINS).filter(|_| line.contains(KEY));
        let ends = line.rfind(KEY_ENDS);
        self.in_key = match (begins, ends) {
            (Some(begins), Some(ends)) => begins > ends,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => was_in_key,
        };
        match was_in_key {
            true => KEY_LINE.to_owned(),
            false => formless(line.into()).into_owned(),
        }
    }
}

/// How a secret may come back: as it is, escaped in JSON or a URL, or within something in base64, at each
/// of the three places where its bytes may begin there.
fn spellings(secret: &str) -> Vec<String> {
    let mut all = vec![secret.to_owned()];
    let mut escaped = Vec::new();
    json::canonical_text_into(&mut escaped, secret);
    if let Ok(escaped) = String::from_utf8(escaped) {
        all.push(escaped.trim_matches('"').to_owned());
    }
    let mut percent = String::new();
    for byte in secret.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                percent.push(char::from(byte));
            }
            byte => percent.push_str(&format!("%{byte:02X}")),
        }
    }
    all.push(percent.replace("%20", "+"));
    all.push(percent);
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(secret.as_bytes());
        // Letters that also hold bits of what stands before or after it may be any.
        let first = (before * 8).div_ceil(6);
        let last = bytes.len() * 8 / 6;
        for encoded in [BASE64_NOPAD.encode(&bytes), BASE64URL_NOPAD.encode(&bytes)] {
            if let Some(own) = encoded.get(first..last)
                && own.len() >= SHORTEST_BASE64_BYTES
            {
                all.push(own.to_owned());
            }
        }
    }
    all
}

fn head(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most))
        .unwrap_or_default()
}

const KEY_BEGINS: &str = "-----BEGIN ";
const KEY_ENDS: &str = "-----END ";
const KEY: &str = "PRIVATE KEY";
const KEY_LINE: &str = "[hidden: a line of a private key]";
/// In place of a secret of the call.
const VALUE: &str = "[hidden: a value of the call]";
/// In place of a member that is named like a secret.
const NAMED: &str = "[hidden: a value named so]";
/// Shorter secrets would be found in everything.
const SHORTEST_BYTES: usize = 4;
const SHORTEST_BASE64_BYTES: usize = 8;

/// Forms of secrets, each with the note that stands in its place. All take linear time.
const FORMS: [(&str, &str); 9] = [
    (
        r"(?s)-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY( BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY( BLOCK)?-----|\z)",
        "[hidden: a private key]",
    ),
    (r"\bcs[koe]_[a-z0-9]{16,}", "[hidden: a key of this guard]"),
    (
        r"\bcsp_[A-Za-z0-9_.-]{16,}",
        "[hidden: a permit of this guard]",
    ),
    (
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
        "[hidden: a signed token]",
    ),
    (
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
        "[hidden: an AWS access key]",
    ),
    (
        r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[a-z]-[A-Za-z0-9-]{10,}|npm_[A-Za-z0-9]{30,}|AIza[A-Za-z0-9_-]{30,}|[sr]k[-_](?:live_|test_|proj-|ant-)?[A-Za-z0-9_-]{20,})",
        "[hidden: a token of a service]",
    ),
    (
        r"(?i)\b(bearer|dpop|basic)(\s+)[A-Za-z0-9._~+/-]{16,}=*",
        "$1$2[hidden: a credential]",
    ),
    (
        r"(?i)\b([a-z][a-z0-9+.-]{0,20}://[^\s/?#:@]{0,256}:)[^\s/?#@]+@",
        "$1[hidden: a password]@",
    ),
    (
        r#"(?i)((?:pass(?:word|wd|phrase|code)|pwd|passwort|secret|api[_-]?key|(?:access|private|secret)[_-]?key|token|credentials?)\\?["']?\s{0,4}[=:]\s{0,4})(?:\\?"[^"\\]+\\?"|'[^']+'|[^\s"'\\,;&\[\]{}()<>]+)"#,
        "$1[hidden: a value named so]",
    ),
];

static EACH: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let forms = FORMS.iter();
    forms
        .filter_map(|(form, note)| Some((Regex::new(form).ok()?, *note)))
        .collect()
});

static SET: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSet::new(FORMS.map(|(form, _)| form)).unwrap_or_default());

static SECRET_NAME: LazyLock<Name> = LazyLock::new(|| {
    Name(Regex::new(r"(?i)(?:^|[^a-z])(?:pass(?:word|wd|phrase|code)|pwd|passwort|secret|api[_-]?key|(?:access|private|secret)[_-]?key|token|credentials?|authorization|cookie)$").ok())
});

/// The names of members that are secrets; with no such form, every name is.
struct Name(Option<Regex>);

impl Name {
    fn is_match(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|form| form.is_match(name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redacted(text: &str) -> String {
        Redactor::default().text(text).into_owned()
    }

    #[test]
    fn every_form_compiles() {
        assert_eq!(EACH.len(), FORMS.len());
        assert_eq!(SET.len(), FORMS.len());
        assert!(SECRET_NAME.0.is_some());
    }

    #[test]
    fn what_has_the_form_of_a_secret_is_replaced_by_what_it_was() {
        let long = "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6";
        for (text, told) in [
            (
                format!(
                    "key:\n-----BEGIN RSA PRIVATE KEY-----\n{long}\n-----END RSA PRIVATE KEY-----\nend"
                ),
                "key:\n[hidden: a private key]\nend".to_owned(),
            ),
            (
                format!("-----BEGIN PRIVATE KEY-----\n{long}\n cut"),
                "[hidden: a private key]".to_owned(),
            ),
            (
                format!("cso_{long}."),
                "[hidden: a key of this guard].".to_owned(),
            ),
            (
                format!("csp_{long}.{long}"),
                "[hidden: a permit of this guard]".to_owned(),
            ),
            (
                "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln for it".to_owned(),
                "got [hidden: a signed token] for it".to_owned(),
            ),
            (
                "id AKIAIOSFODNN7EXAMPLE".to_owned(),
                "id [hidden: an AWS access key]".to_owned(),
            ),
            (
                format!("ghp_{long}"),
                "[hidden: a token of a service]".to_owned(),
            ),
            (
                format!("sk-proj-{long}"),
                "[hidden: a token of a service]".to_owned(),
            ),
            (
                format!("Authorization: Bearer {long}"),
                "Authorization: Bearer [hidden: a credential]".to_owned(),
            ),
            (
                "postgres://ann:hunter2@db/x".to_owned(),
                "postgres://ann:[hidden: a password]@db/x".to_owned(),
            ),
            (
                "db_password=hunter2&x=1".to_owned(),
                "db_password=[hidden: a value named so]&x=1".to_owned(),
            ),
            (
                r#"{"apiKey": "two words", "n": 1}"#.to_owned(),
                r#"{"apiKey": [hidden: a value named so], "n": 1}"#.to_owned(),
            ),
            (
                r#"\"client_secret\":\"x\""#.to_owned(),
                r#"\"client_secret\":[hidden: a value named so]"#.to_owned(),
            ),
        ] {
            assert_eq!(redacted(&text), told);
            // Twice is as once.
            assert_eq!(redacted(&told), told);
        }
    }

    #[test]
    fn plain_words_pass_as_they_are() {
        for text in [
            "the token has expired, and its password was changed",
            "no rule names crm/find; 412 calls in 30 days",
            "3f1c09aa7be2d4813f1c09aa7be2d4813f1c09aa7be2d4813f1c09aa7be2d481",
            "se_f05dpuqclvitt0uaa9ada70iac wants https://example.com/a?b=c@d",
            "/amount is above 100 and a basic understanding",
        ] {
            assert!(
                matches!(Redactor::default().text(text), Cow::Borrowed(_)),
                "{text}: {}",
                redacted(text)
            );
        }
    }

    #[test]
    fn a_secret_of_the_call_is_found_in_every_spelling() {
        let secret = "hunter\"2 é/+";
        let secrets = json!({"a": [secret, 471_100, true, "x"]});
        let redactor = Redactor::of([&secrets].into_iter());
        for before in ["", "u", "us", "use"] {
            let inner = format!("{before}{secret}:more");
            let encoded = data_encoding::BASE64.encode(inner.as_bytes());
            let told = redactor.text(&encoded).into_owned();
            assert!(told.contains(VALUE), "{before}: {encoded} {told}");
        }
        for text in [
            secret.to_owned(),
            json!({"error": secret}).to_string(),
            "at hunter%222%20%C3%A9%2F%2B".to_owned(),
            "at hunter%222+%C3%A9%2F%2B".to_owned(),
            "pin 471100.".to_owned(),
        ] {
            let told = redactor.text(&text);
            assert!(told.contains(VALUE), "{text}: {told}");
            assert!(!told.contains("hunter") && !told.contains("4711"), "{told}");
        }
        // Too short to be told from anything else.
        assert_eq!(redactor.text("x is true"), "x is true");
        assert!(!Redactor::of([&json!(["ab", null])].into_iter()).knows_any());
    }

    #[test]
    fn a_key_that_is_spoken_line_by_line_is_left_out_to_its_end() {
        let mut spoken = Spoken::default();
        let lines = [
            "before",
            "-----BEGIN EC PRIVATE KEY-----",
            "MHcCAQEE",
            "-----END EC PRIVATE KEY-----",
            "after",
            "-----BEGIN CERTIFICATE-----",
            "public",
        ];
        let told: Vec<_> = lines.iter().map(|line| spoken.line(line)).collect();
        assert_eq!(
            told,
            [
                "before",
                "[hidden: a private key]",
                KEY_LINE,
                KEY_LINE,
                "after",
                "-----BEGIN CERTIFICATE-----",
                "public",
            ]
        );
    }

    #[test]
    fn members_named_like_a_secret_are_redacted_whole() {
        let members = json!({
            "db_password": "plain", "token": 12, "tokens": 12, "passwords_seen": 3,
            "nested": [{"Authorization": "x y", "ok": "fine"}], "note": "secret=abc"
        });
        let redacted = Redactor::default().members(members.as_object().unwrap());
        assert_eq!(
            Value::Object(redacted),
            json!({
                "db_password": NAMED, "token": NAMED, "tokens": 12, "passwords_seen": 3,
                "nested": [{"Authorization": NAMED, "ok": "fine"}],
                "note": "secret=[hidden: a value named so]"
            })
        );
    }

    #[test]
    fn a_cut_halves_no_secret_and_says_how_much_there_was() {
        let redactor = Redactor::default();
        let text = format!("{}ghp_{}", "ä ".repeat(TEXT_BYTES / 3 - 4), "x1".repeat(40));
        let told = redactor.clipped(&text);
        assert!(!told.contains("x1"), "{told}");
        let long = "b".repeat(3 * TEXT_BYTES);
        let told = redactor.clipped(&long);
        assert!(told.ends_with(&format!("… ({} bytes in all)", long.len())));
        assert!(told.len() < TEXT_BYTES + 40);
        assert_eq!(redactor.clipped("short"), "short");
    }

    #[test]
    fn a_hostile_text_takes_no_longer_than_its_length_asks() {
        let ambient = crate::ambient::Ambient::system();
        let began = ambient.monotonic();
        for part in [
            "-----BEGIN PRIVATE KEY-----",
            "password=",
            "a://b:",
            "eyJaaaaaaaaa.",
        ] {
            let text = part.repeat(1_000_000 / part.len());
            let _ = redacted(&text);
        }
        let took = ambient.monotonic().saturating_sub(began);
        assert!(took < std::time::Duration::from_secs(20), "{took:?}");
    }
}
