//! What a dialect is to the pipeline: the names it has for events, and how it tells one.

use serde_json::value::RawValue;
use shared::domain::{Agent, Conversation, DeliveryId, Event, Tenant, Webhook};
use shared::sign::Scheme;

/// A dialect, as the pipeline uses it.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// What webhooks call it.
    pub name: &'static str,
    /// Native names of events, and this dialect's for the same. A name that is in no table is the same in all.
    pub event_names: &'static [(&'static str, &'static str)],
    /// The headers that its deliveries set, in lower case: no customer may choose them for another purpose.
    pub headers: &'static [&'static str],
    /// Whether its deliveries repeat the conversation that an event belongs to.
    pub uses_conversation: bool,
    /// Writes the request that tells a webhook of an event.
    pub build_request: fn(&PayloadContext<'_>) -> Result<OutgoingRequest, serde_json::Error>,
}

/// What is told to whom.
#[derive(Debug, Clone, Copy)]
pub struct PayloadContext<'a> {
    /// Whose event.
    pub tenant: &'a Tenant,
    /// The event.
    pub event: &'a Event,
    /// Its name in this dialect.
    pub event_type: &'a str,
    /// The event's agent, where it is registered.
    pub agent: Option<&'a Agent>,
    /// The event's conversation before it, where the dialect tells it.
    pub conversation: &'a Conversation,
    /// Who is told.
    pub webhook: &'a Webhook,
    /// The delivery.
    pub id: &'a DeliveryId,
}

/// The request that tells it: everything that no attempt changes.
#[derive(Debug)]
pub struct OutgoingRequest {
    /// How it is signed, besides the Standard Webhooks headers.
    pub scheme: Scheme,
    /// The dialect's own headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Box<RawValue>,
    /// The platform's id of the message that the event tells of, for the log.
    pub message_id: Option<String>,
}

impl Dialect {
    /// This dialect's name of the event with the `native` name.
    #[must_use]
    pub fn event_name<'a>(&self, native: &'a str) -> &'a str {
        self.event_names.iter().find(|(name, _)| *name == native).map_or(native, |(_, own)| *own)
    }
}
