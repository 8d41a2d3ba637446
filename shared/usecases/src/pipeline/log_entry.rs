//! Writes the log entry of a delivery, from the message that makes its attempts.

use clients::queue::messages::DeliveryMessage;
use domain::{Delivery, Status};

/// A log entry without the result of an attempt.
pub(super) fn log_entry(message: &DeliveryMessage, status: Status, attempt_count: u32) -> Delivery {
    Delivery {
        key: message.key.clone(),
        event_id: message.event_id.clone(),
        event_type: message.event_type.clone(),
        agent_id: message.agent_id.clone(),
        message_id: message.message_id.clone(),
        channel: message.channel.clone(),
        status,
        attempt_count,
        http_status: None,
        error: None,
        response_body: None,
        last_attempt_at: None,
        next_retry_at: None,
    }
}
