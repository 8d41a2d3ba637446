//! A queue message, as a function receives it.

use clients::queue::messages::VERSION;
use domain::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::internal_error::InternalError;

/// One message of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueRecord {
    /// SQS's id of the message.
    pub message_id: String,
    /// The message's body, as JSON.
    pub body: String,
    /// When SQS accepted the message.
    pub sent_at: Option<Timestamp>,
    /// How often SQS has delivered the message, this time included.
    pub receive_count: u32,
}

/// The one field that a message of every release has.
#[derive(Deserialize)]
struct Versioned {
    v: u64,
}

impl QueueRecord {
    /// Reads the message in the record's body.
    ///
    /// # Errors
    /// Where this release does not know the message's shape. The record then ends in the dead-letter queue.
    pub(super) fn message<T: DeserializeOwned>(&self) -> Result<T, InternalError> {
        serde_json::from_str(&self.body).map_err(|error| match serde_json::from_str(&self.body) {
            Ok(Versioned { v }) if v != VERSION => InternalError::MessageVersion(v),
            _ => error.into(),
        })
    }

    /// Whether SQS has delivered the message before. An earlier invocation may then have done some of the work.
    pub(super) const fn is_redelivered(&self) -> bool {
        self.receive_count > 1
    }
}

#[cfg(test)]
mod tests {
    use clients::queue::messages::EventsMessage;

    use super::*;

    #[test]
    fn another_version_and_a_broken_message_get_different_errors() {
        let read = |body: &str| {
            let record = QueueRecord { body: body.to_owned(), ..QueueRecord::default() };
            record.message::<EventsMessage>().unwrap_err()
        };
        assert!(matches!(read(r#"{"v":2,"shape":"of its own"}"#), InternalError::MessageVersion(2)));
        assert!(matches!(read(r#"{"v":1,"shape":"of its own"}"#), InternalError::Json(_)));
        assert!(matches!(read("no JSON"), InternalError::Json(_)));
    }
}
