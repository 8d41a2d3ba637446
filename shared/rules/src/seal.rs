//! Sealing secrets for the store: AES-256-GCM, with keys that the operator rotates. Pure: nonces are arguments.
//!
//! A sealed text is `<key id>.<base64 of nonce and ciphertext>`. Its associated data, such as an item's key, is
//! authenticated. So a sealed text that is moved to another item does not open.

use std::fmt;
use std::str::FromStr;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 12;

/// The operator's keys. The first key seals, and each key opens. No `Debug` form shows them.
#[derive(Clone)]
pub struct SealingKeys(Vec<(String, Aes256Gcm)>);

impl fmt::Debug for SealingKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

/// The text is not a list of keys. The error does not repeat the text, because it may contain a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not keys as in id:base64,id:hex, each of {KEY_BYTES} bytes and with an id of its own of A-Z a-z 0-9 _ -")]
pub struct InvalidKeys;

/// Why a text cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The text was sealed with a key that is not among these.
    #[error("a secret was sealed with a key that is not set")]
    UnknownKey,
    /// The text was changed, or was sealed with other associated data.
    #[error("a sealed secret was changed or moved")]
    NotAuthentic,
}

impl FromStr for SealingKeys {
    type Err = InvalidKeys;

    /// Reads `id:base64` or `id:hex`, separated by commas. The first key seals. The others only open.
    fn from_str(text: &str) -> Result<Self, InvalidKeys> {
        let mut keys: Vec<(String, Aes256Gcm)> = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (id, encoded) = part.split_once(':').ok_or(InvalidKeys)?;
            let key = from_hex(encoded).map_or_else(|| STANDARD.decode(encoded), Ok).or(Err(InvalidKeys))?;
            let is_id = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
            if id.is_empty() || !id.bytes().all(is_id) || keys.iter().any(|(known, _)| known == id) {
                return Err(InvalidKeys);
            }
            keys.push((id.to_owned(), Aes256Gcm::new_from_slice(&key).or(Err(InvalidKeys))?));
        }
        Ok(Self(keys))
    }
}

/// A key's bytes from 64 hex digits. `None` for any other text.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 2 * KEY_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    text.as_bytes().chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()).collect()
}

impl SealingKeys {
    /// Seals `plain` with the first key. A nonce must not be used twice with the same key.
    ///
    /// # Errors
    /// Where there is no key, or `plain` is over 64 GB.
    pub fn seal(&self, plain: &str, associated_data: &str, nonce: [u8; NONCE_BYTES]) -> Result<String, SealError> {
        let (id, key) = self.0.first().ok_or(SealError::UnknownKey)?;
        let payload = Payload { msg: plain.as_bytes(), aad: associated_data.as_bytes() };
        let sealed = key.encrypt(&Nonce::from(nonce), payload).or(Err(SealError::NotAuthentic))?;
        Ok(format!("{id}.{}", STANDARD.encode([nonce.as_slice(), &sealed].concat())))
    }

    /// Whether `sealed` was sealed with the first key.
    #[must_use]
    pub fn is_sealed_with_first_key(&self, sealed: &str) -> bool {
        self.0.first().map(|(id, _)| id.as_str()) == sealed.split_once('.').map(|(id, _)| id)
    }

    /// Opens a text that was sealed with the same `associated_data`.
    ///
    /// # Errors
    /// Where the text's key is not among these, or the text was sealed with other associated data.
    pub fn open(&self, sealed: &str, associated_data: &str) -> Result<String, SealError> {
        let (id, encoded) = sealed.split_once('.').ok_or(SealError::NotAuthentic)?;
        let (_, key) = self.0.iter().find(|(known, _)| known == id).ok_or(SealError::UnknownKey)?;
        let bytes = STANDARD.decode(encoded).or(Err(SealError::NotAuthentic))?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::NotAuthentic)?;
        let payload = Payload { msg: sealed, aad: associated_data.as_bytes() };
        let plain = key.decrypt(&Nonce::from(*nonce), payload).or(Err(SealError::NotAuthentic))?;
        String::from_utf8(plain).or(Err(SealError::NotAuthentic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(ids: &[(&str, u8)]) -> SealingKeys {
        let parts: Vec<String> =
            ids.iter().map(|(id, byte)| format!("{id}:{}", STANDARD.encode([*byte; KEY_BYTES]))).collect();
        parts.join(",").parse().unwrap()
    }

    #[test]
    fn a_sealed_text_opens_only_with_its_associated_data() {
        let keys = keys(&[("k1", 1)]);
        let sealed = keys.seal("whsec_abc", "here", [7; NONCE_BYTES]).unwrap();
        assert!(sealed.starts_with("k1.") && !sealed.contains("abc"), "{sealed}");
        assert_eq!(keys.open(&sealed, "here").as_deref(), Ok("whsec_abc"));
        assert_eq!(keys.open(&sealed, "there"), Err(SealError::NotAuthentic));
        for changed in ["", "k1", "k1.", "k1.AAAA", "k1.!", &sealed.replace("k1.", "k1.AAAA")] {
            assert_eq!(keys.open(changed, "here"), Err(SealError::NotAuthentic), "{changed}");
        }
    }

    #[test]
    fn a_rotated_key_opens_what_it_sealed_until_it_is_taken_away() {
        let sealed = keys(&[("k1", 1)]).seal("secret", "here", [7; NONCE_BYTES]).unwrap();
        let rotated = keys(&[("k2", 2), ("k1", 1)]);
        assert_eq!(rotated.open(&sealed, "here").as_deref(), Ok("secret"));
        assert!(rotated.seal("secret", "here", [8; NONCE_BYTES]).unwrap().starts_with("k2."));
        assert_eq!(keys(&[("k2", 2)]).open(&sealed, "here"), Err(SealError::UnknownKey));
        assert_eq!(
            keys(&[("k1", 2)]).open(&sealed, "here"),
            Err(SealError::NotAuthentic),
            "another key of the same id"
        );
    }

    #[test]
    fn a_key_may_be_given_in_hex() {
        let sealed = keys(&[("k1", 0xab)]).seal("secret", "here", [7; NONCE_BYTES]).unwrap();
        let hex: SealingKeys = format!("k1:{}", "ab".repeat(KEY_BYTES)).parse().unwrap();
        assert_eq!(hex.open(&sealed, "here").as_deref(), Ok("secret"));
    }

    #[test]
    fn invalid_keys_are_refused_and_not_shown() {
        let good = STANDARD.encode([1; KEY_BYTES]);
        for text in ["", "k1", &good, "k1:", "k1:AAAA", "k 1:AAAA", &format!("a:{good},a:{good}"), &format!(":{good}")]
        {
            assert_eq!(text.parse::<SealingKeys>().err(), Some(InvalidKeys), "{text}");
        }
        let shown = format!("{:?}", keys(&[("k1", 1), ("k0", 0)]));
        assert_eq!(shown, r#"["k1", "k0"]"#);
    }
}
