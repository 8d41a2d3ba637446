//! Keeps recently read values for the next invocations of the same process. Without this cache, a key in constant use
//! would take more reads than DynamoDB allows for one key.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::time::Timestamp;

/// The most values in a cache, so that they fit into the function's memory. A cache full of recent values is emptied.
const ENTRIES_MAX: usize = 500;

type Entries<K, V> = HashMap<K, (Timestamp, V)>;

/// Values, and when they were read. Clones share them.
pub struct TtlCache<K, V> {
    entries: Arc<Mutex<Entries<K, V>>>,
    lifetime: Duration,
}

impl<K, V> Clone for TtlCache<K, V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), lifetime: self.lifetime }
    }
}

impl<K, V> fmt::Debug for TtlCache<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TtlCache")
    }
}

impl<K: Eq + Hash, V: Clone> TtlCache<K, V> {
    /// A cache that keeps a value for `lifetime`.
    #[must_use]
    pub fn new(lifetime: Duration) -> Self {
        Self { entries: Arc::default(), lifetime }
    }

    /// The value under `key`, if it is recent.
    pub fn get(&self, key: &K, now: Timestamp) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, value) = entries.get(key)?;
        self.is_recent(*read_at, now).then(|| value.clone())
    }

    /// Whether a value read at `read_at` is recent: younger than the lifetime.
    #[must_use]
    pub fn is_recent(&self, read_at: Timestamp, now: Timestamp) -> bool {
        // If the clock was set back, `read_at` lies in the future. Such a value is not recent.
        read_at <= now && now.since(read_at) < self.lifetime
    }

    /// Stores a value that was read at `read_at`.
    pub fn insert(&self, key: K, value: V, read_at: Timestamp, now: Timestamp) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= ENTRIES_MAX {
            entries.retain(|_, (read_at, _)| self.is_recent(*read_at, now));
        }
        if entries.len() >= ENTRIES_MAX {
            entries.clear();
        }
        entries.insert(key, (read_at, value));
    }

    /// Updates the value under `key`, if there is one. Its lifetime does not start again.
    pub fn update(&self, key: &K, update: impl FnOnce(&mut V)) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, value)) = entries.get_mut(key) {
            update(value);
        }
    }

    /// Removes the value under `key`.
    pub fn remove(&self, key: &K) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_recent_until_its_lifetime_ends() {
        let cache = TtlCache::new(Duration::from_secs(1));
        let at = Timestamp::from_millis;
        cache.insert("key", 1, at(5_000), at(5_000));
        assert_eq!(cache.get(&"key", at(5_999)), Some(1));
        assert_eq!(cache.get(&"key", at(6_000)), None);
        assert_eq!(cache.get(&"key", at(4_999)), None, "a clock that was set back");
        cache.remove(&"key");
        assert_eq!(cache.get(&"key", at(5_000)), None);
    }

    #[test]
    fn a_full_cache_is_emptied() {
        let cache = TtlCache::new(Duration::from_secs(1));
        let now = Timestamp::from_millis(0);
        for key in 0..=ENTRIES_MAX {
            cache.insert(key, (), now, now);
        }
        assert_eq!(cache.get(&0, now), None);
        assert_eq!(cache.get(&ENTRIES_MAX, now), Some(()));
    }
}
