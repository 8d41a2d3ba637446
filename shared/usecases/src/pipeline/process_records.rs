//! Working the records of one batch side by side.

use std::error::Error;

use futures::future::join_all;

use super::queue_record::QueueRecord;
use crate::internal_error::InternalError;

/// Works all records of a batch at once, with the state that they share, and calls `after` for each that is done.
/// Returns the message ids of those whose `work` failed: SQS shows them again, and dead-letters them in the end.
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
