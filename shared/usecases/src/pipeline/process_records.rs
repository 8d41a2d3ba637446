//! Processes the records of one batch concurrently.

use std::error::Error;

use futures::future::join_all;

use super::queue_record::QueueRecord;
use crate::internal_error::InternalError;

/// Processes all records of a batch concurrently, with the state that they share. Calls `after` for each record that is
/// done. Returns the message ids of the records whose `work` failed. SQS redelivers these messages, and finally moves
/// them to the dead-letter queue.
pub(super) async fn process_records<S>(
    shared: &S,
    records: &[QueueRecord],
    work: impl AsyncFn(&S, &QueueRecord) -> Result<(), InternalError>,
    after: impl Fn(&S),
) -> Vec<String> {
    let (work, after) = (&work, &after);
    let works = records.iter().map(|record| async move {
        let result = work(shared, record).await;
        after(shared);
        result
    });
    let mut failed = Vec::new();
    for (record, result) in records.iter().zip(join_all(works).await) {
        if let Err(error) = result {
            let sqs_message_id = &record.message_id;
            tracing::error!(error = &error as &dyn Error, sqs_message_id, "a message could not be processed");
            failed.push(sqs_message_id.clone());
        }
    }
    failed
}
