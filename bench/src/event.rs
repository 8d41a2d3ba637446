//! The events that the platform publishes: calls of AI agents, each with a summary in words. The text compresses about as
//! well as English does, because its words have the frequencies of a natural language.

use std::sync::LazyLock;

use domain::time::Timestamp;
use serde_json::{Value, json};

/// Bytes of an event's JSON.
pub(crate) const EVENT_BYTES: usize = 600;

/// The words of the summaries, the most frequent first.
static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("vocabulary.txt").split_whitespace().collect());

/// Events of the same seed and number have the same text.
const SEED: u64 = 0x5377_6974_6368_686f;

/// The time of the first event: 2026-01-01T00:00:00Z, in Unix seconds.
const FIRST_CALL_S: u64 = 1_767_225_600;

/// A pseudo-random sequence (SplitMix64, <https://prng.di.unimi.it/splitmix64.c>).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// A word of the vocabulary. The word of rank r is about r times as rare as the first (Zipf's law).
    fn word(&mut self) -> &'static str {
        #[allow(clippy::cast_precision_loss, reason = "a sample between 0 and 1 needs no more digits")]
        let sample = self.next() as f64 / u64::MAX as f64;
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let rank = (WORDS.len() as f64).powf(sample) - 1.0;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let index = rank as usize;
        WORDS.get(index).or(WORDS.last()).copied().unwrap_or_default()
    }

    /// An id that looks like a UUID.
    fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        let digits = format!("{high:016x}{low:016x}");
        let (start, rest) = digits.split_at(8);
        format!("{start}-{}-{}-{}-{}", part(rest, 0, 4), part(rest, 4, 8), part(rest, 8, 12), part(rest, 12, 24))
    }

    /// Sentences of `bytes` bytes in all.
    fn text(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes + 16);
        while text.len() < bytes {
            for index in 0..4 + self.below(12) {
                let word = self.word();
                if index == 0 {
                    let (first, rest) = word.split_at_checked(1).unwrap_or_default();
                    text.push_str(&first.to_uppercase());
                    text.push_str(rest);
                } else {
                    text.push(' ');
                    text.push_str(word);
                }
            }
            text.push_str(". ");
        }
        text.truncate(bytes);
        text
    }
}

fn part(digits: &str, start: usize, end: usize) -> &str {
    digits.get(start..end).unwrap_or_default()
}

/// Event number `number`, a call of `agent`, as JSON of [`EVENT_BYTES`] bytes. The receiver finds the number after
/// `"n":`.
pub(crate) fn event(agent: &str, number: usize) -> Value {
    let number = number as u64;
    let mut random = Random(SEED ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let (started_s, lasted_s) = (FIRST_CALL_S + 7 * number + random.below(7), 15 + random.below(900));
    let mut event = json!({
        "type": "call.completed",
        "agent_id": agent,
        "data": {
            "n": number,
            "call_id": random.uuid(),
            "from": format!("+1{:010}", 2_000_000_000 + random.below(8_000_000_000)),
            "started_at": timestamp(started_s),
            "ended_at": timestamp(started_s + lasted_s),
            "duration_s": lasted_s,
            "status": "completed",
            "summary": "",
        },
    });
    let missing = EVENT_BYTES.saturating_sub(event.to_string().len());
    if let Some(summary) = event.pointer_mut("/data/summary") {
        *summary = Value::from(random.text(missing));
    }
    event
}

/// A time in ISO 8601.
fn timestamp(unix_s: u64) -> String {
    let millis = i64::try_from(unix_s).unwrap_or_default().saturating_mul(1000);
    Timestamp::from_millis(millis).iso8601()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;

    fn compressed_share(text: &str) -> f64 {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap().len() as f64 / text.len() as f64
    }

    #[test]
    fn events_have_600_bytes_and_differ_and_the_same_number_gives_the_same_event() {
        let events: Vec<String> = (0..1_000).map(|number| event("agt_abc123", number).to_string()).collect();
        assert!(events.iter().all(|event| event.len() == EVENT_BYTES));
        assert!(events.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(events[123], event("agt_abc123", 123).to_string());
    }

    #[test]
    fn events_compress_about_as_well_as_english_text_with_ids() {
        for first in (0..1_000).step_by(10) {
            let ten: Vec<String> = (first..first + 10).map(|number| event("agt_abc123", number).to_string()).collect();
            let (alone, together) = (compressed_share(&ten[0]), compressed_share(&ten.concat()));
            assert!((0.60..=0.75).contains(&alone), "one event compresses to {alone:.3}");
            assert!((0.35..=0.50).contains(&together), "ten events compress to {together:.3}");
        }
    }
}
