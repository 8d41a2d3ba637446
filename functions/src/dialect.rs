//! What a dialect is to the pipeline: the names it has for events, and how it tells one. The pipeline finds it by the
//! name that a webhook carries, and knows nothing else of it.

use serde_json::value::RawValue;
use shared::domain::{DeliveryId, DialectName, Event, Webhook};
use shared::sign::Scheme;

use crate::agentphone;

/// A dialect, as the pipeline uses it.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// What webhooks call it.
    pub name: &'static str,
    /// Native names of events, and this dialect's for the same. A name that is in no table is the same in all.
    pub event_names: &'static [(&'static str, &'static str)],
    /// Writes the request that tells a webhook of an event.
    pub tell: fn(&Telling<'_>) -> Result<Told, serde_json::Error>,
}

/// What is told to whom.
#[derive(Debug, Clone, Copy)]
pub struct Telling<'a> {
    /// The event.
    pub event: &'a Event,
    /// Its name in this dialect.
    pub event_type: &'a str,
    /// Who is told.
    pub webhook: &'a Webhook,
    /// The delivery.
    pub id: &'a DeliveryId,
}

/// The request that tells it: everything that no attempt changes.
#[derive(Debug)]
pub struct Told {
    /// How it is signed, besides the Standard Webhooks headers.
    pub scheme: Scheme,
    /// The dialect's own headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Box<RawValue>,
    /// The platform's id of the message that the event tells of, for the log.
    pub message_id: Option<String>,
}

/// Every dialect there is.
pub const DIALECTS: &[Dialect] = &[agentphone::DIALECT];

/// The dialect called `name`; `None` where this release has none of that name.
#[must_use]
pub fn by_name(name: &DialectName) -> Option<&'static Dialect> {
    DIALECTS.iter().find(|dialect| dialect.name == name.as_str())
}

/// The native name of the event that any dialect calls `name`.
#[must_use]
pub fn native_name(name: &str) -> &str {
    let mut tables = DIALECTS.iter().flat_map(|dialect| dialect.event_names);
    tables.find(|(_, own)| *own == name).map_or(name, |(native, _)| *native)
}

impl Dialect {
    /// This dialect's name of the event with the `native` name.
    #[must_use]
    pub fn event_name<'a>(&self, native: &'a str) -> &'a str {
        self.event_names.iter().find(|(name, _)| *name == native).map_or(native, |(_, own)| *own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_has_each_dialects_name() {
        for published in ["message.received", "agent.message"] {
            assert_eq!(agentphone::DIALECT.event_name(native_name(published)), "agent.message");
        }
        assert_eq!(agentphone::DIALECT.event_name(native_name("invoice.paid")), "invoice.paid");
    }
}
