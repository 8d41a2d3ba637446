//! How many batches of one queue Lambda's pollers have in progress.
//!
//! Lambda starts with five batches at the same moment. While messages wait, it adds 300 a minute, up to 1,000 or the
//! mapping's own maximum. Once the queue is empty, it starts over.

use std::time::{Duration, Instant};

/// Concurrent batches at first.
const START: usize = 5;

/// Concurrent batches, at most.
const MAX: usize = 1000;

/// The time in which one batch is added: 300 a minute.
const STEP: Duration = Duration::from_millis(200);

/// The number of concurrent batches that a queue may have.
#[derive(Debug)]
pub(crate) struct Ramp {
    limit: usize,
    max: usize,
    /// When the next batch is added, if messages wait.
    grows_at: Option<Instant>,
}

impl Ramp {
    /// A ramp that ends at `max`, if the template limits the mapping.
    pub(crate) fn new(max: Option<usize>) -> Self {
        let max = max.unwrap_or(MAX).clamp(1, MAX);
        Self { limit: START.min(max), max, grows_at: None }
    }

    /// The concurrent batches that are allowed now.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Every allowed batch is in progress, and messages may wait. Returns when the limit grows next, or `None` at the
    /// maximum.
    pub(crate) fn is_exhausted(&mut self, now: Instant) -> Option<Instant> {
        if self.limit == self.max {
            return None;
        }
        let grows_at = *self.grows_at.get_or_insert(now + STEP);
        if grows_at > now {
            return Some(grows_at);
        }
        self.limit += 1;
        // A pause without waiting messages is not made up for.
        self.grows_at = Some(if now - grows_at < STEP { grows_at + STEP } else { now + STEP });
        self.grows_at
    }

    /// The queue is empty.
    pub(crate) fn is_empty(&mut self) {
        *self = Self::new(Some(self.max));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;

    /// The limit after each of `steps` looks, 200 ms apart, with every batch in progress.
    fn limits(ramp: &mut Ramp, steps: u32) -> Vec<usize> {
        let start = Instant::now();
        (0..=steps)
            .map(|step| {
                ramp.is_exhausted(start + STEP * step);
                ramp.limit()
            })
            .collect()
    }

    #[test]
    fn five_batches_become_three_hundred_more_a_minute() {
        let mut ramp = Ramp::new(None);
        let limits = limits(&mut ramp, 300);
        assert_eq!(limits.first(), Some(&5));
        assert_eq!(limits.get(1), Some(&6));
        assert_eq!(limits.last(), Some(&305));
    }

    #[test]
    fn the_ramp_ends_at_a_thousand_or_at_the_mappings_maximum() {
        assert_eq!(limits(&mut Ramp::new(None), 2000).last(), Some(&1000));
        assert_eq!(limits(&mut Ramp::new(Some(50)), 2000).last(), Some(&50));
        assert_eq!(limits(&mut Ramp::new(Some(2)), 2000).last(), Some(&2));
    }

    #[test]
    fn an_empty_queue_starts_the_ramp_over() {
        let mut ramp = Ramp::new(Some(50));
        limits(&mut ramp, 20);
        ramp.is_empty();
        assert_eq!(ramp.limit(), 5);
        assert_eq!(limits(&mut ramp, 2000).last(), Some(&50));
    }

    #[test]
    fn a_pause_does_not_count_as_waiting() {
        let mut ramp = Ramp::new(None);
        let start = Instant::now();
        ramp.is_exhausted(start);
        let next = ramp.is_exhausted(start + STEP * 100).unwrap();
        assert_eq!((ramp.limit(), next), (6, start + STEP * 101));
    }
}
