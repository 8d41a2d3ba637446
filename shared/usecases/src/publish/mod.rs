//! Publishes events: reads and checks them, keeps their conversations, packs them into queue messages,
//! and queues the messages. Once SQS has an event, it is not lost.

mod content_digest;
pub(crate) mod conversation_history;
mod dispatch_here;
pub(crate) mod pack_events;
mod publish_events;
mod read_event;
pub(crate) mod register_events;

pub use self::conversation_history::{CONTENT_BYTES_MAX, HISTORY_BYTES_MAX};
pub(crate) use self::publish_events::position;
pub use self::publish_events::{EVENTS_MAX, InvalidEventField, PublishError, PublishRequest, publish_events};
pub use self::publish_events::{publish_system_event, publish_to_webhooks};
pub(crate) use self::read_event::read_event;
pub use self::read_event::{
    EVENT_BYTES_MAX, EVENT_TYPE_FORM, InvalidField, STATE_BYTES_MAX, TEXT_CHARS_MAX, TYPE_CHARS_MAX, is_event_type,
};
