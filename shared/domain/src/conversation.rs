//! What a conversation's deliveries repeat of it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::time::Timestamp;

/// A message that was published for a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// What was written or said.
    pub content: String,
    /// `inbound` or `outbound`, as published.
    pub direction: String,
    /// `sms`, `voice`, …
    pub channel: Option<String>,
    /// When it was.
    pub at: Timestamp,
}

/// A conversation as it stood before an event.
#[derive(Debug, Default)]
pub struct Conversation {
    /// Its last messages, oldest first.
    pub messages: Vec<Message>,
    /// The state that was last published for it: a JSON object.
    pub state: Option<Box<RawValue>>,
}
