//! When to make the next attempt. Pure: the current time, the jitter sample and the answer are arguments.

use std::str::FromStr;
use std::time::Duration;

use domain::time::Timestamp;

/// The longest wait that a receiver's `Retry-After` can cause.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// 410 Gone (RFC 9110, 15.5.11).
const GONE: u16 = 410;

/// The waits between attempts. The first wait follows the first attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

impl Schedule {
    /// All waits together.
    #[must_use]
    pub fn span(&self) -> Duration {
        self.0.iter().sum()
    }
}

/// One wait, as the settings write it: `30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub Duration);

/// The text is not a wait.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a wait: use a whole number and ms, s, m, h or d, as in 5s or 30m")]
pub struct InvalidWait(String);

impl FromStr for Schedule {
    type Err = InvalidWait;

    /// Reads waits separated by commas: `5s,5m,30m,2h`. Each is a whole number and `ms`, `s`, `m`, `h` or `d`. The
    /// empty text means no retries.
    fn from_str(text: &str) -> Result<Self, InvalidWait> {
        if text.trim().is_empty() {
            return Ok(Self(Vec::new()));
        }
        text.split(',')
            .map(str::trim)
            .map(|wait| wait.parse().map(|Wait(duration)| duration))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl FromStr for Wait {
    type Err = InvalidWait;

    /// Reads a whole number and `ms`, `s`, `m`, `h` or `d`: `30m`.
    fn from_str(text: &str) -> Result<Self, InvalidWait> {
        let invalid = || InvalidWait(text.to_owned());
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?);
        let millis_a_unit: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(invalid()),
        };
        let millis =
            number.parse().ok().and_then(|number: u64| number.checked_mul(millis_a_unit)).ok_or_else(invalid)?;
        Ok(Self(Duration::from_millis(millis)))
    }
}

/// The next step after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// The endpoint answered with a 2xx.
    Delivered,
    /// Make another attempt at this time.
    RetryAt(Timestamp),
    /// No attempt is left.
    Exhausted,
    /// The endpoint answered 410 Gone: the webhook is to be disabled.
    Gone,
}

/// The parts of an attempt that decide the next step.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The attempt's number, from 1.
    pub number: u32,
    /// The answer's status. `None` if there was no answer.
    pub status: Option<u16>,
    /// The answer's `Retry-After`, as sent.
    pub retry_after: Option<&'a str>,
}

/// A webhook's retry policy.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// The waits between attempts. There are never more retries than waits.
    pub schedule: &'a Schedule,
    /// The most attempts after the first.
    pub retries_max: u8,
    /// How far a wait may differ from the schedule: 0.2 is ±20 %.
    pub jitter: f64,
}

/// The next step after `attempt`, which ended `now`. `jitter_sample`, from -1 to 1, picks a wait within the jitter.
#[must_use]
pub fn next_step(attempt: Attempt<'_>, policy: Policy<'_>, now: Timestamp, jitter_sample: f64) -> NextStep {
    if attempt.status.is_some_and(|status| (200..300).contains(&status)) {
        return NextStep::Delivered;
    }
    if attempt.status == Some(GONE) {
        return NextStep::Gone;
    }
    let mut waits = policy.schedule.0.iter().take(usize::from(policy.retries_max));
    let index = usize::try_from(attempt.number.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(wait) = waits.nth(index) else {
        return NextStep::Exhausted;
    };
    let jittered = wait.mul_f64((1.0 + policy.jitter * jitter_sample).max(0.0));
    let asked = attempt.retry_after.and_then(|text| retry_after(text, now)).unwrap_or(Duration::ZERO);
    NextStep::RetryAt(now.plus(jittered.max(asked)))
}

/// The wait that a `Retry-After` asks for (RFC 9110, 10.2.3): seconds, or an HTTP date. At most [`RETRY_AFTER_MAX`].
/// `None` for an invalid text and for a time that has passed.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number with too many digits to fit is over the maximum in any case.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        http_date(text)?.since(now)
    };
    (wait > Duration::ZERO).then(|| wait.min(RETRY_AFTER_MAX))
}

/// The one date format that senders may generate: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    let rest = text.strip_suffix(" GMT")?;
    Timestamp::parse_rfc2822(&format!("{rest} +0000"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(784_111_777_000);

    fn decide(
        status: Option<u16>,
        number: u32,
        retries_max: u8,
        retry_after: Option<&str>,
        jitter_sample: f64,
    ) -> NextStep {
        let schedule = "5s,5m,2h".parse().unwrap();
        let policy = Policy { schedule: &schedule, retries_max, jitter: 0.2 };
        next_step(Attempt { number, status, retry_after }, policy, NOW, jitter_sample)
    }

    fn in_s(seconds: u64) -> NextStep {
        NextStep::RetryAt(NOW.plus(Duration::from_secs(seconds)))
    }

    #[test]
    fn schedules_are_read_and_misspelt_ones_named() {
        assert_eq!(
            "100ms, 2s,3m,4h,5d".parse::<Schedule>().unwrap().0.iter().map(Duration::as_millis).collect::<Vec<_>>(),
            [100, 2_000, 180_000, 14_400_000, 432_000_000]
        );
        assert_eq!("".parse::<Schedule>(), Ok(Schedule(vec![])));
        assert_eq!("1s,,2s".parse::<Schedule>(), Err(InvalidWait(String::new())));
        for bad in ["5", "s", "5 s", "1w", "-5s", "99999999999999999999s"] {
            assert_eq!(bad.parse::<Schedule>(), Err(InvalidWait(bad.to_owned())));
        }
    }

    #[test]
    fn only_2xx_is_delivered() {
        for status in [200, 201, 204, 299] {
            assert_eq!(decide(Some(status), 1, 3, None, 0.0), NextStep::Delivered);
        }
        for status in [None, Some(100), Some(199), Some(300), Some(302), Some(404), Some(500)] {
            assert_eq!(decide(status, 1, 3, None, 0.0), in_s(5));
        }
    }

    #[test]
    fn gone_is_gone_whatever_is_left() {
        assert_eq!(decide(Some(410), 1, 3, Some("60"), 0.0), NextStep::Gone);
        assert_eq!(decide(Some(410), 4, 3, None, 0.0), NextStep::Gone);
    }

    #[test]
    fn waits_follow_the_schedule_and_end() {
        assert_eq!(decide(None, 2, 3, None, 0.0), in_s(300));
        assert_eq!(decide(None, 3, 3, None, 0.0), in_s(7200));
        assert_eq!(decide(None, 4, 3, None, 0.0), NextStep::Exhausted);
        assert_eq!(decide(None, 2, 1, None, 0.0), NextStep::Exhausted);
        assert_eq!(decide(None, 1, 0, None, 0.0), NextStep::Exhausted);
        assert_eq!(decide(None, 4, 10, None, 0.0), NextStep::Exhausted);
    }

    #[test]
    fn retry_after_is_obeyed_when_longer_and_capped_at_a_day() {
        assert_eq!(decide(Some(503), 1, 3, Some("60"), 0.0), in_s(60));
        assert_eq!(decide(Some(503), 1, 3, Some("2"), 0.0), in_s(5));
        assert_eq!(decide(Some(429), 1, 3, Some("Sun, 06 Nov 1994 08:50:37 GMT"), 0.0), in_s(60));
        assert_eq!(decide(Some(429), 1, 3, Some("Sun, 06 Nov 1994 08:40:37 GMT"), 0.0), in_s(5));
        for long in ["31536000", "99999999999999999999999", "Mon, 06 Nov 1995 08:49:37 GMT"] {
            assert_eq!(decide(Some(503), 1, 3, Some(long), 0.0), in_s(86_400));
        }
        for junk in ["-5", "soon", "", "1.5", "Sun, 06 Nov 1994", "\u{0}"] {
            assert_eq!(decide(Some(503), 1, 3, Some(junk), 0.0), in_s(5));
        }
    }

    proptest! {
        #[test]
        fn jitter_stays_within_its_fifth(jitter_sample in -1.0..=1.0_f64) {
            let NextStep::RetryAt(at) = decide(None, 2, 3, None, jitter_sample) else { panic!("retried") };
            let wait = at.since(NOW).as_millis();
            prop_assert!((240_000..=360_000).contains(&wait), "{wait}");
        }

        #[test]
        fn no_retry_after_breaks_the_decision(text in "\\PC*") {
            let NextStep::RetryAt(at) = decide(Some(503), 1, 3, Some(&text), 0.0) else { panic!("retried") };
            prop_assert!(at.since(NOW) <= RETRY_AFTER_MAX);
        }
    }
}
