//! Time as a value: [`Timestamp`], and [`Clock`], the one place that reads the machine's clock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::format_description::well_known::{Rfc2822, Rfc3339};
use time::{OffsetDateTime, UtcDateTime};

/// 24 hours.
pub const SECONDS_A_DAY: i64 = 24 * 60 * 60;

/// A duration in whole milliseconds, rounded down.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A point in time in milliseconds since 1970-01-01T00:00:00Z. It is stored and queued as that integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time that is `millis` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Reads RFC 3339, such as `2025-01-15T11:00:00Z`. `None` for any other text.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text, &Rfc3339).ok().and_then(Self::from_date_time)
    }

    /// Reads RFC 2822, such as `Sun, 06 Nov 1994 08:49:37 +0000`. `None` for any other text.
    #[must_use]
    pub fn parse_rfc2822(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text, &Rfc2822).ok().and_then(Self::from_date_time)
    }

    fn from_date_time(time: OffsetDateTime) -> Option<Self> {
        i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok().map(Self)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This time plus `later`.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This time minus `earlier`.
    #[must_use]
    pub fn minus(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(earlier.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The time from `earlier` until this time. Zero if `earlier` is later than this time.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// ISO 8601 in UTC with milliseconds: `2025-01-15T11:00:00.250Z`.
    #[must_use]
    pub fn iso8601_millis(self) -> String {
        self.with_fraction(&format!(".{:03}", self.0.rem_euclid(1000)))
    }

    /// ISO 8601 in UTC with microseconds, which are zeros: `2025-01-15T11:00:00.000000Z`.
    #[must_use]
    pub fn iso8601_micros(self) -> String {
        self.with_fraction(".000000")
    }

    fn with_fraction(self, fraction: &str) -> String {
        let seconds = self.iso8601();
        format!("{}{fraction}Z", seconds.trim_end_matches('Z'))
    }

    /// ISO 8601 in UTC with whole seconds: `2025-01-15T11:00:00Z`.
    #[must_use]
    pub fn iso8601(self) -> String {
        UtcDateTime::from_unix_timestamp(self.seconds())
            .ok()
            .and_then(|time| time.format(&Rfc3339).ok())
            .unwrap_or_else(|| self.0.to_string())
    }
}

/// The source of the current time. The functions use [`Clock::system`]; a test may pass a clock of its own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn system() -> Self {
        Self::from_fn(|| {
            let nanos = OffsetDateTime::now_utc().unix_timestamp_nanos();
            Timestamp(i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX))
        })
    }

    /// A clock whose time is the result of `read`.
    pub fn from_fn(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Clock").field(&self.now()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso8601_has_whole_seconds_or_a_fraction_and_z() {
        let time = Timestamp::from_millis(1_736_938_800_099);
        assert_eq!(time.iso8601(), "2025-01-15T11:00:00Z");
        assert_eq!(time.iso8601_millis(), "2025-01-15T11:00:00.099Z");
        assert_eq!(time.iso8601_micros(), "2025-01-15T11:00:00.000000Z");
    }

    #[test]
    fn rfc3339_offsets_are_taken_into_account() {
        let parsed = Timestamp::parse_rfc3339("2025-01-15T13:00:00.250+02:00");
        assert_eq!(parsed, Some(Timestamp::from_millis(1_736_938_800_250)));
        assert_eq!(Timestamp::parse_rfc3339("yesterday"), None);
    }
}
