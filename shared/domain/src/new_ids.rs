//! New ids, secrets and tokens, made of random bytes.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use super::{DeliveryId, EventPack, Secret, WebhookId};
use crate::time::Timestamp;

/// Bytes of randomness in a generated secret, as the Standard Webhooks specification recommends.
const SECRET_BYTES: usize = 24;

/// Makes new ids and secrets. The functions use [`Ids::random`]; a golden test passes bytes of its own.
#[derive(Clone)]
pub struct Ids(Arc<Fill>);

/// Fills a slice with random bytes.
type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Ids {
    /// Ids made of the operating system's random bytes.
    #[must_use]
    pub fn random() -> Self {
        #[allow(
            clippy::expect_used,
            reason = "without randomness no secret may be made; a Lambda answers a panic with an error"
        )]
        Self::from_fn(|bytes| getrandom::fill(bytes).expect("the operating system gives random bytes"))
    }

    /// Ids made of the bytes that `fill` writes.
    pub fn from_fn(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// A pack for events that are accepted at `now`. Their ids sort by `now`.
    #[must_use]
    pub fn event_pack(&self, now: Timestamp) -> EventPack {
        let mut number = [0; 8];
        (self.0)(&mut number);
        EventPack { accepted_at: now, number: u64::from_be_bytes(number) }
    }

    /// A new webhook id; ids sort by `now`.
    #[must_use]
    pub fn webhook(&self, now: Timestamp) -> WebhookId {
        WebhookId(format!("wh_{}", self.uuid(now).simple()))
    }

    /// A new webhook id in the form of a UUID; ids sort by `now`.
    #[must_use]
    pub fn webhook_uuid(&self, now: Timestamp) -> WebhookId {
        WebhookId(self.uuid(now).hyphenated().to_string())
    }

    /// A new delivery id for a test call, which has no event.
    #[must_use]
    pub fn test_delivery(&self, now: Timestamp) -> DeliveryId {
        DeliveryId(format!("del_{}", self.uuid(now).simple()))
    }

    /// A new signing secret: `whsec_` and 24 random bytes in base64.
    #[must_use]
    pub fn secret(&self) -> Secret {
        let mut bytes = [0; SECRET_BYTES];
        (self.0)(&mut bytes);
        Secret::from_bytes(&bytes)
    }

    /// A random token of 32 hex digits.
    #[must_use]
    pub fn token(&self) -> String {
        let mut bytes = [0; 16];
        (self.0)(&mut bytes);
        crate::hex(&bytes)
    }

    /// A retry's jitter sample: a random number from -1 to 1, evenly spread.
    #[must_use]
    pub fn jitter(&self) -> f64 {
        let mut bytes = [0; 4];
        (self.0)(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX) * 2.0 - 1.0
    }

    fn uuid(&self, now: Timestamp) -> Uuid {
        let mut random = [0; 10];
        (self.0)(&mut random);
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ids")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_ids_sort_by_time() {
        let ids = Ids::random();
        let event = |ms| ids.event_pack(Timestamp::from_millis(ms)).event_id(0);
        assert!(event(1_000) < event(2_000));
    }
}
