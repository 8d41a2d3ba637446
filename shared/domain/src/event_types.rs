//! The native event names. Each dialect maps them to names of its own. A platform may also publish any other event
//! type.

/// A phone call began.
pub const CALL_RECEIVED: &str = "call.received";
/// A phone call has ended.
pub const CALL_COMPLETED: &str = "call.completed";
/// A phone call could not be made.
pub const CALL_FAILED: &str = "call.failed";
/// A conversation began.
pub const CONVERSATION_STARTED: &str = "conversation.started";
/// A conversation is complete.
pub const CONVERSATION_COMPLETED: &str = "conversation.completed";
/// The agent got or sent a message.
pub const MESSAGE_RECEIVED: &str = "message.received";
/// Somebody reacted to a message.
pub const MESSAGE_REACTION: &str = "message.reaction";
/// A webhook of the project was disabled.
pub const WEBHOOK_DISABLED: &str = "webhook.disabled";

/// All native event names.
pub const ALL: &[&str] = &[
    CALL_RECEIVED,
    CALL_COMPLETED,
    CALL_FAILED,
    CONVERSATION_STARTED,
    CONVERSATION_COMPLETED,
    MESSAGE_RECEIVED,
    MESSAGE_REACTION,
    WEBHOOK_DISABLED,
];
