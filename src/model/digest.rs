//! SHA-256 over length-prefixed fields, so that no two lists of fields share their bytes.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256, digest as digest_of};

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// From its 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest of plain bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut digest = [0; 32];
        digest.copy_from_slice(digest_of(&SHA256, bytes).as_ref());
        Self(digest)
    }

    /// From 64 hexadecimal digits in lower case; nothing else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Builds a digest field by field: each field is preceded by its length as eight big-endian bytes.
pub struct Fields(Context);

impl Fields {
    /// Begins with the domain, which keeps digests of one purpose apart from those of another.
    #[must_use]
    pub fn new(domain: &str) -> Self {
        Self(Context::new(&SHA256)).field(domain.as_bytes())
    }

    /// Adds one field.
    #[must_use]
    pub fn field(mut self, bytes: &[u8]) -> Self {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds a field that may be absent; absent and empty differ.
    #[must_use]
    pub fn optional(self, bytes: Option<&[u8]>) -> Self {
        match bytes {
            Some(bytes) => self.field(&[1]).field(bytes),
            None => self.field(&[0]),
        }
    }

    /// The digest of all fields so far.
    #[must_use]
    pub fn digest(self) -> Digest {
        finish(self.0)
    }
}

fn finish(hash: Context) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.finish().as_ref());
    Digest(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_byte_between_fields_changes_the_digest() {
        let one = Fields::new("t").field(b"ab").field(b"c").digest();
        let other = Fields::new("t").field(b"a").field(b"bc").digest();
        assert_ne!(one, other);
        assert_ne!(
            Fields::new("t").optional(None).digest(),
            Fields::new("t").optional(Some(b"")).digest()
        );
    }

    #[test]
    fn hex_round_trips_and_upper_case_is_refused() {
        let digest = Digest::of(b"x");
        assert_eq!(Digest::from_hex(&digest.to_string()), Some(digest));
        assert_eq!(Digest::from_hex(&digest.to_string().to_uppercase()), None);
    }
}
