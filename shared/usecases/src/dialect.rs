//! A dialect as the use cases see it: a row with its names for events, the headers it reserves, and how it writes a
//! delivery. The rows themselves are in the functions, each with its dialect.

use domain::{Agent, Conversation, DeliveryId, DialectName, Event, Tenant, Webhook};
use rules::sign::Signature;
use serde_json::value::RawValue;

/// A dialect's row.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// The name that webhooks carry: `agentphone`.
    pub name: &'static str,
    /// The dialect's names for native events. An event without a row has its native name here, too.
    pub event_names: &'static [EventName],
    /// The headers that its deliveries set, in lower case. No customer may set them for another purpose.
    pub reserved_headers: &'static [&'static str],
    /// Whether its deliveries repeat the conversation that an event belongs to.
    pub uses_conversation: bool,
    /// The limits that its API sets besides those of all APIs, for the docs: what is limited, and how.
    pub limits: fn() -> Vec<(&'static str, String)>,
    /// Writes the request that carries an event to a webhook.
    pub build_request: fn(&PayloadContext<'_>) -> Result<OutgoingRequest, serde_json::Error>,
}

/// An event that a dialect has a name of its own for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventName {
    /// The dialect's name.
    pub own: &'static str,
    /// The native name, from [`domain::event_types`]; none for an event that this dialect alone has.
    pub native: Option<&'static str>,
    /// What happened, in one sentence.
    pub description: &'static str,
}

/// What a delivery is written from.
#[derive(Debug, Clone, Copy)]
pub struct PayloadContext<'a> {
    /// The tenant.
    pub tenant: &'a Tenant,
    /// The event.
    pub event: &'a Event,
    /// The event's native name.
    pub native_type: &'a str,
    /// The event's name in this dialect.
    pub event_type: &'a str,
    /// The event's agent, where it is registered.
    pub agent: Option<&'a Agent>,
    /// The event's conversation before the event, where the dialect uses it.
    pub conversation: &'a Conversation,
    /// The webhook that gets the event.
    pub webhook: &'a Webhook,
    /// The delivery.
    pub id: &'a DeliveryId,
}

/// A request to a webhook, as far as no attempt changes it.
#[derive(Debug)]
pub struct OutgoingRequest {
    /// The dialect's signature, besides that of Standard Webhooks.
    pub signature: Signature,
    /// The dialect's own headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Box<RawValue>,
    /// The platform's id of the message that the event is about, for the log.
    pub message_id: Option<String>,
}

impl Dialect {
    /// This dialect's name for the event with a `native` name.
    #[must_use]
    pub fn event_name<'a>(&self, native: &'a str) -> &'a str {
        self.event_names.iter().find(|row| row.native == Some(native)).map_or(native, |row| row.own)
    }
}

/// Every dialect of this release. The functions hand it to [`App`](crate::app::App).
#[derive(Debug, Clone, Copy)]
pub struct Dialects(pub &'static [Dialect]);

impl Dialects {
    /// The dialect called `name`; `None` where this release has none of that name.
    #[must_use]
    pub fn by_name(self, name: &DialectName) -> Option<&'static Dialect> {
        self.0.iter().find(|dialect| dialect.name == name.as_str())
    }

    /// The native name of an event that was published under `name`. A native name stands for itself, so that no dialect's
    /// row can change what another dialect gets.
    #[must_use]
    pub fn native_name(self, name: &str) -> &str {
        if domain::event_types::ALL.contains(&name) {
            return name;
        }
        self.rows().find(|row| row.own == name).and_then(|row| row.native).unwrap_or(name)
    }

    /// Whether a dialect's deliveries set the header called `name`.
    #[must_use]
    pub fn is_reserved_header(self, name: &str) -> bool {
        self.0.iter().flat_map(|dialect| dialect.reserved_headers).any(|own| own.eq_ignore_ascii_case(name))
    }

    fn rows(self) -> impl Iterator<Item = &'static EventName> {
        self.0.iter().flat_map(|dialect| dialect.event_names)
    }
}
