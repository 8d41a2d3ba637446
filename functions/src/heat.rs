//! How often something happens within a second, as one process sees it.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use shared::time::Timestamp;

/// Counts by key, within the current second. Clones share them.
pub struct Heat<K> {
    counted: Arc<Mutex<Counted<K>>>,
}

struct Counted<K> {
    second: i64,
    counts: HashMap<K, u32>,
}

impl<K> Default for Heat<K> {
    fn default() -> Self {
        Self { counted: Arc::new(Mutex::new(Counted { second: 0, counts: HashMap::new() })) }
    }
}

impl<K> Clone for Heat<K> {
    fn clone(&self) -> Self {
        Self { counted: self.counted.clone() }
    }
}

impl<K> fmt::Debug for Heat<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Heat")
    }
}

impl<K: Eq + Hash> Heat<K> {
    /// Counts `key` once more; returns how often it was within this second.
    pub fn add(&self, key: K, now: Timestamp) -> u32 {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.second != now.seconds() {
            *counted = Counted { second: now.seconds(), counts: HashMap::new() };
        }
        let count = counted.counts.entry(key).or_default();
        *count += 1;
        *count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_counts_anew() {
        let (heat, at) = (Heat::default(), Timestamp::from_millis);
        assert_eq!([heat.add("a", at(5_000)), heat.add("a", at(5_999)), heat.add("b", at(5_999))], [1, 2, 1]);
        assert_eq!(heat.add("a", at(6_000)), 1);
    }
}
