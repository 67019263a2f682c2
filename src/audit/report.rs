//! What a verification found.

use std::fmt;

use crate::limits::AUDIT_FINDINGS_COUNT;

/// How a record stands against its heads, and against anchors where there were any.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Entries that were read.
    pub entries: u64,
    /// Entries before them that are in sealed segments, which were not read.
    pub sealed: u64,
    /// Place of the last entry that a verified head covers.
    pub signed_through: u64,
    /// Entries after it: they chain, but nobody signed for them.
    pub unsigned_tail: u64,
    /// Place of the last entry that a verified anchor covers; nothing where no anchor was given or
    /// none held.
    pub anchored_through: Option<u64>,
    /// Changes of the key that signs heads, which were followed.
    pub rotations: u64,
    /// Decisions whose countersignature holds.
    pub countersigned: u64,
    /// Uses of break-glass among them.
    pub glasses: u64,
    /// Uses of break-glass that nobody has reviewed.
    pub unreviewed: u64,
    /// Decisions whose countersignature nobody could verify: the entry that names its passkey is in a
    /// sealed segment that was not read.
    pub unwitnessed: u64,
    /// Whether it was only the record's own word whose passkeys those are.
    pub witnessed_by_itself: bool,
    /// What is wrong, in the order of the record, as far as it is spelt out.
    pub findings: Vec<Finding>,
    /// How many findings beyond those.
    pub more: u64,
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What, as a sentence.
    pub what: String,
}

/// Where something is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// At an entry.
    Entry(u64),
    /// These entries are not there.
    Missing {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// At a signed head of the record itself that counts so many entries.
    Head(u64),
    /// At an anchor that counts so many entries.
    Anchor(u64),
    /// At a sealed segment.
    Segment {
        /// Its first entry.
        from: u64,
        /// Its last entry.
        to: u64,
    },
    /// Of the record as a whole.
    Record,
}

impl Report {
    /// Whether nothing is wrong. What that is worth depends on the anchors:
    /// [`Report::anchored_through`].
    #[must_use]
    pub const fn ok(&self) -> bool {
        self.findings.is_empty()
    }

    /// Notes something that is wrong.
    pub fn find(&mut self, place: Place, what: impl Into<String>) {
        if self.findings.len() < AUDIT_FINDINGS_COUNT {
            let what = what.into();
            self.findings.push(Finding { place, what });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// Brings the findings into the order of the record.
    pub(super) fn sort(&mut self) {
        self.findings
            .sort_by_key(|finding| finding.place.position());
    }
}

impl Place {
    /// The first entry that it concerns; of the record as a whole, after all of them.
    const fn position(self) -> u64 {
        match self {
            Self::Entry(seq) | Self::Head(seq) | Self::Anchor(seq) => seq,
            Self::Missing { from, .. } | Self::Segment { from, .. } => from,
            Self::Record => u64::MAX,
        }
    }
}

impl fmt::Display for Report {
    /// One line on the whole, then one for each finding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries, ", self.entries)?;
        match (self.ok(), self.anchored_through) {
            (false, _) => f.write_str("TAMPERED WITH OR DAMAGED")?,
            (true, None) => f.write_str("internally consistent, not anchored")?,
            (true, Some(count)) => write!(f, "consistent, anchored through entry {count}")?,
        }
        if self.sealed > 0 {
            write!(
                f,
                ", {} more in sealed segments that were not read",
                self.sealed
            )?;
        }
        match self.rotations {
            0 => {}
            1 => f.write_str(", across a change of key")?,
            count => write!(f, ", across {count} changes of key")?,
        }
        write!(f, "; unsigned tail: {}", self.unsigned_tail)?;
        if self.countersigned > 0 {
            write!(f, "; countersigned decisions: {}", self.countersigned)?;
            if self.witnessed_by_itself {
                f.write_str(", by passkeys that the record itself names")?;
            }
        }
        if self.glasses > 0 {
            write!(f, "; by break-glass: {}", self.glasses)?;
        }
        if self.unreviewed > 0 {
            write!(f, "; open reviews: {}", self.unreviewed)?;
        }
        if self.unwitnessed > 0 {
            write!(
                f,
                "; countersignatures by passkeys that only sealed segments name: {}",
                self.unwitnessed
            )?;
        }
        for finding in &self.findings {
            write!(f, "\n{finding}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\nand {more} findings more"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(seq) => write!(f, "entry {seq}"),
            Self::Missing { from, to } if from == to => write!(f, "entry {from}"),
            Self::Missing { from, to } => write!(f, "entries {from} to {to}"),
            Self::Head(count) => write!(f, "head of {count} entries"),
            Self::Anchor(count) => write!(f, "anchor of {count} entries"),
            Self::Segment { from, to } => write!(f, "segment of entries {from} to {to}"),
            Self::Record => f.write_str("record"),
        }
    }
}
