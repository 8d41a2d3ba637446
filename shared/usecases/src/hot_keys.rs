//! Detects keys that stay busy for several seconds, as one process sees them.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use domain::time::Timestamp;

/// Counts by key and second. Clones share the counts.
pub struct HotKeyDetector<K> {
    counted: Arc<Mutex<Counted<K>>>,
}

struct Counted<K> {
    counts: HashMap<K, Count>,
    /// The second in which old counts were last removed.
    swept: i64,
}

/// How often a key was counted in a second, and how many seconds in a row it was busy before.
#[derive(Clone, Copy)]
struct Count {
    second: i64,
    times: u32,
    busy_before: u32,
}

impl<K> Default for HotKeyDetector<K> {
    fn default() -> Self {
        Self { counted: Arc::new(Mutex::new(Counted { counts: HashMap::new(), swept: 0 })) }
    }
}

impl<K> Clone for HotKeyDetector<K> {
    fn clone(&self) -> Self {
        Self { counted: self.counted.clone() }
    }
}

impl<K> fmt::Debug for HotKeyDetector<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HotKeyDetector")
    }
}

impl<K: Eq + Hash> HotKeyDetector<K> {
    /// Counts `key` once. Returns whether `key` has now been counted `times` times in this second, and as often in each
    /// of the last `seconds` seconds. Returns `true` at most once a second.
    pub fn is_hot(&self, key: K, now: Timestamp, (times, seconds): (u32, u32)) -> bool {
        let (mut counted, second) = (self.counted.lock().unwrap_or_else(PoisonError::into_inner), now.seconds());
        if counted.swept != second {
            counted.counts.retain(|_, count| (second - 1..=second).contains(&count.second));
            counted.swept = second;
        }
        let count = match counted.counts.get(&key).copied() {
            Some(count) if count.second == second => Count { times: count.times + 1, ..count },
            Some(count) if count.times >= times => Count { second, times: 1, busy_before: count.busy_before + 1 },
            _ => Count { second, times: 1, busy_before: 0 },
        };
        counted.counts.insert(key, count);
        count.times == times && count.busy_before + 1 >= seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_busy_for_some_seconds_on_end_stays_busy() {
        let heat = HotKeyDetector::default();
        let count = |key, ms| heat.is_hot(key, Timestamp::from_millis(ms), (2, 3));
        let busy_at: Vec<i64> = [5_000, 5_900, 6_000, 6_500, 7_000, 7_100, 7_200, 9_000, 9_500]
            .into_iter()
            .filter(|&ms| count("a", ms))
            .collect();
        assert_eq!(busy_at, [7_100], "twice in the third second; the pause before the ninth ends it");
        assert!(!count("b", 9_500));
    }
}
