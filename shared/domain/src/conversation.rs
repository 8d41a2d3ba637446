//! A conversation's messages and state, which the payload of a later event may repeat.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::time::Timestamp;

/// A message that was published for a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The text that was written or said.
    pub content: String,
    /// `inbound` or `outbound`, as published.
    pub direction: String,
    /// `sms`, `voice`, …
    pub channel: Option<String>,
    /// When the message was written or said.
    pub at: Timestamp,
}

/// A conversation as it was before an event.
#[derive(Debug, Default)]
pub struct Conversation {
    /// The last messages, oldest first.
    pub messages: Vec<Message>,
    /// The last state that was published for the conversation: a JSON object.
    pub state: Option<Box<RawValue>>,
}
