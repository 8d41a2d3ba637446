//! Ids: newtypes with the prefixes that users see. [`crate::Ids`] makes new ones.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Tenant;
use super::locating_ids::halves;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $form:literal, $allowed:expr) => {
        $(#[$doc])*
        #[doc = concat!("\n\nIts form: ", $form, ". Whatever reads an id checks it: a request, a queue message, an item of the store.")]
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(pub(super) String);

        impl $name {
            /// The form of this id, in words.
            pub const FORM: &'static str = $form;

            /// Checks an id. It may be the id of nothing.
            ///
            /// # Errors
            /// Where the text does not have the form of this id.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                let allowed: fn(&str) -> bool = $allowed;
                if allowed(&text) { Ok(Self(text)) } else { Err(InvalidId { form: Self::FORM }) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

id! {
    /// A platform's project. Each API key belongs to one project.
    ProjectId, "1 to 64 of a-z 0-9 _ -",
    |text| has(text, 64, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}
id! {
    /// An API key, as lists show it.
    KeyId, "key_ and up to 64 hex digits",
    |text| text.strip_prefix("key_").is_some_and(|digits| has(digits, 64, |byte| byte.is_ascii_hexdigit()))
}
id! {
    /// An agent of a project. The platform chooses the id.
    AgentId, "1 to 128 of A-Z a-z 0-9 _ . : -",
    |text| has(text, 128, |byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte))
}
id! {
    /// A webhook, `wh_…` or a UUID.
    WebhookId, "1 to 64 of A-Z a-z 0-9 _ -", |text| has(text, 64, is_word)
}
id! {
    /// A published event.
    EventId, "evt_ and 1 to 64 of A-Z a-z 0-9 _ -",
    |text| text.strip_prefix("evt_").is_some_and(|rest| has(rest, 64, is_word))
}
id! {
    /// One event for one webhook. Every attempt sends it to the receiver as `webhook-id`.
    DeliveryId, "del_ and 1 to 64 of A-Z a-z 0-9 _ -",
    |text| text.strip_prefix("del_").is_some_and(|rest| has(rest, 64, is_word))
}

/// The text does not have the form of the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {form}")]
pub struct InvalidId {
    /// The form that the id has, in words.
    pub form: &'static str,
}

/// Whether `text` is 1 to `most` characters that `allowed` allows.
fn has(text: &str, most: usize, allowed: fn(u8) -> bool) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(allowed)
}

/// `A-Z a-z 0-9 _ -`.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-".contains(&byte)
}

impl ProjectId {
    /// A project id that is known to be valid.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(id.to_owned())
    }
}

impl KeyId {
    /// The id of an API key, from the first half of the key's SHA-256 in hex.
    #[must_use]
    pub fn of_digest(half: &str) -> Self {
        Self(format!("key_{half}"))
    }
}

impl EventId {
    /// The event id for the client id `client_id`. The same client id in the same tenant gives the same event id.
    #[must_use]
    pub fn from_client_id(tenant: &Tenant, client_id: &str) -> Self {
        Self(format!("evt_{}", digest(&["own", tenant.project.as_str(), tenant.environment.as_str(), client_id])))
    }

    /// The id of the `index`th event of a request with the `Idempotency-Key` `key`. The same key in the same tenant
    /// gives the same event id.
    #[must_use]
    pub fn from_request_key(tenant: &Tenant, key: &str, index: usize) -> Self {
        let (project, environment) = (tenant.project.as_str(), tenant.environment.as_str());
        Self(format!("evt_{}", digest(&["request", project, environment, key, &index.to_string()])))
    }

    /// The event's sampling point, from 0 to less than 1. Points are spread evenly over events. The point of one event
    /// is always the same, so all functions log the same sample of events.
    #[must_use]
    pub fn sampling_point(&self) -> f64 {
        let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(self.0.as_bytes()));
        f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
    }
}

/// The first 128 bits of the SHA-256 of the parts, in hex. A zero byte follows each part.
#[must_use]
pub fn digest(parts: &[&str]) -> String {
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    let [half, _] = halves(&parts);
    crate::hex(&half)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventPack;
    use crate::time::Timestamp;

    #[test]
    fn sampling_points_are_spread_evenly() {
        let event = |number| EventPack { accepted_at: Timestamp::from_millis(0), number }.event_id(0);
        let sampled = (0..1000).filter(|&number| event(number).sampling_point() < 0.1).count();
        assert!((70..130).contains(&sampled), "{sampled}");
    }

    #[test]
    fn agent_ids_keep_to_their_alphabet() {
        for id in ["agt_abc123", "9fbef0b7-8d4e-4a08-9207-66c22155721d", "a:b.c", &"x".repeat(128)] {
            assert!(AgentId::parse(id).is_ok(), "{id}");
        }
        for id in ["", "a#b", "a/b", "ä", "a b", &"x".repeat(129)] {
            assert!(AgentId::parse(id).is_err(), "{id}");
        }
    }

    #[test]
    fn whatever_reads_an_id_checks_it() {
        fn reads<T: serde::de::DeserializeOwned>(text: &str) -> bool {
            serde_json::from_value::<T>(serde_json::json!(text)).is_ok()
        }
        let id = "0198f3c5a2b14c7d9e8f0a1b2c3d4e5f";
        assert!(reads::<EventId>(&format!("evt_{id}")) && !reads::<EventId>(id) && !reads::<EventId>("evt_"));
        assert!(reads::<DeliveryId>(&format!("del_{id}")) && !reads::<DeliveryId>(&format!("del_{id}#META")));
        assert!(reads::<WebhookId>(&format!("wh_{id}")) && !reads::<WebhookId>("wh_1/../2"));
        assert!(reads::<KeyId>("key_00ff") && !reads::<KeyId>("key_zz"));
        assert!(reads::<AgentId>("a:b.c") && !reads::<AgentId>("a#b"));
        assert!(reads::<ProjectId>("acme-1") && !reads::<ProjectId>("acme#live") && !reads::<ProjectId>("Acme"));
    }
}
