//! Points in time, in whole milliseconds since the Unix epoch.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

/// A wall-clock moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// From RFC 3339 with whole milliseconds, as this type prints; nothing finer, which would not come
    /// back the same.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let nanos = OffsetDateTime::parse(text, &Rfc3339)
            .ok()?
            .unix_timestamp_nanos();
        let millis = i64::try_from(nanos.div_euclid(1_000_000)).ok()?;
        (nanos.rem_euclid(1_000_000) == 0).then_some(Self(millis))
    }

    /// This moment moved forward; stops at the end of time.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// This moment moved back; stops at the beginning of time.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// This moment on a clock that was moved by so many milliseconds; stops at the ends of time.
    #[must_use]
    pub const fn moved(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// How long after `earlier` this is; zero if it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Timestamp {
    /// As mails tell it, RFC 2822 in UTC, without the milliseconds.
    #[must_use]
    pub fn mail(self) -> String {
        let moment = OffsetDateTime::from_unix_timestamp(self.0.div_euclid(1_000));
        let text = moment.ok().and_then(|moment| moment.format(&Rfc2822).ok());
        text.unwrap_or_else(|| "Thu, 01 Jan 1970 00:00:00 +0000".to_owned())
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok());
        match text {
            Some(text) => f.write_str(&text),
            // Outside the years a calendar can name, the number is still exact.
            None => write!(f, "{}ms", self.0),
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_as_rfc_3339() {
        assert_eq!(
            Timestamp::from_millis(1_700_000_000_123).to_string(),
            "2023-11-14T22:13:20.123Z"
        );
    }

    #[test]
    fn a_moment_reads_as_mails_tell_it() {
        let moment = Timestamp::from_millis(1_700_000_000_999);
        assert_eq!(moment.mail(), "Tue, 14 Nov 2023 22:13:20 +0000");
    }

    #[test]
    fn a_printed_moment_reads_back_and_a_finer_one_is_refused() {
        for millis in [0, 1_700_000_000_123, -1, 1_700_000_000_000] {
            let moment = Timestamp::from_millis(millis);
            assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
        }
        assert_eq!(Timestamp::parse("2023-11-14T22:13:20.1234Z"), None);
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn arithmetic_stops_at_the_ends_of_time() {
        assert_eq!(
            Timestamp::from_millis(i64::MAX)
                .after(Duration::MAX)
                .millis(),
            i64::MAX
        );
        assert_eq!(
            Timestamp::from_millis(5).since(Timestamp::from_millis(9)),
            Duration::ZERO
        );
    }
}
