//! The foreign words that a session has heard: noted before the first of them is delivered, and gone only
//! with the session.

use super::time::Timestamp;

/// How little the words that were heard are trusted; worst last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TaintGrade {
    /// They came from an upstream, and nobody vouches for them.
    Unvouched,
    /// They came from a source that the scope calls untrusted, or that no rule of it declares.
    Untrusted,
}

/// What a session has heard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taint {
    /// How little it is trusted.
    pub grade: TaintGrade,
    /// Since when.
    pub since: Timestamp,
    /// From where: a target, or the server alone where the words came outside of any call.
    pub source: String,
    /// Whether another session of the same credential heard it, and this one was opened after.
    pub copied: bool,
}

impl TaintGrade {
    /// Every grade, worst last.
    pub const ALL: [Self; 2] = [Self::Unvouched, Self::Untrusted];

    /// The word in records, tables and screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unvouched => "unvouched",
            Self::Untrusted => "untrusted",
        }
    }

    /// The grade from its word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grade| grade.name() == name)
    }
}

impl Taint {
    /// Words that the session itself is about to hear.
    #[must_use]
    pub const fn heard(grade: TaintGrade, source: String, since: Timestamp) -> Self {
        Self {
            grade,
            since,
            source,
            copied: false,
        }
    }

    /// The same words, for a session that is opened after them.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            copied: true,
            ..self.clone()
        }
    }

    /// Whether it says more than what is known of a session: worse words, or words of its own where only
    /// another session's were known. What is known is never made less.
    #[must_use]
    pub fn adds_to(&self, known: Option<&Self>) -> bool {
        known.is_none_or(|known| {
            self.grade > known.grade || self.grade == known.grade && known.copied && !self.copied
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taint(grade: TaintGrade) -> Taint {
        Taint::heard(grade, "mail/read".to_owned(), Timestamp::default())
    }

    #[test]
    fn a_taint_only_grows() {
        let (less, more) = (taint(TaintGrade::Unvouched), taint(TaintGrade::Untrusted));
        assert!(less.adds_to(None) && more.adds_to(None));
        assert!(more.adds_to(Some(&less)) && more.adds_to(Some(&less.copy())));
        assert!(!less.adds_to(Some(&more)) && !less.adds_to(Some(&more.copy())));
        assert!(!more.adds_to(Some(&more)) && !more.copy().adds_to(Some(&more)));
        assert!(
            more.adds_to(Some(&more.copy())),
            "its own words outlast a copy"
        );
    }
}
