//! Errors of Switchhook or AWS, as opposed to the caller's. An internal error is logged once, and the caller may try
//! again.

use std::sync::Arc;

use clients::queue::QueueError;
use clients::store::StoreError;
use domain::{DialectName, EventId};

use crate::webhooks::WebhookError;

/// An error that is not the caller's.
#[derive(Debug, thiserror::Error)]
pub enum InternalError {
    /// The store (DynamoDB) failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A queue (SQS) failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// A webhook could not be written.
    #[error(transparent)]
    Webhook(WebhookError),
    /// A queued message has more events than one call may publish.
    #[error("a message has {0} events")]
    TooManyEvents(usize),
    /// A queued event is not valid: publishing over HTTP would have refused it. Its invalid fields are left out,
    /// because they may quote a customer's data.
    #[error("event {index} of a message is not valid")]
    InvalidEvent {
        /// The event's index in the message, from 0.
        index: usize,
    },
    /// The client id of a queued event belongs to an event with other content.
    #[error("the client id of event {0} was used for an event with other content")]
    IdReused(EventId),
    /// A message has the version of another release.
    #[error("a message is of version {0}, which this release does not know")]
    MessageVersion(u64),
    /// A webhook was set in a dialect that this release does not have.
    #[error("there is no dialect {}", .0.as_str())]
    UnknownDialect(DialectName),
    /// A call that several records of a batch share failed.
    #[error(transparent)]
    Shared(Arc<InternalError>),
    /// JSON could not be written or read. The parser's own message is left out, because it may quote a customer's data.
    #[error("JSON could not be read or written: {:?} error in line {}, column {}", .0.classify(), .0.line(), .0.column())]
    Json(serde_json::Error),
}

impl InternalError {
    /// Whether AWS failed. Then other calls may fail now, too, and the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) | Self::Webhook(WebhookError::Store(error)) => {
                matches!(error, StoreError::Unavailable(_))
            }
            Self::Queue(error) => matches!(error, QueueError::Unavailable(_)),
            Self::Shared(error) => error.is_transient(),
            Self::Webhook(_)
            | Self::TooManyEvents(_)
            | Self::InvalidEvent { .. }
            | Self::IdReused(_)
            | Self::MessageVersion(_)
            | Self::UnknownDialect(_)
            | Self::Json(_) => false,
        }
    }
}

impl From<serde_json::Error> for InternalError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}
