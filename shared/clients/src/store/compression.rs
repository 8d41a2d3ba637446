//! Compresses the long attributes of the log table (raw DEFLATE, RFC 1951).

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::StoreError;

/// The most bytes that a compressed attribute may hold: a hundred events of 256 KiB.
const INFLATED_BYTES_MAX: u64 = 100 * 256 * 1024;

/// Compresses `text`.
pub(super) fn deflate(text: &str) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(text.len() / 2), Compression::new(5));
    // Writing to a Vec cannot fail.
    encoder.write_all(text.as_bytes()).unwrap_or_default();
    encoder.finish().unwrap_or_default()
}

/// The text of a compressed attribute.
///
/// # Errors
/// Where the bytes are not compressed text.
pub(super) fn inflate(bytes: &[u8]) -> Result<String, StoreError> {
    let mut text = String::new();
    DeflateDecoder::new(bytes).take(INFLATED_BYTES_MAX).read_to_string(&mut text).or(Err(StoreError::Compressed))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_same_after_compression() {
        for text in ["", "a", &r#"{"type":"call.completed","é":1}"#.repeat(100)] {
            assert_eq!(inflate(&deflate(text)).unwrap(), text);
        }
        assert!(deflate(&"call.completed ".repeat(100)).len() < 100);
        assert!(inflate(b"no DEFLATE").is_err());
    }
}
