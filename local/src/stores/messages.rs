//! The messages of one queue, with indexes: no call looks through the whole queue.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use winterbaume_sqs::types::Message;

/// The memory that a message takes besides its body, at most.
const OVERHEAD_BYTES: usize = 512;

/// A place in the order in which messages were sent, unique in all queues.
pub(super) type Place = u64;

/// The messages of one queue.
#[derive(Default)]
pub(super) struct Messages {
    all: HashMap<Place, Held>,
    visible: BTreeSet<Place>,
    /// The messages that are delayed or in flight, by the time in milliseconds at which they are visible.
    hidden: BTreeSet<(i64, Place)>,
    memory_bytes: usize,
}

/// A message in the queue.
struct Held {
    message: Message,
    /// Whether the message has its body. Otherwise only the journal has it.
    has_body: bool,
}

/// A message that a receive found.
pub(super) struct Received {
    pub(super) place: Place,
    pub(super) message: Message,
    /// Whether the body has to be read from the journal.
    pub(super) lacks_body: bool,
}

/// The numbers of messages that `GetQueueAttributes` reports.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) visible: usize,
    pub(super) in_flight: usize,
    pub(super) delayed: usize,
}

impl Messages {
    /// Adds a message, with or without its body.
    pub(super) fn add(&mut self, place: Place, message: Message, has_body: bool) {
        self.memory_bytes += OVERHEAD_BYTES + message.body.len();
        self.hidden.insert((message.visible_at, place));
        self.all.insert(place, Held { message, has_body });
    }

    /// Takes a message out of the queue.
    pub(super) fn remove(&mut self, place: Place) -> Option<Received> {
        let Held { message, has_body } = self.all.remove(&place)?;
        self.memory_bytes -= OVERHEAD_BYTES + message.body.len();
        self.visible.remove(&place);
        self.hidden.remove(&(message.visible_at, place));
        Some(Received { place, message, lacks_body: !has_body })
    }

    /// Receives the oldest visible message, and hides it until `hidden_until_ms`.
    pub(super) fn receive(&mut self, now_ms: i64, hidden_until_ms: i64) -> Option<Received> {
        self.show_due(now_ms);
        let place = self.visible.pop_first()?;
        let held = self.all.get_mut(&place)?;
        let message = &mut held.message;
        message.approximate_receive_count += 1;
        message.receipt_handle = Some(receipt_handle(place, message));
        message.approximate_first_receive_timestamp.get_or_insert(now_ms);
        message.visible_at = hidden_until_ms;
        self.hidden.insert((hidden_until_ms, place));
        Some(Received { place, message: message.clone(), lacks_body: !held.has_body })
    }

    /// Changes until when a message is hidden. Returns whether it is in the queue.
    pub(super) fn hide_until(&mut self, place: Place, until_ms: i64) -> bool {
        let Some(held) = self.all.get_mut(&place) else { return false };
        self.hidden.remove(&(held.message.visible_at, place));
        self.visible.remove(&place);
        held.message.visible_at = until_ms;
        self.hidden.insert((until_ms, place));
        true
    }

    /// The message with this receipt handle, if the message is in the queue.
    pub(super) fn find(&self, handle: &Handle<'_>) -> Option<Place> {
        let held = self.all.get(&handle.place)?;
        (held.message.message_id == handle.message_id).then_some(handle.place)
    }

    /// The time until a message is visible, or zero if one is visible now. `None` if the queue is empty.
    pub(super) fn next_visible_in(&self, now_ms: i64) -> Option<Duration> {
        if !self.visible.is_empty() {
            return Some(Duration::ZERO);
        }
        let (visible_ms, _) = self.hidden.first()?;
        Some(Duration::from_millis(u64::try_from(visible_ms - now_ms).unwrap_or(0)))
    }

    /// The memory that the messages take, at most.
    pub(super) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    pub(super) fn counts(&self, now_ms: i64) -> Counts {
        let mut counts = Counts { visible: self.visible.len(), in_flight: 0, delayed: 0 };
        for (visible_ms, place) in &self.hidden {
            let was_received = self.all.get(place).is_some_and(|held| held.message.approximate_receive_count > 0);
            match (*visible_ms <= now_ms, was_received) {
                (true, _) => counts.visible += 1,
                (false, true) => counts.in_flight += 1,
                (false, false) => counts.delayed += 1,
            }
        }
        counts
    }

    fn show_due(&mut self, now_ms: i64) {
        while let Some((visible_ms, place)) = self.hidden.first().copied()
            && visible_ms <= now_ms
        {
            self.hidden.pop_first();
            self.visible.insert(place);
        }
    }
}

/// A receipt handle names the message's place, its id, and how often it has been received.
fn receipt_handle(place: Place, message: &Message) -> String {
    format!("{place}.{}.{}", message.message_id, message.approximate_receive_count)
}

/// A receipt handle that was read.
pub(super) struct Handle<'a> {
    place: Place,
    message_id: &'a str,
}

impl<'a> Handle<'a> {
    /// Reads a receipt handle.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (place, rest) = text.split_once('.')?;
        let (message_id, count) = rest.split_once('.')?;
        count.parse::<u32>().ok()?;
        Some(Self { place: place.parse().ok()?, message_id })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use std::time::Instant;

    use super::*;

    const BACKLOG: u64 = 50_000;

    fn message(place: Place, visible_at: i64) -> Message {
        Message {
            message_id: format!("id-{place}"),
            body: "body".to_owned(),
            body_md5: String::new(),
            receipt_handle: None,
            all_receipt_handles: Vec::new(),
            sender_id: String::new(),
            sent_timestamp: 0,
            approximate_first_receive_timestamp: None,
            approximate_receive_count: 0,
            visible_at,
            message_attributes: HashMap::new(),
        }
    }

    fn backlog(visible_at: i64) -> Messages {
        let mut messages = Messages::default();
        (0..BACKLOG).for_each(|place| messages.add(place, message(place, visible_at), true));
        messages
    }

    /// Looking through the queue for each message would take minutes.
    #[test]
    fn a_long_backlog_slows_no_call_down() {
        let start = Instant::now();
        let mut messages = backlog(0);
        for place in 0..BACKLOG {
            assert_eq!(messages.next_visible_in(1), Some(Duration::ZERO));
            let received = messages.receive(1, 1000).unwrap();
            assert_eq!(received.place, place, "the oldest message first");
            let handle = received.message.receipt_handle.unwrap();
            let place = messages.find(&Handle::parse(&handle).unwrap()).unwrap();
            assert!(messages.hide_until(place, 2000));
            messages.remove(place).unwrap();
        }
        assert_eq!((messages.memory_bytes(), messages.next_visible_in(1)), (0, None));
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }

    #[test]
    fn a_delayed_message_is_visible_when_it_is_due() {
        let mut messages = backlog(500);
        assert!(messages.receive(499, 1000).is_none());
        assert_eq!(messages.next_visible_in(499), Some(Duration::from_millis(1)));
        assert_eq!(messages.receive(500, 1000).unwrap().place, 0);
        let counts = messages.counts(500);
        assert_eq!((counts.visible, counts.in_flight, counts.delayed), (49_999, 1, 0));
    }

    #[test]
    fn a_message_in_flight_is_received_again_after_its_time_and_its_first_handle_deletes_it() {
        let mut messages = Messages::default();
        messages.add(7, message(7, 0), true);
        let first = messages.receive(0, 100).unwrap().message.receipt_handle.unwrap();
        assert!(messages.receive(99, 200).is_none());
        let again = messages.receive(100, 200).unwrap().message;
        assert_eq!(again.approximate_receive_count, 2);
        assert!(messages.find(&Handle::parse(&first).unwrap()).is_some());
        assert!(Handle::parse("made up").is_none());
    }
}
