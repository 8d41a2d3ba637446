//! The trace that an event belongs to, as W3C Trace Context writes it: <https://www.w3.org/TR/trace-context/#traceparent-header>.

use serde::{Deserialize, Deserializer, Serialize};

/// A `traceparent`, `00-<32 hex digits: trace>-<16: parent>-<2: flags>`, as the platform's call carried it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Traceparent(String);

impl Traceparent {
    /// The header's name.
    pub const HEADER: &'static str = "traceparent";

    /// Reads one; `None` where it is none, which the specification has us ignore. What a later version adds is left out.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let [version, trace, parent, flags] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        let is_known = is_hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
        let is_id = |text: &str, digits| is_hex(text, digits) && text.bytes().any(|digit| digit != b'0');
        let is_valid = is_known && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2);
        // Of the flags this version has one, `sampled`; a later one's others mean nothing in it.
        let flags = u8::from_str_radix(flags, 16).ok().filter(|_| is_valid)?;
        let flags = if version == "00" { flags } else { flags & 1 };
        Some(Self(format!("00-{trace}-{parent}-{flags:02x}")))
    }

    /// The same, for what is read from a queue: there, too, what is none is ignored.
    ///
    /// # Errors
    /// Where it is no text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.as_deref().and_then(Self::parse))
    }

    /// It as text.
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

/// Lower case alone, as the specification has it.
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
    fn of_a_later_version_what_this_one_knows_is_read() {
        let read = Traceparent::parse(&format!("01-{TRACE}-b7ad6b7169203331-ff-more")).unwrap();
        assert_eq!(read.as_str(), format!("00-{TRACE}-b7ad6b7169203331-01"));
    }

    #[test]
    fn what_is_none_is_ignored() {
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
