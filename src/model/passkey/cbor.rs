//! As much CBOR as authenticators write: definite lengths, shortest heads, no tags, no floats.

use crate::limits::{CBOR_DEPTH_LEVELS, CBOR_ITEMS_COUNT};

/// One item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Item<'a> {
    /// A whole number.
    Number(i64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Text.
    Text(&'a str),
    /// A list.
    List(Vec<Self>),
    /// Pairs in the order in which they stand, no key twice.
    Map(Vec<(Self, Self)>),
    /// True, false, null or undefined.
    Simple(u8),
}

impl<'a> Item<'a> {
    /// The value of a key that is a text.
    pub(super) fn named(&self, key: &'a str) -> Option<&Self> {
        self.value(&Self::Text(key))
    }

    /// The value of a key that is a number.
    pub(super) fn numbered(&self, key: i64) -> Option<&Self> {
        self.value(&Self::Number(key))
    }

    /// The bytes, where it is bytes.
    pub(super) const fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The number, where it is one.
    pub(super) const fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn value(&self, key: &Self) -> Option<&Self> {
        match self {
            Self::Map(pairs) => pairs
                .iter()
                .find(|(known, _)| known == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }
}

/// The item that the bytes begin with, and what follows it.
pub(super) fn read(bytes: &[u8]) -> Option<(Item<'_>, &[u8])> {
    let mut reader = Reader {
        rest: bytes,
        items: 0,
    };
    let item = reader.item(0)?;
    Some((item, reader.rest))
}

struct Reader<'a> {
    rest: &'a [u8],
    items: usize,
}

impl<'a> Reader<'a> {
    fn item(&mut self, depth: usize) -> Option<Item<'a>> {
        self.items += 1;
        if depth > CBOR_DEPTH_LEVELS || self.items > CBOR_ITEMS_COUNT {
            return None;
        }
        let (kind, size) = self.head()?;
        Some(match kind {
            0 => Item::Number(i64::try_from(size).ok()?),
            1 => Item::Number(-1 - i64::try_from(size).ok()?),
            2 => Item::Bytes(self.take(size)?),
            3 => Item::Text(std::str::from_utf8(self.take(size)?).ok()?),
            4 => {
                let mut list = Vec::new();
                for _ in 0..size {
                    list.push(self.item(depth + 1)?);
                }
                Item::List(list)
            }
            5 => {
                let mut pairs: Vec<(Item<'a>, Item<'a>)> = Vec::new();
                for _ in 0..size {
                    let key = self.item(depth + 1)?;
                    let value = self.item(depth + 1)?;
                    if pairs.iter().any(|(known, _)| *known == key) {
                        return None;
                    }
                    pairs.push((key, value));
                }
                Item::Map(pairs)
            }
            7 if (20..=23).contains(&size) => Item::Simple(u8::try_from(size).ok()?),
            _ => return None,
        })
    }

    /// The kind of an item, and its number or length, which must stand in its shortest form.
    fn head(&mut self) -> Option<(u8, u64)> {
        let (&[first], rest) = self.rest.split_first_chunk::<1>()?;
        self.rest = rest;
        let (size, least) = match first & 0x1f {
            small @ 0..24 => (u64::from(small), 0),
            24 => (u64::from(u8::from_be_bytes(self.array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.array()?)), 1 << 8),
            26 => (u64::from(u32::from_be_bytes(self.array()?)), 1 << 16),
            27 => (u64::from_be_bytes(self.array()?), 1 << 32),
            _ => return None,
        };
        (size >= least).then_some((first >> 5, size))
    }

    fn take(&mut self, size: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(size).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_authenticators_write_is_read() {
        let (item, rest) = read(&[0xa2, 0x01, 0x02, 0x61, b'a', 0x42, 1, 2, 9]).unwrap();
        assert_eq!(item.numbered(1), Some(&Item::Number(2)));
        assert_eq!(item.named("a").and_then(Item::bytes), Some(&[1, 2][..]));
        assert_eq!(rest, [9]);
        assert_eq!(
            read(&[0x39, 0x01, 0x00]),
            Some((Item::Number(-257), &[][..]))
        );
        assert_eq!(read(&[0xf5]), Some((Item::Simple(21), &[][..])));
    }

    #[test]
    fn anything_else_is_refused_and_nothing_panics() {
        for bytes in [
            &[][..],
            &[0x18, 0x17],                   // not its shortest form
            &[0x5f, 0xff],                   // without a length
            &[0xc0, 0x00],                   // a tag
            &[0xfa, 0, 0, 0, 0],             // a float
            &[0xa2, 0x01, 0x02, 0x01, 0x03], // a key twice
            &[0x42, 0x01],                   // too short
            &[0x61, 0xff],                   // no text
            &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x81; 100], // too deep
        ] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
        let whole = [0xa2, 0x01, 0x02, 0x61, b'a', 0x42, 1, 2];
        for cut in 0..whole.len() {
            assert_eq!(read(&whole[..cut]), None);
        }
    }
}
