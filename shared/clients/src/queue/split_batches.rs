//! Splitting messages into batches within SQS's limits. Pure.
//!
//! The limits: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>.

use super::{Outgoing, QueueError};

/// The most messages in one batch.
pub const BATCH_MESSAGES_MAX: usize = 10;

/// The most bytes of one message's body, and of all bodies of a batch together.
pub(super) const BYTES_MAX: usize = 1024 * 1024;

/// Splits `messages` into batches, in their order.
///
/// # Errors
/// Where a message is larger than [`BYTES_MAX`].
pub(super) fn batches(messages: Vec<Outgoing>) -> Result<Vec<Vec<Outgoing>>, QueueError> {
    if let Some(message) = messages.iter().find(|message| message.body.len() > BYTES_MAX) {
        return Err(QueueError::TooLarge { bytes: message.body.len() });
    }
    Ok(parts(messages, BATCH_MESSAGES_MAX, BYTES_MAX, |message| message.body.len()))
}

/// Splits `items`, in their order, into parts of at most `count_max` items and `bytes_max` bytes. An item of more than
/// `bytes_max` bytes is a part of its own.
pub fn parts<T>(items: Vec<T>, count_max: usize, bytes_max: usize, bytes: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut parts: Vec<Vec<T>> = Vec::new();
    let mut part_bytes: usize = 0;
    for item in items {
        let item_bytes = bytes(&item);
        part_bytes = part_bytes.saturating_add(item_bytes);
        match parts.last_mut() {
            Some(part) if part.len() < count_max && part_bytes <= bytes_max => part.push(item),
            _ => {
                part_bytes = item_bytes;
                parts.push(vec![item]);
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn message(bytes: usize) -> Outgoing {
        Outgoing { body: "x".repeat(bytes), delay: Duration::ZERO, group: String::new() }
    }

    #[test]
    fn a_message_over_a_mebibyte_is_refused() {
        assert!(batches(vec![message(BYTES_MAX)]).is_ok());
        assert!(
            matches!(batches(vec![message(1), message(BYTES_MAX + 1)]), Err(QueueError::TooLarge { bytes }) if bytes == BYTES_MAX + 1)
        );
    }

    proptest! {
        #[test]
        fn batches_keep_order_and_limits(sizes in prop::collection::vec(0..600_000_usize, 0..40)) {
            let batches = batches(sizes.iter().map(|&bytes| message(bytes)).collect()).unwrap();
            for batch in &batches {
                prop_assert!((1..=BATCH_MESSAGES_MAX).contains(&batch.len()));
                prop_assert!(batch.iter().map(|message| message.body.len()).sum::<usize>() <= BYTES_MAX);
            }
            let together: Vec<usize> = batches.iter().flatten().map(|message| message.body.len()).collect();
            prop_assert_eq!(together, sizes);
        }
    }
}
