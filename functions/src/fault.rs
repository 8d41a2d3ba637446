//! A fault of ours or of AWS's, as against a mistake of the caller's: it is logged, once, and the caller may try again.

use shared::domain::DialectName;
use shared::queue::QueueError;
use shared::store::StoreError;
use shared::webhooks::WebhookError;

use crate::native::Detail;

/// What went wrong on our side.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// DynamoDB.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// SQS.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// A use case could not be finished.
    #[error(transparent)]
    Webhook(WebhookError),
    /// A queued event is not one that publishing would have taken.
    #[error("event {index} of a message: {}: {}", detail.field, detail.message)]
    Event {
        /// Its place in the message.
        index: usize,
        /// What is wrong with it.
        detail: Detail,
    },
    /// A webhook was set in a dialect that this release does not have.
    #[error("there is no dialect {}", .0.as_str())]
    Dialect(DialectName),
    /// Something of ours could not be written as JSON, or read back.
    #[error("a message is not of the expected shape: {0}")]
    Json(#[from] serde_json::Error),
}
