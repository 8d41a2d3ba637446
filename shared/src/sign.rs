//! The headers that prove where a delivery comes from. Pure: the same input gives the same headers.
//!
//! Every delivery carries those of the Standard Webhooks specification
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>); a [`Scheme`] adds
//! those that a dialect's receivers check.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::domain::{PreviousSecret, Secret};
use crate::time::Timestamp;

/// The signature that a dialect adds to the three Standard Webhooks headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// None.
    Standard,
    /// `X-Webhook-Timestamp`: unix seconds; `X-Webhook-Signature`: `sha256=` and lower-case hex HMAC-SHA256 of
    /// `{timestamp}.{raw body}`, keyed with the whole secret string's bytes.
    TimestampedHex,
}

/// A header's name and value.
pub type Header = (&'static str, String);

/// The headers that sign `body` for one attempt made `now`. `id` is the same on every attempt.
#[must_use]
pub fn headers(
    scheme: Scheme,
    secret: &Secret,
    previous: &[PreviousSecret],
    id: &str,
    now: Timestamp,
    body: &[u8],
) -> Vec<Header> {
    let timestamp = now.seconds().to_string();
    let mut signature = standard_signature(secret, id, &timestamp, body);
    for previous in previous.iter().filter(|previous| now < previous.valid_until) {
        signature.push(' ');
        signature.push_str(&standard_signature(&previous.secret, id, &timestamp, body));
    }
    let mut headers =
        vec![("webhook-id", id.to_owned()), ("webhook-timestamp", timestamp.clone()), ("webhook-signature", signature)];
    match scheme {
        Scheme::Standard => {}
        Scheme::TimestampedHex => {
            let mac = hmac_sha256(secret.expose().as_bytes(), &[timestamp.as_bytes(), b".", body]);
            headers.push(("x-webhook-timestamp", timestamp));
            headers.push(("x-webhook-signature", format!("sha256={}", hex(&mac))));
        }
    }
    headers
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

fn standard_signature(secret: &Secret, id: &str, timestamp: &str, body: &[u8]) -> String {
    let mac = hmac_sha256(&standard_key(secret), &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
    format!("v1,{}", STANDARD.encode(mac))
}

/// The base64 after `whsec_`, or the secret's own bytes where it isn't that.
fn standard_key(secret: &Secret) -> Vec<u8> {
    secret
        .expose()
        .strip_prefix("whsec_")
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .unwrap_or_else(|| secret.expose().as_bytes().to_vec())
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    #[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_614_265_330_000);
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn value<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
        headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
    }

    fn sign(scheme: Scheme, secret: &str, previous: &[PreviousSecret]) -> Vec<Header> {
        headers(scheme, &Secret::new(secret.to_owned()), previous, "msg_p5jXN8AQM9LWM0D4loKWxJek", NOW, BODY)
    }

    /// The vector that the specification's own libraries test themselves with.
    #[test]
    fn standard_signature_is_that_of_the_specification() {
        let headers = sign(Scheme::Standard, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &[]);
        assert_eq!(value(&headers, "webhook-id"), Some("msg_p5jXN8AQM9LWM0D4loKWxJek"));
        assert_eq!(value(&headers, "webhook-timestamp"), Some("1614265330"));
        assert_eq!(value(&headers, "webhook-signature"), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    /// `printf '1614265330.{"test": 2432232314}' | openssl dgst -sha256 -hmac whsec_abc`
    #[test]
    fn timestamped_hex_is_keyed_with_the_whole_secret() {
        let headers = sign(Scheme::TimestampedHex, "whsec_abc", &[]);
        assert_eq!(value(&headers, "x-webhook-timestamp"), Some("1614265330"));
        assert_eq!(
            value(&headers, "x-webhook-signature"),
            Some("sha256=3075f08702f794f559658202f591dbeb734f6e037e13281e23556c79588c3a64")
        );
    }

    #[test]
    fn an_old_secret_signs_too_until_it_ends() {
        let old = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
        let previous = |valid_until| PreviousSecret { secret: Secret::new(old.clone()), valid_until };
        let both = sign(Scheme::Standard, "whsec_abc", &[previous(Timestamp::from_millis(NOW.millis() + 1))]);
        let both = value(&both, "webhook-signature").unwrap().to_owned();
        assert_eq!(both.split(' ').nth(1), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        let ended = sign(Scheme::Standard, "whsec_abc", &[previous(NOW)]);
        assert_eq!(value(&ended, "webhook-signature"), both.split(' ').next());
    }

    #[test]
    fn a_secret_that_is_no_base64_is_its_own_key() {
        assert_eq!(standard_key(&Secret::new("plain text".to_owned())), b"plain text");
        assert_eq!(standard_key(&Secret::new("whsec_not base64".to_owned())), b"whsec_not base64");
        assert_eq!(standard_key(&Secret::new("whsec_AQID".to_owned())), [1, 2, 3]);
    }
}
