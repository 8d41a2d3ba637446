//! Reading the records of a batch.

use aws_lambda_events::event::sqs::SqsMessage;
use serde::de::DeserializeOwned;
use shared::time::Timestamp;

use crate::fault::Fault;

/// The message that a record carries.
///
/// # Errors
/// Where it is not of the shape that this release knows: the record then ends in the dead-letter queue.
pub(super) fn message<T: DeserializeOwned>(record: &SqsMessage) -> Result<T, Fault> {
    Ok(serde_json::from_str(record.body.as_deref().unwrap_or_default())?)
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
