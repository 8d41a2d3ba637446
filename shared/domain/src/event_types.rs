//! The native event names. Each dialect maps them to names of its own. A platform may also publish any other event
//! type.

macro_rules! event_types {
    ($(#[doc = $meaning:literal] $constant:ident = $name:literal;)*) => {
        $(#[doc = $meaning] pub const $constant: &str = $name;)*

        /// All native event names, each with its meaning.
        pub const ALL: &[(&str, &str)] = &[$(($name, $meaning)),*];
    };
}

event_types! {
    /// A phone call began.
    CALL_RECEIVED = "call.received";
    /// A phone call has ended.
    CALL_COMPLETED = "call.completed";
    /// A phone call could not be made.
    CALL_FAILED = "call.failed";
    /// A conversation began.
    CONVERSATION_STARTED = "conversation.started";
    /// A conversation is complete.
    CONVERSATION_COMPLETED = "conversation.completed";
    /// The agent got or sent a message.
    MESSAGE_RECEIVED = "message.received";
    /// Somebody reacted to a message.
    MESSAGE_REACTION = "message.reaction";
    /// A webhook of the project was disabled.
    WEBHOOK_DISABLED = "webhook.disabled";
}

/// Whether `name` is a native event name.
#[must_use]
pub fn is_native(name: &str) -> bool {
    ALL.iter().any(|(native, _)| *native == name)
}
