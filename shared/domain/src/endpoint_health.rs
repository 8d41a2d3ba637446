//! The health of a webhook's endpoint, and how an attempt changes it.

use std::time::Duration;

use crate::time::Timestamp;

/// The health of an endpoint. It is stored when it changes, not after every attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Health {
    /// Since when every attempt has failed. `None` if the last attempt succeeded.
    pub failing_since: Option<Timestamp>,
    /// Since when attempts have failed or been slow. While set, first attempts wait in the slow lane, apart from those
    /// to other endpoints.
    pub slow_since: Option<Timestamp>,
    /// When this health was stored.
    pub changed_at: Option<Timestamp>,
}

/// An endpoint that takes this long to answer is slow, whatever it answers then.
pub const SLOW_AFTER: Duration = Duration::from_secs(2);

/// How long a change for the worse is not stored after an endpoint has recovered. Otherwise an endpoint that fails now
/// and then would cost a write each time.
const CHANGE_PAUSE: Duration = Duration::from_secs(10);

/// The result of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// A 2xx within [`SLOW_AFTER`].
    Healthy,
    /// A 2xx that took [`SLOW_AFTER`] or longer, or no answer yet after that time.
    Slow,
    /// Anything else.
    Failed,
}

/// The health after an attempt that ended `now`. `None` if there is nothing to store.
#[must_use]
pub fn after(health: Health, observation: Observation, now: Timestamp) -> Option<Health> {
    let (failing_since, slow_since) = match observation {
        Observation::Healthy => (None, None),
        Observation::Slow => (None, health.slow_since.or(Some(now))),
        Observation::Failed => (health.failing_since.or(Some(now)), health.slow_since.or(Some(now))),
    };
    if (failing_since, slow_since) == (health.failing_since, health.slow_since) {
        return None;
    }
    let gets_worse = (health.failing_since.is_none() && failing_since.is_some())
        || (health.slow_since.is_none() && slow_since.is_some());
    let is_pause = health.changed_at.is_some_and(|changed_at| now < changed_at.plus(CHANGE_PAUSE));
    let has_recovered = health.failing_since.is_none() && health.slow_since.is_none();
    (!(gets_worse && is_pause && has_recovered)).then_some(Health { failing_since, slow_since, changed_at: Some(now) })
}

/// Whether every attempt has failed for at least `disable_after`, so that the webhook is to be disabled.
#[must_use]
pub fn has_failed_too_long(health: Health, disable_after: Duration, now: Timestamp) -> bool {
    health.failing_since.is_some_and(|since| now >= since.plus(disable_after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_millis(1_000_000);

    fn later(seconds: u64) -> Timestamp {
        T0.plus(Duration::from_secs(seconds))
    }

    fn health(failing: Option<u64>, slow: Option<u64>, changed: u64) -> Health {
        Health { failing_since: failing.map(later), slow_since: slow.map(later), changed_at: Some(later(changed)) }
    }

    #[test]
    fn unchanged_health_is_not_stored() {
        assert_eq!(after(Health::default(), Observation::Healthy, later(1)), None);
        assert_eq!(after(health(Some(0), Some(0), 0), Observation::Failed, later(60)), None);
        assert_eq!(after(health(None, Some(0), 0), Observation::Slow, later(60)), None);
    }

    #[test]
    fn the_first_failure_and_the_next_success_are_stored() {
        let failing = after(Health::default(), Observation::Failed, later(5)).unwrap();
        assert_eq!(failing, health(Some(5), Some(5), 5));
        assert_eq!(after(failing, Observation::Healthy, later(6)), Some(health(None, None, 6)));
        assert_eq!(after(failing, Observation::Slow, later(7)), Some(health(None, Some(5), 7)));
        assert_eq!(after(health(None, Some(5), 5), Observation::Failed, later(6)), Some(health(Some(6), Some(5), 6)));
    }

    #[test]
    fn a_failure_just_after_a_recovery_is_not_stored() {
        let recovered = health(None, None, 10);
        assert_eq!(after(recovered, Observation::Failed, later(19)), None);
        assert_eq!(after(recovered, Observation::Failed, later(20)), Some(health(Some(20), Some(20), 20)));
    }

    #[test]
    fn an_endpoint_has_failed_too_long_only_after_the_whole_time() {
        let (failing, five_days) = (health(Some(0), Some(0), 0), Duration::from_secs(5 * 24 * 60 * 60));
        assert!(!has_failed_too_long(failing, five_days, later(5 * 24 * 60 * 60 - 1)));
        assert!(has_failed_too_long(failing, five_days, later(5 * 24 * 60 * 60)));
        assert!(!has_failed_too_long(health(None, Some(0), 0), five_days, later(u64::from(u32::MAX))));
    }
}
