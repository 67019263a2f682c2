//! The record as JSON lines: entries, signed heads and public keys, one object a line.
//!
//! A body is carried byte for byte and never read here: what was hashed is what is exported, whatever
//! a JSON library would make of it.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::checkpoint::{Head, PublicKey, SignedHead};
use super::entry::StoredEntry;
use super::segment::Segment;
use crate::model::digest::Digest;
use crate::model::id::BootId;
use crate::model::time::Timestamp;

/// One line of an export or an anchor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Line {
    /// `{"record": {seq, previous, hash, body, disclosure?}}`
    Record(StoredEntry),
    /// `{"head": {count, hash, at, boot, key, signature}}`
    Head(SignedHead),
    /// `{"rotation": {seq, previous, hash, body}}`, an entry of a sealed segment that changes the key.
    Rotation(StoredEntry),
    /// `{"segment": {first, last, previous, hash, digest}}`, entries that are in a file of their own.
    Segment(Segment),
    /// `{"key": "…"}`, an Ed25519 public key in hexadecimal.
    Key(PublicKey),
}

/// Why a line was refused.
#[derive(Debug, thiserror::Error)]
pub enum LineFault {
    /// Not a line of this format.
    #[error("the line is not readable: {0}")]
    Unreadable(#[source] serde_json::Error),
    /// One of its members is not what it should be.
    #[error("the line's {0} is malformed")]
    Malformed(&'static str),
}

impl Line {
    /// The line without its end.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        match self {
            Self::Record(entry) => entry_line("record", entry),
            Self::Rotation(entry) => entry_line("rotation", entry),
            Self::Head(SignedHead {
                head,
                key,
                signature,
            }) => format!(
                r#"{{"head":{{"count":{},"hash":"{}","at":"{}","boot":"{}","key":"{key}","signature":"{}"}}}}"#,
                head.count,
                head.hash,
                head.at,
                head.boot,
                data_encoding::HEXLOWER.encode(signature)
            )
            .into_bytes(),
            Self::Segment(segment) => format!(
                r#"{{"segment":{{"first":{},"last":{},"previous":"{}","hash":"{}","digest":"{}"}}}}"#,
                segment.first, segment.last, segment.previous, segment.hash, segment.digest
            )
            .into_bytes(),
            Self::Key(key) => format!(r#"{{"key":"{key}"}}"#).into_bytes(),
        }
    }

    /// Reads what [`Line::render`] wrote: unknown, missing or repeated members are refused.
    ///
    /// # Errors
    /// [`LineFault`].
    pub fn parse(line: &str) -> Result<Self, LineFault> {
        match serde_json::from_str(line).map_err(LineFault::Unreadable)? {
            Wire::Record(record) => record.entry().map(Self::Record),
            Wire::Rotation(record) => record.entry().map(Self::Rotation),
            Wire::Head(head) => Ok(Self::Head(SignedHead {
                head: Head {
                    count: head.count,
                    hash: digest(&head.hash, "hash")?,
                    at: Timestamp::parse(&head.at).ok_or(LineFault::Malformed("time"))?,
                    boot: BootId::parse(&head.boot).ok_or(LineFault::Malformed("run"))?,
                },
                key: head.key,
                signature: data_encoding::HEXLOWER
                    .decode(head.signature.as_bytes())
                    .map_err(|_| LineFault::Malformed("signature"))?,
            })),
            Wire::Segment(segment) => Ok(Self::Segment(Segment {
                first: segment.first,
                last: segment.last,
                previous: digest(&segment.previous, "previous hash")?,
                hash: digest(&segment.hash, "hash")?,
                digest: digest(&segment.digest, "digest")?,
            })),
            Wire::Key(key) => PublicKey::from_hex(&key)
                .map(Self::Key)
                .ok_or(LineFault::Malformed("key")),
        }
    }
}

/// An entry under that name; its body and disclosure byte for byte.
fn entry_line(name: &str, entry: &StoredEntry) -> Vec<u8> {
    let begin = format!(
        r#"{{"{name}":{{"seq":{},"previous":"{}","hash":"{}","body":"#,
        entry.seq, entry.previous, entry.hash
    );
    let disclosure = entry.disclosure.as_deref();
    let length = begin.len() + entry.body.len() + disclosure.map_or(0, <[u8]>::len);
    let mut line = Vec::with_capacity(length + 32);
    line.extend_from_slice(begin.as_bytes());
    line.extend_from_slice(&entry.body);
    if let Some(disclosure) = disclosure {
        line.extend_from_slice(br#","disclosure":"#);
        line.extend_from_slice(disclosure);
    }
    line.extend_from_slice(b"}}");
    line
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Wire<'a> {
    #[serde(borrow)]
    Record(WireRecord<'a>),
    #[serde(borrow)]
    Rotation(WireRecord<'a>),
    Head(WireHead),
    Segment(WireSegment),
    Key(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRecord<'a> {
    seq: u64,
    previous: String,
    hash: String,
    #[serde(borrow)]
    body: &'a RawValue,
    #[serde(borrow)]
    disclosure: Option<&'a RawValue>,
}

impl WireRecord<'_> {
    fn entry(self) -> Result<StoredEntry, LineFault> {
        Ok(StoredEntry {
            seq: self.seq,
            previous: digest(&self.previous, "previous hash")?,
            hash: digest(&self.hash, "hash")?,
            body: bytes(self.body),
            disclosure: self.disclosure.map(bytes),
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireHead {
    count: u64,
    hash: String,
    at: String,
    boot: String,
    key: String,
    signature: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSegment {
    first: u64,
    last: u64,
    previous: String,
    hash: String,
    digest: String,
}

fn bytes(raw: &RawValue) -> Vec<u8> {
    raw.get().as_bytes().to_vec()
}

fn digest(text: &str, what: &'static str) -> Result<Digest, LineFault> {
    Digest::from_hex(text).ok_or(LineFault::Malformed(what))
}

#[cfg(test)]
mod tests {
    use super::super::chain::Chain;
    use super::super::checkpoint::Signer;
    use super::*;
    use crate::ambient::Ambient;

    fn lines() -> Vec<Line> {
        let signer = Signer::from_seed(&[1; 32]).unwrap();
        let mut chain = Chain::begin();
        let body = br#"{"a":[1.50,"$serde_json::private::Number"],"b":"\n"}"#;
        let bare = chain.append(body.to_vec(), None);
        let disclosed = chain.append(b"{}".to_vec(), Some(b"[]".to_vec()));
        let boot = BootId::random(&Ambient::system());
        let head = signer.sign(&chain, Timestamp::from_millis(1_700_000_000_123), boot);
        vec![
            Line::Record(bare.clone()),
            Line::Record(disclosed),
            Line::Rotation(bare),
            Line::Head(head),
            Line::Key(signer.public().clone()),
            Line::Segment(Segment {
                first: 1,
                last: 2,
                previous: digest("00".repeat(32).as_str(), "").unwrap(),
                hash: chain.last(),
                digest: chain.last(),
            }),
        ]
    }

    fn text(line: &Line) -> String {
        String::from_utf8(line.render()).unwrap()
    }

    #[test]
    fn a_line_reads_back_byte_for_byte() {
        for line in lines() {
            assert_eq!(Line::parse(&text(&line)).unwrap(), line);
            assert!(!text(&line).contains('\n'));
        }
    }

    #[test]
    fn what_render_would_not_write_is_refused() {
        let record = text(&lines()[1]);
        let head = text(&lines()[3]);
        for line in [
            String::new(),
            "{}".to_owned(),
            r#"{"else":{}}"#.to_owned(),
            record.replace(r#""seq":2"#, r#""seq":2,"seq":2"#),
            record.replace(r#""seq":2"#, r#""seq":2,"x":2"#),
            record.replace(r#""seq":2"#, r#""seq":2.5"#),
            record.replace(r#""seq":2"#, r#""seq":-2"#),
            record.replace(r#""body":{}"#, r#""body":{"#),
            record.replace(r#""hash":""#, r#""hash":"0"#),
            format!("{record} {record}"),
            head.replace(".123Z", "Z?"),
            head.replace("boot_", "call_"),
        ] {
            assert!(Line::parse(&line).is_err(), "{line}");
        }
    }
}
