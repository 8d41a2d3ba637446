//! The trace that an event belongs to, in the format of W3C Trace Context:
//! <https://www.w3.org/TR/trace-context/#traceparent-header>.

use serde::{Deserialize, Deserializer, Serialize};

/// A `traceparent`, `00-<32 hex digits: trace>-<16: parent>-<2: flags>`, as the platform sent it with its call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Traceparent(String);

impl Traceparent {
    /// The header's name.
    pub const HEADER: &'static str = "traceparent";

    /// Reads a `traceparent`. An invalid text gives `None`, because the specification says to ignore it. Fields that a
    /// later version adds are dropped.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let [version, trace, parent, flags] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        let is_known = is_hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
        let is_id = |text: &str, digits| is_hex(text, digits) && text.bytes().any(|digit| digit != b'0');
        let is_valid = is_known && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2);
        // Version 00 has one flag, `sampled`. Other flags of a later version mean nothing in version 00, so they are
        // dropped.
        let flags = u8::from_str_radix(flags, 16).ok().filter(|_| is_valid)?;
        let flags = if version == "00" { flags } else { flags & 1 };
        Some(Self(format!("00-{trace}-{parent}-{flags:02x}")))
    }

    /// Deserializes the `traceparent` of a queue message. An invalid text gives `None`.
    ///
    /// # Errors
    /// Where the value is neither a string nor null.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.as_deref().and_then(Self::parse))
    }

    /// The `traceparent` as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trace: 32 hex digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.0.split('-').nth(1).unwrap_or_default()
    }
}

/// Lower case only, as the specification says.
fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn the_specifications_example_is_read() {
        let text = format!("00-{TRACE}-b7ad6b7169203331-01");
        let read = Traceparent::parse(&text).unwrap();
        assert_eq!((read.as_str(), read.trace_id()), (text.as_str(), TRACE));
    }

    #[test]
    fn a_later_version_is_read_as_far_as_this_one_knows_it() {
        let read = Traceparent::parse(&format!("01-{TRACE}-b7ad6b7169203331-ff-more")).unwrap();
        assert_eq!(read.as_str(), format!("00-{TRACE}-b7ad6b7169203331-01"));
    }

    #[test]
    fn an_invalid_traceparent_is_ignored() {
        for text in [
            String::new(),
            TRACE.to_owned(),
            format!("ff-{TRACE}-b7ad6b7169203331-01"),
            format!("00-{TRACE}-b7ad6b7169203331-01-more"),
            format!("00-{TRACE}-b7ad6b7169203331"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            format!("00-{}-b7ad6b7169203331-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-b7ad6b7169203331-1\r"),
        ] {
            assert_eq!(Traceparent::parse(&text), None, "{text}");
        }
    }
}
