//! Reading the records of a batch.

use aws_lambda_events::event::sqs::SqsMessage;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::queue::messages::VERSION;
use shared::time::Timestamp;

use crate::fault::Fault;

/// What a message of any release has.
#[derive(Deserialize)]
struct Versioned {
    v: u64,
}

/// The message that a record carries.
///
/// # Errors
/// Where it is not of the shape that this release knows: the record then ends in the dead-letter queue.
pub(super) fn message<T: DeserializeOwned>(record: &SqsMessage) -> Result<T, Fault> {
    let body = record.body.as_deref().unwrap_or_default();
    serde_json::from_str(body).map_err(|error| match serde_json::from_str(body) {
        Ok(Versioned { v }) if v != VERSION => Fault::Version(v),
        _ => error.into(),
    })
}

/// When SQS took it.
pub(super) fn sent_at(record: &SqsMessage) -> Option<Timestamp> {
    number(record, "SentTimestamp").map(Timestamp::from_millis)
}

/// Whether SQS has shown it before: an earlier invocation may have done some of its work.
pub(super) fn seen_before(record: &SqsMessage) -> bool {
    number(record, "ApproximateReceiveCount").is_some_and(|count| count > 1)
}

fn number(record: &SqsMessage, attribute: &str) -> Option<i64> {
    record.attributes.get(attribute)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use shared::queue::messages::EventsMessage;

    use super::*;

    #[test]
    fn a_message_of_another_version_is_told_from_one_that_is_broken() {
        let read = |body: &str| {
            let mut record = SqsMessage::default();
            record.body = Some(body.to_owned());
            message::<EventsMessage>(&record).unwrap_err()
        };
        assert!(matches!(read(r#"{"v":2,"shape":"of its own"}"#), Fault::Version(2)));
        assert!(matches!(read(r#"{"v":1,"shape":"of its own"}"#), Fault::Json(_)));
        assert!(matches!(read("no JSON"), Fault::Json(_)));
    }
}
