//! How a webhook's endpoint has answered lately.

use crate::time::Timestamp;

/// What is known of an endpoint. It is written when it changes, and not with every attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Health {
    /// Since when every attempt has failed; none where the last one succeeded.
    pub failing_since: Option<Timestamp>,
    /// Since when attempts have failed or taken long: first attempts wait in the slow lane then, where they delay nobody
    /// else's.
    pub slow_since: Option<Timestamp>,
    /// When this was written.
    pub changed_at: Option<Timestamp>,
}
