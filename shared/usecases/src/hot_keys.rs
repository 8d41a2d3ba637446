//! Detects keys that stay hot for several seconds, as one process sees them.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use domain::time::Timestamp;

/// Counts by key and second. Clones share the counts.
pub struct HotKeyDetector<K> {
    counts: Arc<Mutex<Counts<K>>>,
}

/// When a key is hot: after `times` in each of `seconds` seconds in a row.
#[derive(Debug, Clone, Copy)]
pub struct Threshold {
    /// How often the key is counted in a second.
    pub times: u32,
    /// Seconds in a row.
    pub seconds: u32,
}

struct Counts<K> {
    by_key: HashMap<K, Count>,
    /// The second in which old counts were last removed.
    swept: i64,
}

/// How often a key was counted in a second, and how many seconds in a row it was hot before.
#[derive(Clone, Copy)]
struct Count {
    second: i64,
    times: u32,
    hot_before: u32,
}

impl<K> Default for HotKeyDetector<K> {
    fn default() -> Self {
        Self { counts: Arc::new(Mutex::new(Counts { by_key: HashMap::new(), swept: 0 })) }
    }
}

impl<K> Clone for HotKeyDetector<K> {
    fn clone(&self) -> Self {
        Self { counts: self.counts.clone() }
    }
}

impl<K> fmt::Debug for HotKeyDetector<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HotKeyDetector")
    }
}

impl<K: Eq + Hash> HotKeyDetector<K> {
    /// Counts `key` once. Returns whether `key` has now reached the threshold in this second, and in each of the seconds
    /// before it that the threshold asks for. Returns `true` at most once in a second.
    pub fn record(&self, key: K, now: Timestamp, threshold: Threshold) -> bool {
        let (mut counts, second) = (self.counts.lock().unwrap_or_else(PoisonError::into_inner), now.seconds());
        if counts.swept != second {
            counts.by_key.retain(|_, count| (second - 1..=second).contains(&count.second));
            counts.swept = second;
        }
        let count = match counts.by_key.get(&key).copied() {
            Some(count) if count.second == second => Count { times: count.times + 1, ..count },
            Some(count) if count.times >= threshold.times => {
                Count { second, times: 1, hot_before: count.hot_before + 1 }
            }
            _ => Count { second, times: 1, hot_before: 0 },
        };
        counts.by_key.insert(key, count);
        count.times == threshold.times && count.hot_before + 1 >= threshold.seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_hot_after_some_seconds_in_a_row() {
        let detector = HotKeyDetector::default();
        let count = |key, ms| detector.record(key, Timestamp::from_millis(ms), Threshold { times: 2, seconds: 3 });
        let hot_at: Vec<i64> = [5_000, 5_900, 6_000, 6_500, 7_000, 7_100, 7_200, 9_000, 9_500]
            .into_iter()
            .filter(|&ms| count("a", ms))
            .collect();
        assert_eq!(hot_at, [7_100], "twice in the third second; the pause before the ninth ends it");
        assert!(!count("b", 9_500));
    }
}
