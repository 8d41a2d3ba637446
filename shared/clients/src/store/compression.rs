//! Compresses the long attributes of the log table (raw DEFLATE, RFC 1951).

use std::cell::RefCell;
use std::io::Read;

use flate2::read::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress};

use super::StoreError;

/// The most bytes that a compressed attribute may hold: a hundred events of 256 KiB.
const INFLATED_BYTES_MAX: u64 = 100 * 256 * 1024;

/// The compression level, from 0 to 9. Higher levels take longer, and save a few bytes of a thousand.
const LEVEL: u32 = 6;

/// The bytes that DEFLATE adds to data that it cannot compress: a few for each 16 KiB, and some at the ends.
const OVERHEAD_BYTES: usize = 64;

thread_local! {
    /// A compressor has tables of 300 KiB. To make new ones takes longer than to compress an event.
    static COMPRESSOR: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(LEVEL), false));
}

/// Compresses `text`.
///
/// # Errors
/// Where the compressor stops early, which no text makes it do.
pub(super) fn deflate(text: &str) -> Result<Vec<u8>, StoreError> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        compressor.reset();
        let mut bytes = Vec::with_capacity(text.len() + text.len() / 1024 + OVERHEAD_BYTES);
        let ended = compressor.compress_vec(text.as_bytes(), &mut bytes, FlushCompress::Finish);
        if ended.is_ok_and(|status| status == flate2::Status::StreamEnd) {
            Ok(bytes)
        } else {
            Err(StoreError::Compressed)
        }
    })
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
        // Text that does not compress: each character is the hash of its index.
        let mixed: String = (0u64..200_000)
            .map(|n| char::from(33 + (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57) as u8 % 90))
            .collect();
        for text in ["", "a", &r#"{"type":"call.completed","é":1}"#.repeat(100), &mixed] {
            assert_eq!(inflate(&deflate(text).unwrap()).unwrap(), text);
        }
        assert!(deflate(&"call.completed ".repeat(100)).unwrap().len() < 100);
        assert!(inflate(b"no DEFLATE").is_err());
    }
}
