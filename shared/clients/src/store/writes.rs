//! Many writes in few requests.

use std::time::Duration;

use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use futures::future::try_join_all;

use super::{Item, Store, StoreError};
use crate::aws::AwsFailure;

/// The most items that DynamoDB writes in one request.
const BATCH_WRITE_MAX: usize = 25;

/// The most tries of a batch. Each further try sends only the writes that the last one left unprocessed.
const WRITE_TRIES_MAX: u32 = 3;

/// The pause before the nth further try is n times as long.
const WRITE_PAUSE: Duration = Duration::from_millis(50);

impl Store {
    /// Makes all writes to a table. No two may be to the same item.
    ///
    /// # Errors
    /// Where DynamoDB did not take all of them. Some may be written.
    pub(super) async fn write_batches(&self, table: &str, writes: Vec<WriteRequest>) -> Result<(), StoreError> {
        try_join_all(writes.chunks(BATCH_WRITE_MAX).map(|some| self.write_batch(table, some.to_vec()))).await?;
        Ok(())
    }

    async fn write_batch(&self, table: &str, mut writes: Vec<WriteRequest>) -> Result<(), StoreError> {
        for tries in 1..=WRITE_TRIES_MAX {
            if tries > 1 {
                tokio::time::sleep(WRITE_PAUSE * tries).await;
            }
            let written = self.client.batch_write_item().request_items(table, writes).send().await?;
            writes = written.unprocessed_items.unwrap_or_default().into_values().flatten().collect();
            if writes.is_empty() {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable(AwsFailure::new("UnprocessedItems", "some items were not written")))
    }
}

/// The write that puts `item`.
pub(super) fn put(item: Item) -> WriteRequest {
    #[allow(clippy::expect_used, reason = "the required field is set here")]
    let put = PutRequest::builder().set_item(Some(item)).build().expect("an item is set");
    WriteRequest::builder().put_request(put).build()
}
