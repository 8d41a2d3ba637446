//! A fault of ours or of AWS's, as against a mistake of the caller's: it is logged, once, and the caller may try again.

use std::sync::Arc;

use shared::domain::DialectName;
use shared::queue::QueueError;
use shared::store::StoreError;
use shared::webhooks::WebhookError;

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
    /// A queued message has more events than one call publishes.
    #[error("a message has {0} events")]
    TooManyEvents(usize),
    /// A queued event is not one that publishing would have taken. What is wrong with it may quote a customer's data.
    #[error("event {index} of a message is not valid")]
    Event {
        /// Its place in the message.
        index: usize,
    },
    /// A message is of another release's shape.
    #[error("a message is of version {0}, which this release does not know")]
    Version(u64),
    /// A webhook was set in a dialect that this release does not have.
    #[error("there is no dialect {}", .0.as_str())]
    Dialect(DialectName),
    /// What was done for several could not be.
    #[error(transparent)]
    Shared(Arc<Fault>),
    /// Something of ours could not be written as JSON, or read back. The parser's words may quote a customer's data.
    #[error("a message is not of the expected shape: {:?} error in line {}, column {}", .0.classify(), .0.line(), .0.column())]
    Json(serde_json::Error),
}

impl Fault {
    /// Whether it is AWS that failed: whatever is asked of it at the moment, it may fail again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) | Self::Webhook(WebhookError::Store(error)) => {
                matches!(error, StoreError::Unavailable(_))
            }
            Self::Queue(error) => matches!(error, QueueError::Unavailable(_)),
            Self::Shared(fault) => fault.is_transient(),
            Self::Webhook(_)
            | Self::TooManyEvents(_)
            | Self::Event { .. }
            | Self::Version(_)
            | Self::Dialect(_)
            | Self::Json(_) => false,
        }
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

/// Lets `?` turn faults into the `Fault` of a dialect's own `Problem`.
macro_rules! problem_from_faults {
    ($problem:ty) => {
        problem_from_faults!($problem: crate::fault::Fault, shared::store::StoreError, serde_json::Error);
    };
    ($problem:ty: $($fault:ty),+) => {
        $(impl From<$fault> for $problem {
            fn from(fault: $fault) -> Self {
                Self::Fault(fault.into())
            }
        })+
    };
}

pub(crate) use problem_from_faults;
