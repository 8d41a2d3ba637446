//! Writes an attempt's message for its queue.

use std::time::Duration;

use clients::queue::Outgoing;
use clients::queue::messages::{DeliveryMessage, deliveries_group};

use crate::internal_error::InternalError;

/// The message of an attempt, which SQS hides for `delay`.
///
/// # Errors
/// Where the message cannot be written as JSON.
pub(super) fn outgoing(message: &DeliveryMessage, delay: Duration) -> Result<Outgoing, InternalError> {
    Ok(Outgoing { body: serde_json::to_string(message)?, delay, group: deliveries_group(&message.key) })
}
