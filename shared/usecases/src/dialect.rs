//! A dialect, as the use cases see it: its names for events, the headers it reserves, and a function that writes a
//! delivery's request. The `functions` crate has one row for each dialect.

use domain::{Agent, Conversation, DeliveryId, DialectName, Event, Tenant, Webhook};
use rules::sign::Signature;
use serde_json::value::RawValue;

/// A dialect's row.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// The dialect's name, as a webhook carries it: `agentphone`.
    pub name: &'static str,
    /// The dialect's names for native events. An event without a row keeps its native name in this dialect.
    pub event_names: &'static [EventName],
    /// The headers that this dialect's deliveries set, in any case. No customer may set them for another purpose.
    pub reserved_headers: &'static [&'static str],
    /// The longest timeout of an attempt that a webhook of this dialect may have, in seconds.
    pub timeout_max_s: u16,
    /// Whether a delivery's payload includes the event's conversation.
    pub uses_conversation: bool,
    /// The limits that its API sets besides those of all APIs, for the docs: what is limited, and how.
    pub limits: fn() -> Vec<(&'static str, String)>,
    /// The signature of its deliveries, besides the Standard Webhooks headers.
    pub signature: fn() -> Signature,
    /// Writes the request that carries an event to a webhook.
    pub build_request: fn(&PayloadContext<'_>) -> Result<OutgoingRequest, serde_json::Error>,
}

/// A dialect's own name for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventName {
    /// The dialect's name.
    pub own: &'static str,
    /// The native event name, from [`domain::event_types`]; `None` for an event that only this dialect has.
    pub native: Option<&'static str>,
    /// The event's description, in one sentence.
    pub description: &'static str,
}

/// The data from which a dialect writes a delivery's request.
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
    /// The event's agent, if it is registered.
    pub agent: Option<&'a Agent>,
    /// The conversation as it was before this event, if the dialect uses conversations.
    pub conversation: &'a Conversation,
    /// The webhook that receives the event.
    pub webhook: &'a Webhook,
    /// The delivery's id.
    pub id: &'a DeliveryId,
}

/// The parts of a request to a webhook that are the same on every attempt.
#[derive(Debug)]
pub struct OutgoingRequest {
    /// The dialect's own headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Box<RawValue>,
    /// The platform's id of the message that the event is about, for the log.
    pub message_id: Option<String>,
}

impl Dialect {
    /// This dialect's name for the native event name `native`.
    #[must_use]
    pub fn event_name<'a>(&self, native: &'a str) -> &'a str {
        self.event_names.iter().find(|row| row.native == Some(native)).map_or(native, |row| row.own)
    }
}

/// Every dialect of this release. The `functions` crate passes them to [`App`](crate::app::App).
#[derive(Debug, Clone, Copy)]
pub struct Dialects(pub &'static [Dialect]);

impl Dialects {
    /// The dialect called `name`; `None` if this release has no dialect of that name.
    #[must_use]
    pub fn by_name(self, name: &DialectName) -> Option<&'static Dialect> {
        self.0.iter().find(|dialect| dialect.name == name.as_str())
    }

    /// The signature of the deliveries of the dialect called `name`. A dialect that this release does not have adds
    /// none.
    #[must_use]
    pub fn signature(self, name: &DialectName) -> Signature {
        self.by_name(name).map(|dialect| (dialect.signature)()).unwrap_or_default()
    }

    /// The native name of an event that was published under `name`. A native name always stands for itself. Otherwise
    /// one dialect's row could change another dialect's deliveries.
    #[must_use]
    pub fn native_name(self, name: &str) -> &str {
        if domain::event_types::is_native(name) {
            return name;
        }
        self.rows().find(|row| row.own == name).and_then(|row| row.native).unwrap_or(name)
    }

    /// Whether the deliveries of any dialect set the header `name`.
    #[must_use]
    pub fn is_reserved_header(self, name: &str) -> bool {
        self.0.iter().flat_map(|dialect| dialect.reserved_headers).any(|own| own.eq_ignore_ascii_case(name))
    }

    fn rows(self) -> impl Iterator<Item = &'static EventName> {
        self.0.iter().flat_map(|dialect| dialect.event_names)
    }
}
