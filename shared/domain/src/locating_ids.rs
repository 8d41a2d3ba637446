//! Ids that say where their item is stored, so that one read finds it.
//!
//! An event's id names its [`EventPack`]. A delivery's id names its [`DeliveryPlace`]. Ids of release 0.1.0, and ids
//! that are derived from a platform's own id, name no place.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::ids::{DeliveryId, EventId, WebhookId};
use crate::time::Timestamp;

/// The hex digits of a time in milliseconds, of a pack's number, and of an event's index in the pack.
const PACK_ID_DIGITS: (usize, usize, usize) = (12, 16, 2);

/// The most shards of a log that an id can name.
const SHARDS_MAX: u8 = 64;

/// The events that one message brought. One item holds them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventPack {
    /// When the events were accepted.
    pub accepted_at: Timestamp,
    /// Distinguishes the packs of a millisecond. Random, or derived from the queue message.
    pub number: u64,
}

impl EventPack {
    /// The pack of the events of a queue message that has no ids. Reading the message again gives the same pack.
    #[must_use]
    pub fn of_queue_message(accepted_at: Timestamp, message_id: &str) -> Self {
        Self { accepted_at, number: leading_u64(&[b"queue", message_id.as_bytes()]) }
    }

    /// The id of the pack's event number `index`.
    #[must_use]
    pub fn event_id(&self, index: u8) -> EventId {
        EventId(format!("evt_{:012x}{:016x}{index:02x}", self.accepted_at.millis().max(0), self.number))
    }

    /// The pack's shard, from 0 to less than `shards`.
    #[must_use]
    pub fn shard(&self, shards: u8) -> u8 {
        let [.., last] = self.number.to_be_bytes();
        last % shards.max(1)
    }
}

impl EventId {
    /// The event's shard in a list of `shards` shards, from 0 to less than `shards` (at least 1).
    #[must_use]
    pub fn shard(&self, shards: u8) -> u8 {
        let [.., last] = leading_u64(&[self.as_str().as_bytes()]).to_be_bytes();
        last % shards.max(1)
    }

    /// The pack that holds the event, and the event's index in it. `None` if the event has an item of its own.
    #[must_use]
    pub fn pack(&self) -> Option<(EventPack, u8)> {
        let digits = self.as_str().strip_prefix("evt_")?;
        let (time, number, index) = PACK_ID_DIGITS;
        if digits.len() != time + number + index || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let (time, rest) = digits.split_at(time);
        let (number, index) = rest.split_at(number);
        let accepted_at = Timestamp::from_millis(i64::from_str_radix(time, 16).ok()?);
        let pack = EventPack { accepted_at, number: u64::from_str_radix(number, 16).ok()? };
        Some((pack, u8::from_str_radix(index, 16).ok()?))
    }
}

/// The name of a webhook in the keys of its log. A delivery's id contains it in 16 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogName(String);

/// How the 16 bytes of a [`LogName`] are written.
#[derive(Clone, Copy)]
enum NameForm {
    /// `wh_` and 32 hex digits: the webhook's id.
    Prefixed = 0,
    /// A UUID: the webhook's id.
    Uuid = 1,
    /// Half of the SHA-256 of any other webhook id.
    Digest = 2,
}

impl LogName {
    /// The log name of a webhook. It is the webhook's id, except for an id that another platform made.
    #[must_use]
    pub fn of(webhook: &WebhookId) -> Self {
        let (form, bytes) = Self::parts(webhook);
        Self::from_parts(form, bytes)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parts(webhook: &WebhookId) -> (NameForm, [u8; 16]) {
        let id = webhook.as_str();
        let read = |form: NameForm, digits: &str| {
            let bytes = u128::from_str_radix(digits, 16).ok()?.to_be_bytes();
            (Self::from_parts(form, bytes).0 == id).then_some((form, bytes))
        };
        let prefixed = id.strip_prefix("wh_").and_then(|digits| read(NameForm::Prefixed, digits));
        let uuid = || read(NameForm::Uuid, &id.replace('-', ""));
        prefixed.or_else(uuid).unwrap_or_else(|| {
            let [half, _] = halves(&[b"log", id.as_bytes()]);
            (NameForm::Digest, half)
        })
    }

    fn from_parts(form: NameForm, bytes: [u8; 16]) -> Self {
        let digits = crate::hex(&bytes);
        Self(match form {
            NameForm::Prefixed => format!("wh_{digits}"),
            NameForm::Uuid => uuid::Uuid::from_bytes(bytes).hyphenated().to_string(),
            NameForm::Digest => format!("~{digits}"),
        })
    }
}

/// Where a delivery's log entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPlace {
    /// The log.
    pub log: LogName,
    /// The log's shard.
    pub shard: u8,
    /// When the event was accepted.
    pub created_at: Timestamp,
}

impl DeliveryId {
    /// The id of the delivery of `event` to `webhook`. A repeated fan-out gives the same id.
    ///
    /// The bytes, in base64: the log name's form and the shard (1), `created_at` in milliseconds (6), the log name
    /// (16), and a digest of event and webhook (8).
    #[must_use]
    pub fn derive(event: &EventId, webhook: &WebhookId, created_at: Timestamp, shards: u8) -> Self {
        let digest = leading_u64(&[b"delivery", event.as_str().as_bytes(), webhook.as_str().as_bytes()]);
        let [.., last] = digest.to_be_bytes();
        let shard = last % shards.clamp(1, SHARDS_MAX);
        let (form, name) = LogName::parts(webhook);
        let [_, _, time @ ..] = created_at.millis().max(0).to_be_bytes();
        let bytes = [&[form as u8 * SHARDS_MAX + shard][..], &time, &name, &digest.to_be_bytes()].concat();
        Self(format!("del_{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The delivery's shard in a list of `shards` shards, from 0 to less than `shards` (at least 1). It depends on
    /// nothing else.
    #[must_use]
    pub fn shard(&self, shards: u8) -> u8 {
        let [.., last] = leading_u64(&[self.as_str().as_bytes()]).to_be_bytes();
        last % shards.max(1)
    }

    /// Where the delivery's log entry is. `None` for an id of release 0.1.0, and for a test call's.
    #[must_use]
    pub fn place(&self) -> Option<DeliveryPlace> {
        let bytes = URL_SAFE_NO_PAD.decode(self.as_str().strip_prefix("del_")?).ok()?;
        let [head, t0, t1, t2, t3, t4, t5, rest @ ..] = bytes.as_slice() else { return None };
        let (name, digest) = rest.split_first_chunk::<16>()?;
        let form = match head / SHARDS_MAX {
            0 => NameForm::Prefixed,
            1 => NameForm::Uuid,
            2 => NameForm::Digest,
            _ => return None,
        };
        let created_at = i64::from_be_bytes([0, 0, *t0, *t1, *t2, *t3, *t4, *t5]);
        (digest.len() == 8).then(|| DeliveryPlace {
            log: LogName::from_parts(form, *name),
            shard: head % SHARDS_MAX,
            created_at: Timestamp::from_millis(created_at),
        })
    }
}

fn leading_u64(parts: &[&[u8]]) -> u64 {
    let [[a, b, c, d, e, f, g, h, ..], _] = halves(parts);
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The SHA-256 of the parts, in two halves. A zero byte follows each part.
pub(super) fn halves(parts: &[&[u8]]) -> [[u8; 16]; 2] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let (mut first, mut second) = ([0; 16], [0; 16]);
    first.iter_mut().chain(&mut second).zip(digest).for_each(|(to, from)| *to = from);
    [first, second]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_123);

    #[test]
    fn an_event_id_names_its_pack() {
        let pack = EventPack { accepted_at: NOW, number: u64::MAX - 5 };
        assert_eq!(pack.event_id(0).as_str(), "evt_01a1ee565e7bfffffffffffffffa00");
        assert_eq!(pack.event_id(99).pack(), Some((pack, 99)));
        let queued = EventPack::of_queue_message(NOW, "m");
        assert_eq!(queued, EventPack::of_queue_message(NOW, "m"));
        assert_ne!(queued, EventPack::of_queue_message(NOW, "n"));
        for other in ["evt_1", "evt_0198f3c5a2b14c7d9e8f0a1b2c3d4e5f", "evt_zza1ee565e7bfffffffffffffffa00"] {
            assert_eq!(EventId::parse(other).unwrap().pack(), None, "{other}");
        }
    }

    #[test]
    fn a_delivery_id_names_its_log_entry() {
        let event = EventPack { accepted_at: NOW, number: 7 }.event_id(3);
        let own = ["wh_0198f3c5a2b14c7d9e8f0a1b2c3d4e5f", "0198f3c5-a2b1-4c7d-9e8f-0a1b2c3d4e5f"];
        let foreign = ["wh_1", "wh_0198F3C5A2B14C7D9E8F0A1B2C3D4E5F", "0198f3c5a2b14c7d9e8f0a1b2c3d4e5f", "any-id"];
        for id in own.into_iter().chain(foreign) {
            let webhook = WebhookId::parse(id).unwrap();
            let name = LogName::of(&webhook);
            assert_eq!(name.as_str() == id, own.contains(&id), "{id}: {}", name.as_str());
            for shards in [1, 16] {
                let delivery = DeliveryId::derive(&event, &webhook, NOW, shards);
                assert_eq!(delivery, DeliveryId::derive(&event, &webhook, NOW, shards));
                assert_eq!(delivery.as_str().len(), 46);
                let place = delivery.place().unwrap();
                assert_eq!((&place.log, place.created_at), (&name, NOW));
                assert!(place.shard < shards);
            }
        }
        for other in ["del_1", "del_0198f3c5a2b14c7d9e8f0a1b2c3d4e5f"] {
            assert_eq!(DeliveryId::parse(other).unwrap().place(), None, "{other}");
        }
    }

    #[test]
    fn different_events_or_webhooks_have_different_deliveries() {
        let pack = EventPack { accepted_at: NOW, number: 7 };
        let [one, other] = ["wh_1", "wh_2"].map(|id| WebhookId::parse(id).unwrap());
        let first = DeliveryId::derive(&pack.event_id(0), &one, NOW, 1);
        assert_ne!(first, DeliveryId::derive(&pack.event_id(1), &one, NOW, 1));
        assert_ne!(first, DeliveryId::derive(&pack.event_id(0), &other, NOW, 1));
    }
}
